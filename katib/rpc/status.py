"""Errors <-> status codes of gRPC, both ways.

Katib's own servers say what is wrong in the details, as text. Beside it, ours send each fault in the trailing metadata,
so that another katib shows it with its path and hint.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import grpc

from katib.errors import (
    AlgorithmFailed,
    AlgorithmUnknown,
    AlreadyExists,
    Conflict,
    Fault,
    InvalidInput,
    KatibError,
    NotFound,
    Stale,
    StoreUnavailable,
    StudyClosed,
    SuggestionError,
    cut,
)

Code = grpc.StatusCode

CODES: tuple[tuple[type[KatibError], grpc.StatusCode], ...] = (
    (InvalidInput, Code.INVALID_ARGUMENT),
    # Katib's services say so when they are asked for an algorithm of another one.
    (AlgorithmUnknown, Code.INVALID_ARGUMENT),
    (AlgorithmFailed, Code.INTERNAL),
    (SuggestionError, Code.FAILED_PRECONDITION),
    (NotFound, Code.NOT_FOUND),
    (AlreadyExists, Code.ALREADY_EXISTS),
    (StudyClosed, Code.FAILED_PRECONDITION),
    (Stale, Code.FAILED_PRECONDITION),
    (Conflict, Code.ABORTED),
    (StoreUnavailable, Code.UNAVAILABLE),
    (KatibError, Code.INTERNAL),
)
"""The first class that fits an error decides."""

KIND_KEY, HINT_KEY, FAULTS_KEY = "katib-error", "katib-hint-bin", "katib-faults-bin"
METADATA_LIMIT = 6000
"""Bytes of metadata that we add; gRPC refuses more than 8 KiB in all."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a failed call answers."""

    code: grpc.StatusCode
    details: str
    metadata: tuple[tuple[str, str | bytes], ...] = ()


def status_of(error: KatibError, *, placed: bool = True) -> Status:
    """The answer that says `error`.

    Args:
        placed: tell where each fault is. What an algorithm finds wrong is a sentence of its own, word for word Katib's
            where Katib has one.
    """
    code = next(code for kind, code in CODES if isinstance(error, kind))
    if isinstance(error, AlgorithmFailed) and error.why == "timeout":
        code = Code.DEADLINE_EXCEEDED
    metadata: list[tuple[str, str | bytes]] = [(KIND_KEY, type(error).__name__)]
    if error.hint:
        metadata.append((HINT_KEY, cut(error.hint, 500).encode()))
    if isinstance(error, InvalidInput):
        faults = json.dumps([asdict(fault) for fault in error.faults]).encode()
        # Where they are too many to be carried, the details still have them all.
        metadata += [(FAULTS_KEY, faults)] if len(faults) <= METADATA_LIMIT else []
    return Status(code=code, details=_details(error, placed), metadata=tuple(metadata))


def _details(error: KatibError, placed: bool) -> str:
    if isinstance(error, InvalidInput):
        return cut("\n".join(str(fault) if placed else _sentence(fault) for fault in error.faults))
    return cut(error.message)


def _sentence(fault: Fault) -> str:
    return fault.wanted if fault.verbatim else fault.said


def faults_of(error: grpc.RpcError, path: str) -> tuple[Fault, ...]:
    """What a refusal says. A server that is not ours says it in its details, which become a fault at `path`."""
    for key, value in _trailing(error):
        if key == FAULTS_KEY:
            return tuple(Fault(**each) for each in json.loads(value))
    hint = next((_text(value) for key, value in _trailing(error) if key == HINT_KEY), "")
    said = cut(details_of(error)) or "it was refused without a reason"
    return (Fault(path=path, wanted=said, hint=hint),)


def is_unknown_algorithm(error: grpc.RpcError) -> bool:
    """Whether one of our servers says that it has no such algorithm."""
    return (KIND_KEY, AlgorithmUnknown.__name__) in [(key, _text(value)) for key, value in _trailing(error)]


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """The status code of a call that failed."""
    code: grpc.StatusCode = error.code()
    return code


def details_of(error: grpc.RpcError) -> str:
    """What the server, or gRPC itself, said about it."""
    return str(error.details() or "")


def _trailing(error: grpc.RpcError) -> Sequence[tuple[str, str | bytes]]:
    return tuple((pair.key, pair.value) for pair in error.trailing_metadata() or ())


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
