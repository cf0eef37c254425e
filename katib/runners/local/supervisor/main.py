"""Becomes a daemon that serves one run directory, and tells the process that started it how that went.

Exit codes of the starting process: 0 the supervisor listens, 3 another one has the directory, 1 it could not start, and
the reason is on standard output.
"""

import fcntl
import os
import signal
import sys
from pathlib import Path

from . import layout
from .loop import Supervisor
from .processes import become_reaper

READY = 0
FAILED = 1
BUSY = 3


def main() -> None:
    """Start a detached supervisor; its arguments are those of `Supervisor`."""
    run_dir, linger, housekeeping = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    receive, send = os.pipe()
    if os.fork():
        os.close(send)
        with os.fdopen(receive) as answer:
            code, _, reason = answer.read().partition(" ")
        sys.stdout.write(reason)
        sys.exit(int(code or FAILED))
    os.close(receive)
    _serve(run_dir, send, linger=linger, housekeeping=housekeeping)


def _serve(run_dir: Path, starter: int, *, linger: float, housekeeping: float) -> None:
    def answer(code: int, reason: str = "") -> None:
        os.write(starter, f"{code} {reason}".encode(errors="backslashreplace"))
        os.close(starter)

    try:
        held = _lock(run_dir)
        if held is None:
            answer(BUSY)
            return
        _detach(run_dir)
        supervisor = Supervisor(run_dir, linger=linger, housekeeping=housekeeping)
    except OSError as error:
        answer(FAILED, str(error))
        return
    answer(READY)
    supervisor.serve()


def _lock(run_dir: Path) -> int | None:
    """Take the directory for this process's life; None when another supervisor has it."""
    layout.home(run_dir).mkdir(exist_ok=True)
    held = os.open(layout.lock(run_dir), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    os.ftruncate(held, 0)
    os.write(held, f"{os.getpid()}\n".encode())
    return held


def _detach(run_dir: Path) -> None:
    """Leave the engine's standard streams behind. It has started us in a session of our own, without a terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    become_reaper()
    errors = os.open(layout.errors(run_dir), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    for stream, target in ((0, nothing), (1, errors), (2, errors)):
        os.dup2(target, stream)
    os.chdir("/")
