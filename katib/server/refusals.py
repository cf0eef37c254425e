"""How a call ends that cannot be answered."""

from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message

from katib.errors import AlgorithmUnknown, KatibError
from katib.rpc.methods import Handler
from katib.rpc.status import Status, status_of


def abort(context: grpc.ServicerContext, status: Status) -> NoReturn:
    """End the call with a status."""
    context.set_trailing_metadata(status.metadata)
    context.abort(status.code, status.details)


def refuse(context: grpc.ServicerContext, error: KatibError, algorithm: str) -> NoReturn:
    """End the call with what an algorithm's service said of it, word for word Katib's where Katib has words for it."""
    if isinstance(error, AlgorithmUnknown):
        error = AlgorithmUnknown(f"unknown algorithm name {algorithm}", hint=error.hint)
    abort(context, status_of(error, placed=False))


def refusing(handler: Handler) -> Handler:
    """The handler, with errors of katib as status codes."""

    def answer(request: Any, context: grpc.ServicerContext) -> Message:
        try:
            return handler(request, context)
        except KatibError as error:
            abort(context, status_of(error))

    return answer
