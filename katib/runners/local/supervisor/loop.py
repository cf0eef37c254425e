"""The loop: one thread that waits for ends of children, for the engine, and for time to pass."""

import contextlib
import math
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import layout
from .lines import Key, key_of, pack, unpack
from .runs import Runs

SOCKET_NAME = "katib.sock"
CHUNK = 1 << 16
"""Bytes received at a time."""
TOGETHER = 0.05
"""Seconds that news may wait for others to be sent with them, when nobody is held up: each sending wakes the engine."""
UNREAD_LIMIT = 8 << 20
"""Bytes that an engine may leave unread before it is dropped; it can connect again and ask."""


class Peer:
    """A connected engine.

    Attributes:
        env: the environment of the trials that it launches.
        incoming: the start of a line whose end has not arrived yet.
        outgoing: what it has not read yet.
        send_at: when that is to be sent, by `time.monotonic`.
        waiting: whether the selector watches for room to write.
    """

    __slots__ = ("env", "incoming", "outgoing", "send_at", "socket", "waiting")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.env: dict[str, str] = {}
        self.incoming = b""
        self.outgoing = bytearray()
        self.send_at = math.inf
        self.waiting = False

    def tell(self, lines: bytes, *, within: float) -> None:
        """Send `lines` in so many seconds at most, and whatever is to be sent with them."""
        self.outgoing += lines
        self.send_at = min(self.send_at, time.monotonic() + within)


class Supervisor:
    """Serves one run directory until nothing runs and nobody is connected.

    Args:
        linger: seconds to stay after that, for the next engine.
        housekeeping: seconds between looks whether our socket is still there: systems clean their temporary folders.
    """

    def __init__(self, run_dir: Path, *, linger: float, housekeeping: float) -> None:
        self._dir = run_dir
        self._linger = linger
        self._housekeeping = housekeeping
        self._selector = selectors.DefaultSelector()
        self._peers: list[Peer] = []
        self._watch_children()
        self._forget_socket_of_predecessor()
        self._runs = Runs(run_dir, self._broadcast)
        self._listen()
        self._idle_since: float | None = None
        self._keep_house_at = 0.0

    def serve(self) -> None:
        """Work until there is nothing left to do."""
        while not self._done():
            for key, events in self._selector.select(self._timeout()):
                react: Callable[[int], None] = key.data
                react(events)
            self._runs.fill()
            self._runs.start_recorded()
            self._runs.tick()
            self._flush_all()
            self._keep_house()
        self._listener.close()
        _remove(self._socket_path)

    def _timeout(self) -> float:
        due = self._runs.due_in()
        most = self._housekeeping if self._idle_since is None else self._linger
        send_at = min((peer.send_at for peer in self._peers if not peer.waiting), default=math.inf)
        return min(most, most if due is None else due, max(send_at - time.monotonic(), 0.0))

    def _done(self) -> bool:
        now = time.monotonic()
        if self._peers or not self._runs.idle:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        return self._idle_since is not None and now - self._idle_since >= self._linger

    def _keep_house(self) -> None:
        """Now and then: listen anew when our socket was cleaned away; give up when the run directory was."""
        now = time.monotonic()
        if now < self._keep_house_at:
            return
        self._keep_house_at = now + self._housekeeping
        if not self._peers and not layout.journal(self._dir).exists():
            # Nobody can ever learn what these runs amount to, and nobody but us knows that they are there.
            self._runs.kill()
        if not self._socket_path.exists():
            self._listen_anew()

    def _listen_anew(self) -> None:
        self._selector.unregister(self._listener)
        self._listener.close()
        try:
            self._listen()
        except OSError as error:
            # The runs matter more than who can reach us; try again at the next look.
            sys.stderr.write(f"cannot listen: {error}\n")

    def _watch_children(self) -> None:
        news, signalled = socket.socketpair()
        news.setblocking(False)
        signalled.setblocking(False)
        # Kept open by the selector's and the signal machinery's references.
        self._signalled = signalled
        signal.set_wakeup_fd(signalled.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

        def react(_events: int) -> None:
            news.recv(4096)
            self._runs.reap()

        self._selector.register(news, selectors.EVENT_READ, react)

    def _listen(self) -> None:
        """Listen in a private folder: the run directory's own path may be longer than a socket's can be."""
        folder = _folder_for_sockets() / f"katib-{os.urandom(8).hex()}"
        folder.mkdir(mode=0o700)
        self._socket_path = folder / SOCKET_NAME
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(self._socket_path))
        self._listener.listen(16)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        address = layout.address(self._dir)
        fresh = address.with_suffix(".new")
        fresh.write_text(str(self._socket_path))
        fresh.replace(address)

    def _forget_socket_of_predecessor(self) -> None:
        """One that was killed could not tidy up. It is dead: we have its lock."""
        with contextlib.suppress(FileNotFoundError):
            left = Path(layout.address(self._dir).read_text())
            if left.name == SOCKET_NAME:
                _remove(left)

    def _accept(self, _events: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        peer = Peer(connection)
        self._peers.append(peer)
        self._selector.register(connection, selectors.EVENT_READ, lambda events: self._exchange(peer, events))

    def _exchange(self, peer: Peer, events: int) -> None:
        if not events & selectors.EVENT_READ:
            # There is room to write again; that happens after each round anyway.
            return
        try:
            data = peer.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        messages, peer.incoming = unpack(peer.incoming + data)
        for message in messages:
            answer = {"re": message.get("number"), **self._obey(peer, message)}
            peer.tell(pack(answer), within=TOGETHER if message.get("posted") and "error" not in answer else 0.0)

    def _obey(self, peer: Peer, message: dict[str, Any]) -> dict[str, str]:
        """Do what an engine asks, and return what went wrong; what became of runs on the way goes before the answer."""
        try:
            keys = [key_of(run) for run in message.get("runs", ())]
            match message["do"]:
                case "hello":
                    peer.env = message["env"]
                    peer.tell(self._known(keys), within=0.0)
                case "watch":
                    peer.tell(self._known(keys), within=0.0)
                case "launch":
                    self._runs.limit(message.get("limit"))
                    self._runs.launch(message["runs"], peer.env)
                    peer.tell(self._known(keys), within=TOGETHER)
                case "limit":
                    self._runs.limit(message["limit"])
                case "stop":
                    self._runs.stop(key_of(message), message["grace"])
                case "kill":
                    self._runs.kill()
        except OSError as error:
            return {"error": str(error)}
        except Exception as error:
            # A message that is not understood, by a fault of ours or of another version: no reason to let go of the
            # runs of all others.
            traceback.print_exc()
            return {"error": f"{type(error).__name__}: {error}"}
        return {}

    def _known(self, keys: list[Key]) -> bytes:
        return b"".join(self._runs.known(key) or pack({"run": key, "is": "unknown"}) for key in keys)

    def _broadcast(self, line: bytes, *, urgent: bool) -> None:
        for peer in self._peers:
            peer.tell(line, within=0.0 if urgent else TOGETHER)

    def _flush_all(self) -> None:
        now = time.monotonic()
        for peer in self._peers.copy():
            if now >= peer.send_at:
                self._flush(peer)

    def _flush(self, peer: Peer) -> None:
        if not peer.outgoing and not peer.waiting:
            return
        try:
            if peer.outgoing:
                del peer.outgoing[: peer.socket.send(peer.outgoing)]
            if not peer.outgoing:
                peer.send_at = math.inf
        except BlockingIOError:
            pass
        except OSError:
            self._drop(peer)
            return
        if len(peer.outgoing) > UNREAD_LIMIT:
            self._drop(peer)
        elif peer.waiting != bool(peer.outgoing):
            peer.waiting = bool(peer.outgoing)
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.waiting else 0)
            self._selector.modify(peer.socket, wanted, self._selector.get_key(peer.socket).data)

    def _drop(self, peer: Peer) -> None:
        self._selector.unregister(peer.socket)
        peer.socket.close()
        self._peers.remove(peer)
        if not self._peers:
            # What goes on stays; nothing is begun that nobody would hear of.
            self._runs.empty_queue()


def _remove(path: Path) -> None:
    """Remove a socket with its folder, as far as they are there and ours."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def _folder_for_sockets() -> Path:
    """A folder with a short name: the user's own if the system has one, else that for temporary files."""
    wanted = (os.environ.get(name, "") for name in ("XDG_RUNTIME_DIR", "TMPDIR"))
    usable = (folder for folder in wanted if folder and len(folder) < 64 and os.access(folder, os.W_OK | os.X_OK))
    return Path(next(usable, "/tmp"))  # noqa: S108 -- the folder made in it is private and has a random name
