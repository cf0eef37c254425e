"""Every method of the wire, as a table; stubs and servicers are made from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message

from katib.rpc import api, health

Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)


@dataclass(frozen=True)
class Method(Generic[Request, Reply]):
    """One method, with a single request and a single reply.

    Attributes:
        service: with its package.
    """

    service: str
    name: str
    request: type[Request]
    reply: type[Reply]

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"


DB_MANAGER = "api.v1.beta1.DBManager"
SUGGESTION = "api.v1.beta1.Suggestion"
EARLY_STOPPING = "api.v1.beta1.EarlyStopping"
ALGORITHMS = "api.v1.beta1.Algorithms"
HEALTH = "grpc.health.v1.Health"

REPORT_OBSERVATION_LOG = Method(
    DB_MANAGER, "ReportObservationLog", api.ReportObservationLogRequest, api.ReportObservationLogReply
)
GET_OBSERVATION_LOG = Method(DB_MANAGER, "GetObservationLog", api.GetObservationLogRequest, api.GetObservationLogReply)
DELETE_OBSERVATION_LOG = Method(
    DB_MANAGER, "DeleteObservationLog", api.DeleteObservationLogRequest, api.DeleteObservationLogReply
)
GET_SUGGESTIONS = Method(SUGGESTION, "GetSuggestions", api.GetSuggestionsRequest, api.GetSuggestionsReply)
VALIDATE_ALGORITHM_SETTINGS = Method(
    SUGGESTION, "ValidateAlgorithmSettings", api.ValidateAlgorithmSettingsRequest, api.ValidateAlgorithmSettingsReply
)
GET_EARLY_STOPPING_RULES = Method(
    EARLY_STOPPING, "GetEarlyStoppingRules", api.GetEarlyStoppingRulesRequest, api.GetEarlyStoppingRulesReply
)
SET_TRIAL_STATUS = Method(EARLY_STOPPING, "SetTrialStatus", api.SetTrialStatusRequest, api.SetTrialStatusReply)
VALIDATE_EARLY_STOPPING_SETTINGS = Method(
    EARLY_STOPPING,
    "ValidateEarlyStoppingSettings",
    api.ValidateEarlyStoppingSettingsRequest,
    api.ValidateEarlyStoppingSettingsReply,
)
DESCRIBE_ALGORITHM = Method(ALGORITHMS, "DescribeAlgorithm", api.DescribeAlgorithmRequest, api.DescribeAlgorithmReply)
CHECK_HEALTH = Method(HEALTH, "Check", health.HealthCheckRequest, health.HealthCheckResponse)

Handler = Callable[[Any, grpc.ServicerContext], Message]


def stub(
    channel: grpc.Channel, method: Method[Request, Reply]
) -> "grpc.UnaryUnaryMultiCallable[Request | bytes, Reply]":
    """The method as a callable of the channel. A request may also be given as the bytes of one."""
    call = channel.unary_unary(
        method.path, request_serializer=_serialized, response_deserializer=method.reply.FromString
    )
    return cast("grpc.UnaryUnaryMultiCallable[Request | bytes, Reply]", call)


def _serialized(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


def handlers(implementations: Mapping[Method[Any, Any], Handler]) -> Iterable[grpc.GenericRpcHandler]:
    """What `server.add_generic_rpc_handlers` takes, for functions of (request, context) by method."""
    services: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
    for method, implementation in implementations.items():
        services.setdefault(method.service, {})[method.name] = grpc.unary_unary_rpc_method_handler(
            _of_readable(implementation),
            request_deserializer=_reader(method.request),
            response_serializer=method.reply.SerializeToString,
        )
    return tuple(grpc.method_handlers_generic_handler(service, found) for service, found in services.items())


def _reader(message: type[Request]) -> Callable[[bytes], Request | DecodeError]:
    """Reads a request; an error, which gRPC would answer with INTERNAL, is a value here."""

    def read(data: bytes) -> Request | DecodeError:
        try:
            return message.FromString(data)
        except DecodeError as error:
            return error

    return read


def _of_readable(implementation: Handler) -> Handler:
    def answer(request: Any, context: grpc.ServicerContext) -> Message:
        if isinstance(request, DecodeError):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request is not a message of this method")
        return implementation(request, context)

    return answer
