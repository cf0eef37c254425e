"""What the engine and a worker process say to each other, and how: pickled values in frames over a socket pair.

Both ends are this package, of one version, run by one user; nobody else can reach the socket.
"""

import pickle
import select
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, kw_only=True)
class Hello:
    """The first message to a worker: where to import from, and algorithms beside the installed ones."""

    path: tuple[str, ...]
    extra: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Describe:
    """Asks for the abilities and settings of an algorithm."""

    algorithm: str


@dataclass(frozen=True, kw_only=True)
class Validate:
    """Asks for the faults of a configuration."""

    config: StudyConfig


@dataclass(frozen=True, kw_only=True)
class Suggest:
    """Asks for assignments.

    Attributes:
        base: the version of the record that the worker should have; 0 when `changed` is the whole record.
        version: the version that the record has with `changed` put in.
    """

    config: StudyConfig
    base: int
    version: int
    changed: tuple[Trial, ...]
    ordinals: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request, and when its answer is worth nothing any more, by the machine's monotonic clock."""

    request: Describe | Validate | Suggest
    deadline: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was asked for."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class NeedFull:
    """The worker does not have the base that a request builds on; send the whole record."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error of `katib.errors`, by its class's name: exceptions themselves lose on the way what they carry."""

    kind: str
    message: str
    hint: str = ""
    why: str = ""
    faults: tuple[Fault, ...] = ()


class Channel:
    """One end of the socket pair. Closing an end is what the other sees as EOFError."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: object, *, deadline: float | None = None) -> None:
        """Raises TimeoutError, and OSError when the other end is gone."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self, *, deadline: float | None = None) -> Any:
        """The next message. Raises TimeoutError, and EOFError when the other end is closed."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        return pickle.loads(self._exactly(length, deadline))  # noqa: S301 - see the module's text

    def readable(self, seconds: float) -> bool:
        """Wait until there is something to receive, or the end; False when there is not after so many seconds."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _exactly(self, count: int, deadline: float | None) -> bytearray:
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            self._socket.settimeout(_left(deadline))
            read = self._socket.recv_into(view[got:])
            if read == 0:
                raise EOFError("the other end is closed")
            got += read
        return data


def _left(deadline: float | None) -> float | None:
    """Seconds for the next operation of a socket; never 0, which would mean not to wait at all."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left
