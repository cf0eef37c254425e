"""Errors to status codes and back, over a real connection."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from katib import errors
from katib.errors import AlgorithmFailed, AlgorithmUnknown, Fault, InvalidInput, KatibError
from katib.rpc import api, channels
from katib.rpc.methods import VALIDATE_ALGORITHM_SETTINGS, handlers, stub
from katib.rpc.status import CODES, Status, code_of, details_of, faults_of, is_unknown_algorithm, status_of

FAULTS = (
    Fault(
        path="spec.algorithm.algorithmSettings.x",
        given="1",
        wanted="unknown setting x",
        hint="it takes none",
        verbatim=True,
    ),
    Fault(path="spec.parameters[0].feasibleSpace.min", given="ä", wanted="a number", line=7),
)


class Server:
    """Fails every validation with what it is told."""

    def __init__(self) -> None:
        self.status = Status(code=grpc.StatusCode.INTERNAL, details="")
        self.server = grpc.server(ThreadPoolExecutor(1), options=channels.OPTIONS)
        self.server.add_generic_rpc_handlers(handlers({VALIDATE_ALGORITHM_SETTINGS: self.refuse}))
        self.endpoint = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def refuse(self, _request: api.ValidateAlgorithmSettingsRequest, context: grpc.ServicerContext) -> Any:
        context.set_trailing_metadata(self.status.metadata)
        context.abort(self.status.code, self.status.details)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.server.stop(None).wait()


def answered(server: Server, status: Status) -> grpc.RpcError:
    server.status = status
    with channels.open_channel(server.endpoint) as channel, pytest.raises(grpc.RpcError) as raised:
        stub(channel, VALIDATE_ALGORITHM_SETTINGS)(api.ValidateAlgorithmSettingsRequest(), timeout=10)
    return raised.value


def test_faults_come_back_as_they_were(server: Server) -> None:
    error = answered(server, status_of(InvalidInput(FAULTS)))
    assert code_of(error) is grpc.StatusCode.INVALID_ARGUMENT
    assert faults_of(error, "spec.algorithm") == FAULTS


def test_an_algorithms_own_words_are_told_without_their_place() -> None:
    """Katib's controller shows the details; its tests compare them."""
    assert status_of(InvalidInput(FAULTS[:1]), placed=False).details == "unknown setting x"
    assert status_of(InvalidInput(FAULTS), placed=False).details == "unknown setting x\na number, got ä"
    assert status_of(InvalidInput(FAULTS)).details.splitlines()[1] == str(FAULTS[1])


def test_too_many_faults_for_the_metadata_are_still_in_the_details(server: Server) -> None:
    many = [Fault(path=f"spec.parameters[{n}]", wanted="something else " * 3) for n in range(200)]
    error = answered(server, status_of(InvalidInput(many)))
    (only,) = faults_of(error, "spec.algorithm")
    assert only.path == "spec.algorithm"
    assert "spec.parameters[0]" in only.wanted


def test_a_refusal_by_a_server_that_is_not_ours(server: Server) -> None:
    error = answered(server, Status(code=grpc.StatusCode.UNKNOWN, details="Exception calling application: r_l"))
    assert faults_of(error, "spec.algorithm") == (
        Fault(path="spec.algorithm", wanted="Exception calling application: r_l"),
    )
    assert not is_unknown_algorithm(error)


def test_an_unknown_algorithm_is_told_from_other_faults(server: Server) -> None:
    assert is_unknown_algorithm(answered(server, status_of(AlgorithmUnknown("no algorithm", hint="installed: a"))))
    assert not is_unknown_algorithm(answered(server, status_of(InvalidInput(FAULTS))))


def test_what_cannot_be_reached_is_unavailable() -> None:
    with channels.open_channel("127.0.0.1:1") as channel:
        assert not channels.is_ready(channel, 0.05)
        with pytest.raises(grpc.RpcError) as raised:
            stub(channel, VALIDATE_ALGORITHM_SETTINGS)(api.ValidateAlgorithmSettingsRequest(), timeout=10)
    assert code_of(raised.value) is grpc.StatusCode.UNAVAILABLE
    assert details_of(raised.value)


def test_every_error_has_a_code() -> None:
    named = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, KatibError)]
    assert CODES[-1] == (KatibError, grpc.StatusCode.INTERNAL)
    for position, (kind, _code) in enumerate(CODES):
        assert not any(issubclass(kind, earlier) for earlier, _ in CODES[:position]), f"{kind} is never reached"
    assert {kind for kind, _ in CODES} <= set(named)


def test_a_timeout_is_one_on_the_wire() -> None:
    assert status_of(AlgorithmFailed("slow", why="timeout")).code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert status_of(AlgorithmFailed("broke", why="crashed")).code is grpc.StatusCode.INTERNAL
