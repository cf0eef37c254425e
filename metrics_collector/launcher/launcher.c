/* Runs a container's command as it is written, and keeps a copy of what it prints where the metrics collector reads it.
 *
 *     launcher --install PATH          copy this program to PATH
 *     launcher DIR COMMAND [WORD…]     run COMMAND with these words
 *
 * Output goes to where it would have gone, and to DIR/output. DIR/lock is locked as long as the command runs: the kernel
 * lets go of it however this process ends, and so the collector learns of the end. Signals are passed on, what was
 * left without a parent is waited for (this may be process 1), and the exit code is the command's; 128 and the signal's
 * number, as a shell has it, when one ended it. It needs no shell and no library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void pass_on(int number) {
    if (child > 0) kill(child, number);
}

static int give_up(const char *what) {
    fprintf(stderr, "katib: %s: %s\n", what, strerror(errno));
    return errno == ENOENT ? 127 : 126;
}

static int all(int to, const char *data, ssize_t size) {
    while (size > 0) {
        ssize_t written = write(to, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) {
            struct pollfd ready = {to, POLLOUT, 0};
            poll(&ready, 1, -1);
            continue;
        }
        if (written < 0) return -1;
        data += written;
        size -= written;
    }
    return 0;
}

static int install(const char *path) {
    static char data[1 << 16];
    int from = open("/proc/self/exe", O_RDONLY);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0555);
    if (from < 0 || to < 0) return give_up(path);
    for (ssize_t size; (size = read(from, data, sizeof data)) != 0;)
        if (size < 0 || all(to, data, size) < 0) return give_up(path);
    return fchmod(to, 0555) || close(to) ? give_up(path) : 0;
}

static int open_in(const char *dir, const char *name, int flags) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int file = open(path, flags | O_CREAT | O_CLOEXEC, 0644);
    /* Whatever the umask is: the collector is somebody else. */
    if (file >= 0) fchmod(file, 0644);
    return file;
}

/* Lock DIR/lock until this process is over. It is there only from when it is locked: one that is not says that the command is over. */
static void lock(const char *dir) {
    char fresh[PATH_MAX], path[PATH_MAX];
    snprintf(fresh, sizeof fresh, "%s/lock.new", dir);
    snprintf(path, sizeof path, "%s/lock", dir);
    int file = open_in(dir, "lock.new", O_RDWR);
    if (file >= 0 && flock(file, LOCK_EX) == 0) rename(fresh, path);
}

/* Copy what there is to read from `from`; -1 at its end. A full disk must not stop the training. */
static int copy(int from, int to, int output) {
    static char data[1 << 16];
    ssize_t size = read(from, data, sizeof data);
    if (size < 0) return errno == EINTR || errno == EAGAIN ? 0 : -1;
    if (size == 0) return -1;
    if (all(to, data, size) < 0 && errno != EPIPE) return -1;
    if (output >= 0) all(output, data, size);
    return 1;
}

/* Wait for whatever has ended; whether the command has, with its status. */
static int ended(int *status) {
    int found;
    pid_t pid;
    while ((pid = waitpid(-1, &found, WNOHANG)) > 0)
        if (pid == child) {
            *status = found;
            return 1;
        }
    return 0;
}

static int follow(struct pollfd *pipes, int output) {
    int status = 0, over = 0, open_ones = 2;
    while (!over || open_ones) {
        /* After the command's end only what is there already: others may hold the pipes for ever. */
        int news = poll(pipes, 2, over ? 0 : 200);
        if (over && news <= 0) break;
        for (int i = 0; i < 2; i++)
            if (pipes[i].fd >= 0 && pipes[i].revents && copy(pipes[i].fd, i + 1, output) < 0) {
                close(pipes[i].fd);
                pipes[i].fd = -1;
                open_ones--;
            }
        if (!over) over = ended(&status);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void listen_to_signals(void) {
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--install") == 0) return install(argv[2]);
    if (argc < 3) {
        fprintf(stderr, "usage: launcher --install PATH | launcher DIR COMMAND [WORD…]\n");
        return 2;
    }
    int output = open_in(argv[1], "output", O_WRONLY | O_APPEND);
    lock(argv[1]);
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) return give_up("a pipe");
    sigset_t every, before;
    sigfillset(&every);
    /* No signal comes between its start and the moment from which it is passed on. */
    sigprocmask(SIG_BLOCK, &every, &before);
    child = fork();
    if (child < 0) return give_up("fork");
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execvp(argv[2], argv + 2);
        _exit(give_up(argv[2]));
    }
    listen_to_signals();
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(out[1]);
    close(err[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    struct pollfd pipes[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    return follow(pipes, output);
}
