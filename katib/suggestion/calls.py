"""Calls of a server of Katib's API: how long they may take, when they are tried again, and what a failure is."""

import time
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from katib.errors import AlgorithmFailed, AlgorithmUnknown
from katib.rpc import channels
from katib.rpc.methods import Method, stub
from katib.rpc.status import code_of, details_of, faults_of

Code = grpc.StatusCode
Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)

REFUSALS = frozenset({Code.INVALID_ARGUMENT, Code.UNKNOWN})
"""The codes by which Katib's services refuse an experiment."""

BUSY = frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED})
"""The codes after which the same request may succeed in a moment."""

PAUSE = 0.1
"""Seconds before a server that is busy is asked again; doubled each time."""


class Calls:
    """A connection to one server; for any number of threads.

    Args:
        kind: what the server is, in messages: `suggestion service`.
        endpoint: host:port.
        deadline: seconds for one answer.
        connect: seconds in which a server that is busy or away is tried again.
    """

    def __init__(self, kind: str, endpoint: str, *, deadline: float, connect: float) -> None:
        self.who = f"the {kind} at {endpoint}"
        self._deadline, self._connect = deadline, connect
        self._channel = channels.open_channel(endpoint)

    def call(self, method: Method[Request, Reply], request: Request | bytes) -> Reply:
        """The reply, within the deadline. `request`: or its bytes. Raises grpc.RpcError."""
        began, pause = time.monotonic(), PAUSE
        while True:
            left = self._deadline - (time.monotonic() - began)
            try:
                return stub(self._channel, method)(request, timeout=max(left, 0.001))
            except grpc.RpcError as error:
                waited = time.monotonic() - began
                if code_of(error) not in BUSY or waited + pause > min(self._connect, self._deadline):
                    raise
            # Ready at once when it was busy, later when it is away.
            channels.is_ready(self._channel, pause)
            time.sleep(pause)
            pause *= 2

    def failed(self, error: grpc.RpcError) -> AlgorithmFailed:
        """What a failed call means."""
        code, said = code_of(error), details_of(error)
        if code is Code.UNAVAILABLE:
            hint = "is it running, and is this its address?"
            return AlgorithmFailed(f"{self.who} cannot be reached: {said}", hint=hint, why="unreachable")
        if code is Code.DEADLINE_EXCEEDED:
            said = f"{self.who} did not answer within {self._deadline:g} seconds"
            return AlgorithmFailed(said, why="timeout")
        return AlgorithmFailed(f"{self.who} answered {code.name}: {said}", why="error")

    def unknown(self, algorithm: str, error: grpc.RpcError) -> AlgorithmUnknown:
        """What one of our servers means that has no such algorithm."""
        hint = next((fault.hint for fault in faults_of(error, "") if fault.hint), "")
        return AlgorithmUnknown(f"{self.who} has no algorithm {algorithm!r}", hint=hint)

    def close(self) -> None:
        """End the connection."""
        self._channel.close()
