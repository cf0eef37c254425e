"""One worker process, from the engine's side: start it, ask it, end it."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

from katib.errors import OUTSIDE_TEXT_LIMIT, AlgorithmFailed
from katib.suggestion.wire import Answer, Channel, Describe, Failure, Hello, NeedFull, Question, Suggest, Validate

GRACE = 0.5
"""Seconds beyond the deadline in which a worker that hangs prints where it stands, before it is killed."""

LOG_LIMIT = 1_000_000
"""Bytes of an algorithm's own output that are kept."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The processors belong to the trials; an algorithm's linear algebra is small. The user's environment wins."""


class WorkerProcess:
    """A child process that is alive, or was. Not for several threads at once.

    Its output goes to a file without a name, never to the user's terminal; it is in a session of its own, so that a
    Ctrl-C does not reach it; and it ends when this process does.
    """

    def __init__(self, extra: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        # Both may write: after a truncation the child goes on at the end.
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        with theirs:
            self._child = subprocess.Popen(
                # -P: a file named like a standard module in the user's folder must not be imported instead of it.
                [sys.executable, "-P", "-u", "-m", "katib.suggestion.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
                env={**ONE_THREAD, **os.environ},
            )
        with contextlib.suppress(OSError):
            # When it is gone already, the first question says so.
            self._channel.send(Hello(path=tuple(sys.path), extra=dict(extra)))

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, request: Describe | Validate | Suggest, *, deadline: float, who: str) -> Answer | NeedFull | Failure:
        """The worker's answer.

        Args:
            deadline: by the monotonic clock.
            who: what the question is about, for messages.

        Raises AlgorithmFailed when the worker ends or hangs; it is of no use afterwards.
        """
        try:
            self._channel.send(Question(request=request, deadline=deadline), deadline=deadline)
            answer: Answer | NeedFull | Failure = self._channel.receive(deadline=deadline + GRACE)
        except TimeoutError as error:
            raise AlgorithmFailed(f"{who} did not answer in time{self._tail()}", why="timeout") from error
        except (EOFError, OSError) as error:
            raise self._gone(who, late=time.monotonic() >= deadline) from error
        self._trim()
        return answer

    def end(self, *, at_once: bool = False) -> None:
        """End the process and what it started. Twice does no harm."""
        self._channel.close()
        if not at_once:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(1.0)
        self.kill()
        self._child.wait()
        self._log.close()

    def kill(self) -> None:
        """Kill the process and what it started; from any thread. A question that is open ends as AlgorithmFailed."""
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _gone(self, who: str, *, late: bool) -> AlgorithmFailed:
        if late:
            return AlgorithmFailed(f"{who} did not answer in time{self._tail()}", why="timeout")
        try:
            code = self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            return AlgorithmFailed(f"{who}: its worker closed the connection{self._tail()}", why="crashed")
        how = f"ended with code {code}" if code >= 0 else f"was ended by signal {-code} ({_signal_name(-code)})"
        return AlgorithmFailed(f"{who}: its worker process {how}{self._tail()}", why="crashed")

    def _tail(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), OUTSIDE_TEXT_LIMIT, max(size - OUTSIDE_TEXT_LIMIT, 0))
        said = text.decode(errors="replace").strip()
        return f"; its last output:\n{said}" if said else ""

    def _trim(self) -> None:
        if os.fstat(self._log.fileno()).st_size > LOG_LIMIT:
            os.ftruncate(self._log.fileno(), 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
