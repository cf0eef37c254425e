"""The engine's end of the line to the supervisor: finds it, or starts one, and asks it."""

import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from katib.errors import RunnerUnavailable, cut
from katib.runners.local.settings import LocalSettings
from katib.runners.local.supervisor import layout
from katib.runners.local.supervisor.lines import Key, pack, unpack

PROGRAM = Path(layout.__file__).with_name("__main__.py")
BUSY = 3
"""The starter's exit code when another supervisor has the run directory."""
CHUNK = 1 << 16
"""Bytes received at a time."""
PAUSE = 0.02
"""Seconds before a supervisor that is just starting, or just ending, is looked for again."""


class Link:
    """One connection to the supervisor of a run directory, made when it is needed and made again when it broke.

    Safe to use from several threads. Whoever reads hands what became of runs to `tell`, in the order it happened. The
    callbacks are called with the link's lock held.

    Args:
        base_env: the environment of trials, before what each adds to it.
        tell: called with each line about a run.
        watching: the runs to ask about on each new connection, because news of them may have been missed.
        failed: called with each posted message that was not dealt with, or may not have been.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        base_env: Mapping[str, str],
        settings: LocalSettings,
        tell: Callable[[Mapping[str, Any]], None],
        watching: Callable[[], list[Key]],
        failed: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._dir = run_dir
        self._base_env = base_env
        self._settings = settings
        self._tell = tell
        self._watching = watching
        self._failed = failed
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._incoming = b""
        self._numbers = itertools.count(1)
        self._answers: dict[int, str] = {}
        self._posted: dict[int, Mapping[str, Any]] = {}

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._socket is not None

    def fileno(self) -> int:
        """The connection's file descriptor, to wait for news; -1 without one."""
        connection = self._socket
        return connection.fileno() if connection is not None else -1

    def ask(self, message: dict[str, Any]) -> None:
        """Send a message and wait until it is dealt with; `tell` has been told of everything up to then.

        Raises RunnerUnavailable when it was not: no supervisor can be had, or it could not do it.
        """
        with self._lock:
            end = time.monotonic() + self._settings.patience
            while True:
                self._connect(end)
                try:
                    failure = self._exchange(message, end)
                    break
                except KeyboardInterrupt:
                    # It may have come in the middle of a line.
                    self._disconnect()
                    raise
                except OSError as error:
                    # It ended, or was killed, in the middle. A message may be sent twice: all are idempotent.
                    self._disconnect()
                    if time.monotonic() >= end:
                        raise self._unavailable(f"its supervisor does not answer: {error}") from error
                    time.sleep(PAUSE)
            if failure:
                raise self._unavailable(failure)

    def post(self, message: dict[str, Any]) -> bool:
        """Send a message over the connection that there is, and do not wait; False when it was not sent.

        Whoever calls `receive` learns what came of it: `failed` is called if it was not dealt with.
        """
        with self._lock:
            if self._socket is None:
                return False
            number = next(self._numbers)
            try:
                self._socket.settimeout(self._settings.patience)
                self._socket.sendall(pack({**message, "number": number, "posted": True}))
            except OSError:
                self._disconnect()
                return False
            except KeyboardInterrupt:
                # It may have come in the middle of a line.
                self._disconnect()
                raise
            self._posted[number] = message
            return True

    def connect(self) -> None:
        """Make the connection if there is none. Raises RunnerUnavailable when no supervisor can be had."""
        with self._lock:
            self._connect(time.monotonic() + self._settings.patience)

    def receive(self) -> None:
        """Take in what has arrived, without waiting. Afterwards `connected` is false when the line is dead."""
        with self._lock:
            if self._socket is None:
                return
            try:
                self._socket.setblocking(False)
                while True:
                    self._read(self._socket)
            except BlockingIOError:
                return
            except OSError:
                self._disconnect()

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._disconnect()

    def _exchange(self, message: dict[str, Any], end: float) -> str:
        connection = self._socket
        if connection is None:
            raise ConnectionError("not connected")
        number = next(self._numbers)
        connection.settimeout(max(end - time.monotonic(), PAUSE))
        connection.sendall(pack({**message, "number": number}))
        while number not in self._answers:
            connection.settimeout(max(end - time.monotonic(), PAUSE))
            self._read(connection)
        return self._answers.pop(number)

    def _read(self, connection: socket.socket) -> None:
        data = connection.recv(CHUNK)
        if not data:
            raise ConnectionError("it has gone")
        lines, self._incoming = unpack(self._incoming + data)
        for line in lines:
            if "re" in line:
                self._take_answer(line["re"], line.get("error", ""))
            else:
                self._tell(line)

    def _take_answer(self, number: int, failure: str) -> None:
        posted = self._posted.pop(number, None)
        if posted is None:
            self._answers[number] = failure
        elif failure:
            self._failed(posted)

    def _connect(self, end: float) -> None:
        while self._socket is None:
            self._socket = self._dial()
            if self._socket is not None:
                self._incoming = b""
                self._answers.clear()
                self._socket.settimeout(self._settings.patience)
                self._greet(self._socket)
            elif not self._start() and time.monotonic() >= end:
                raise self._unavailable("its supervisor is running but cannot be reached")

    def _greet(self, connection: socket.socket) -> None:
        runs = [{"run": key} for key in self._watching()]
        try:
            connection.sendall(pack({"do": "hello", "number": 0, "env": dict(self._base_env), "runs": runs}))
        except OSError:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        posted, self._posted = self._posted, {}
        for message in posted.values():
            self._failed(message)

    def _dial(self) -> socket.socket | None:
        try:
            address = layout.address(self._dir).read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable(str(error)) from error
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            return None
        return connection

    def _start(self) -> bool:
        """Start a supervisor; False when another is starting, or ending, just now."""
        try:
            self._dir.mkdir(parents=True, exist_ok=True)
            started = subprocess.run(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(PROGRAM),
                    str(self._dir),
                    str(self._settings.linger),
                    str(self._settings.housekeeping),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._settings.patience,
                check=False,
                # A Ctrl-C in these few milliseconds is not meant for it.
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._unavailable(f"its supervisor could not be started: {error}") from error
        if started.returncode == 0:
            return True
        if started.returncode == BUSY:
            time.sleep(PAUSE)
            return False
        said = cut((started.stdout or started.stderr).decode(errors="replace").strip())
        raise self._unavailable(f"its supervisor could not be started: {said or _ended(started.returncode)}")

    def _unavailable(self, reason: str) -> RunnerUnavailable:
        hint = f"make sure that the folder can be written and has space; see also {layout.errors(self._dir)}"
        return RunnerUnavailable(f"trials cannot be run in {self._dir}: {reason}", hint=hint)


def _ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
