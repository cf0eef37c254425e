"""What the supervisor asks of the operating system: start a process, recognise one, find those that got away."""

import ctypes
import errno
import os
import re
import signal
import stat
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from .lines import Key

PR_SET_CHILD_SUBREAPER: Final = 36  # prctl(2)
TRANSIENT = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.EINTR, errno.EIO, errno.ENOSPC}
)
"""Errors of starting a process that have nothing to do with which process it is: worth another try."""
DEFAULT_SIGNALS = [number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)]
"""Python ignores some signals, and what is ignored stays so in a child unless it is reset."""
STATE, START_TIME = 0, 19
"""Places of the third and the twenty-second field of /proc/PID/stat in what `_stat` returns."""


class CannotStart(Exception):
    """The process cannot be started, now or later; the text says why and what to do."""


def become_reaper() -> None:
    """Make orphaned descendants our children, where the kernel can (Linux), so that none of them gets away."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(argv: list[str], *, env: Mapping[str, str], cwd: str, output: int, nothing: int) -> int:
    """Start a process in a session of its own and return its pid. Changes our own working directory.

    Args:
        output, nothing: file descriptors of the log and of /dev/null.

    Raises:
        CannotStart: it cannot be started.
        OSError: it cannot be started just now (no processes, memory or descriptors left).
    """
    try:
        os.chdir(cwd)
    except OSError as error:
        hint = "create it, or correct workingDir"
        raise CannotStart(f"the working directory {cwd} cannot be used: {error.strerror}; {hint}") from error
    program = find_program(argv[0], env.get("PATH", os.defpath), cwd)
    actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    try:
        return os.posix_spawn(
            program, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=DEFAULT_SIGNALS
        )
    except ValueError as error:
        raise CannotStart(f"{argv[0]} cannot be started: {error} in its arguments or environment") from error
    except OSError as error:
        if error.errno in TRANSIENT:
            raise
        raise CannotStart(f"{program} cannot be started: {error.strerror}{_about(program, error)}") from error


def find_program(name: str, search: str, cwd: str) -> str:
    """The program's path, looked up as execvp(3) does but in the trial's own PATH.

    Args:
        search: that PATH.
        cwd: the trial's working directory, for the message; an empty entry of PATH is ours.

    Raises CannotStart.
    """
    if "/" in name:
        return name
    for folder in search.split(os.pathsep):
        # An empty entry is the working directory, which is ours at this moment.
        path = f"{folder or '.'}/{name}"
        if os.access(path, os.X_OK) and _is_file(path):
            return path
    hint = "install it, or activate the environment that it is installed in"
    if name.startswith("python") and sys.executable:
        hint = f"activate your environment, or write {sys.executable}, which katib itself runs with"
    raise CannotStart(f"program {name!r} was not found; {hint}; looked in PATH ({search}), working directory {cwd}")


def _is_file(path: str) -> bool:
    try:
        return not stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 -- on the path of every launch
    except OSError:
        return False


def _about(program: str, error: OSError) -> str:
    if error.errno == errno.ENOENT and os.access(program, os.F_OK):
        return "; the file exists, but the interpreter that its first line names does not"
    if error.errno == errno.ENOEXEC:
        return "; a script needs a first line such as #!/bin/sh"
    if error.errno == errno.EACCES:
        return f"; make it executable with chmod +x {program}"
    return ""


def identity(pid: int) -> str:
    """What tells this process from a later one with the same pid: the boot and its start time; empty if unknown."""
    fields = _stat(pid)
    return f"{BOOT}-{fields[START_TIME].decode()}" if fields else ""


def alive(pid: int, known_as: str) -> bool:
    """Whether the process still runs and is the same. A zombie does not run."""
    fields = _stat(pid)
    return bool(fields) and fields[STATE] not in (b"Z", b"X") and f"{BOOT}-{fields[START_TIME].decode()}" == known_as


def signal_group(pid: int, number: int) -> None:
    """Signal the group that `pid` leads; nothing happens when it is gone."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        # Permission is lost when what is left of the group runs as another user, by setuid: not ours to end.
        return


def kill(pid: int) -> None:
    """End one process; nothing happens when it is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def children() -> list[int]:
    """Our children, also those that we did not start but inherited; empty where the kernel does not tell."""
    listed = _read(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in (listed or b"").split()]


def belongs_to(pid: int, marker: re.Pattern[bytes]) -> Key | None:
    """The run that a process belongs to, by its environment."""
    found = marker.search(_read(f"/proc/{pid}/environ") or b"")
    return (os.fsdecode(found[1]), int(found[2])) if found else None


def all_marked(marker: re.Pattern[bytes]) -> Iterator[tuple[Key, int]]:
    """Every living process of this machine that belongs to a run, oldest first as far as their pids tell."""
    try:
        pids = sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 -- names, not paths
    except OSError:
        return
    for pid in pids:
        key = belongs_to(pid, marker)
        if key is not None:
            yield key, pid


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the third on, see proc(5); empty when there is no such process."""
    text = _read(f"/proc/{pid}/stat", once=True) or b""
    # The second field, the name, may hold spaces and brackets; the last bracket ends it.
    return text[text.rfind(b")") + 1 :].split()


def _read(path: str, *, once: bool = False) -> bytes | None:
    """What a file says; with `once`, one that says it in one piece."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(file, 1 << 16):
            parts.append(part)
            if once:
                break
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(file)


BOOT: Final = (_read("/proc/sys/kernel/random/boot_id") or b"")[:8].decode()
"""Names this boot of the machine: start times are counted from it."""
