"""Runs commands of `katib` in processes that are forked from one that has imported what they need.

Most of what a short command costs is the start of its interpreter. A forked one is a process of its own all the same:
with its own folder, environment, input, output, signals and exit code.
"""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

PRELOADED = (
    "katib.cli.main",
    "katib.cli.opened",
    "katib.cli.watching",
    "katib.embedded.leftovers",
    "katib.embedded.progress",
    "katib.embedded.starting",
    "katib.runners.local",
    "katib.server.http.app",
    "katib.server.running",
    "katib.service.explain",
    "katib.service.export",
    "katib.spec.loading",
    "katib.spec.quick",
    "katib.stores.opening",
    "katib.suggestion.catalogue",
    "katib.suggestion.fallback",
    "katib.suggestion.pool",
    "katib.testing.commands",
)
"""What commands import. These start no threads and open nothing as they are imported: numpy and grpc would."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(list(PRELOADED))

LOOK = 0.01
"""Seconds between two looks at what a command has printed so far."""


class Command:
    """A process of `katib WORDS…` that runs in a folder; used as a `subprocess.Popen` is."""

    def __init__(self, words: Sequence[str], *, folder: Path, env: Mapping[str, str], stdin: str = "") -> None:
        self.words = words
        given = Path(tempfile.mkdtemp(prefix="katib-command-"))
        weakref.finalize(self, shutil.rmtree, given, ignore_errors=True)
        self._files = [given / name for name in ("in", "out", "err")]
        for path, text in zip(self._files, (stdin, "", ""), strict=True):
            path.write_text(text)
        files = [str(path) for path in self._files]
        self._process = _FORKS.Process(target=_command, args=(list(words), str(folder), dict(env), files))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal's number; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same, as `Popen` has it."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(["katib", *self.words], timeout or 0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as the kernel would."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end: what it printed to stdout and to stderr."""
        self.wait(timeout)
        _, out, err = (path.read_text(errors="replace") for path in self._files)
        return out, err

    @property
    def err(self) -> str:
        """What it has printed to stderr so far."""
        return self._files[2].read_text(errors="replace")

    def first_line(self) -> str:
        """The first line that it prints to stdout: empty when it ends without one."""
        while True:
            ended = self.returncode is not None
            line, newline, _rest = self._files[1].read_text(errors="replace").partition("\n")
            if newline or ended:
                return line + newline
            time.sleep(LOOK)


def run_forked(
    words: Sequence[str], *, folder: Path, env: Mapping[str, str], patience: float, stdin: str = ""
) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of `katib WORDS…` in a folder.

    Args:
        patience: seconds.

    Raises:
        TimeoutError: it took longer, and was killed.
    """
    command = Command(words, folder=folder, env=env, stdin=stdin)
    try:
        out, err = command.communicate(patience)
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()
        raise TimeoutError(f"katib {' '.join(words)} took longer than {patience} s") from None
    return command.wait(), out, err


def _command(words: list[str], folder: str, env: dict[str, str], files: list[str]) -> None:
    from katib.cli.main import run

    for number, path in enumerate(files):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the process lives
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["katib", *words]
    run()
