"""Algorithms of somebody else's servers: what is sent, what is taken from the answer, and what a failure becomes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
import pytest

from katib.config import SuggestionSettings, endpoint_variables, from_environment
from katib.core.advice import FALLBACK_LABEL, Abilities
from katib.core.objective import Direction, Objective
from katib.core.trial import Reason, TrialState
from katib.errors import AlgorithmFailed, Fault, InvalidInput
from katib.rpc import api, health
from katib.rpc.methods import CHECK_HEALTH, GET_SUGGESTIONS, VALIDATE_ALGORITHM_SETTINGS, handlers
from katib.suggestion import open_suggestions
from katib.suggestion.fallback import ResilientSuggestions
from katib.suggestion.grpc import NAME_LABEL, TEXT_LABEL, GrpcSuggestions
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.routed import RoutedSuggestions
from katib.testing.algorithms import SPACES, study_config, trial

CODE = grpc.StatusCode
CONFIG = study_config("theirs", SPACES["mixed"], settings={"a": "1"})
POINT = {
    **{"lr": "1E-4", "momentum": "0.5", "dropout": "0.1", "layers": "3.0", "units": "64"},
    **{"batch": "32", "optimizer": "adam", "decay": "0.25"},
}


class Theirs:
    """A server of Katib's API that answers what it is told."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.reply: Any = suggestions(POINT)
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.health = health.HealthCheckResponse.SERVING
        self.server = grpc.server(ThreadPoolExecutor(4))
        methods = {
            GET_SUGGESTIONS: self.answer,
            VALIDATE_ALGORITHM_SETTINGS: self.validate,
            CHECK_HEALTH: self.check,
        }
        self.server.add_generic_rpc_handlers(handlers(methods))
        self.endpoint = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self._refuse(context)
        return self.reply

    def validate(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self._refuse(context)
        return api.ValidateAlgorithmSettingsReply()

    def check(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.service != "manager.v1beta1.Suggestion":
            context.abort(CODE.NOT_FOUND, "")
        return health.HealthCheckResponse(status=self.health)

    def _refuse(self, context: grpc.ServicerContext) -> None:
        if self.refusal:
            context.abort(*self.refusal)


def suggestions(*points: dict[str, str], **more: Any) -> api.GetSuggestionsReply:
    return api.GetSuggestionsReply(
        parameter_assignments=[
            api.GetSuggestionsReply.ParameterAssignments(
                assignments=[api.ParameterAssignment(name=name, value=value) for name, value in point.items()], **more
            )
            for point in points
        ]
    )


@pytest.fixture
def theirs() -> Iterator[Theirs]:
    server = Theirs()
    yield server
    server.server.stop(None).wait()


@pytest.fixture
def client(theirs: Theirs) -> Iterator[GrpcSuggestions]:
    client = GrpcSuggestions(theirs.endpoint, SuggestionSettings(connect=0.3, deadline=20))
    yield client
    client.close()


@pytest.mark.parametrize("code", [CODE.INVALID_ARGUMENT, CODE.UNKNOWN])
def test_a_refusal_is_a_fault_in_the_servers_words(
    theirs: Theirs, client: GrpcSuggestions, code: grpc.StatusCode
) -> None:
    theirs.refusal = (code, "r_l and resource_name must be set.")
    assert client.validate(CONFIG) == (Fault(path="spec.algorithm", wanted="r_l and resource_name must be set."),)


def test_a_server_that_may_not_know_several_objectives_is_not_asked(theirs: Theirs, client: GrpcSuggestions) -> None:
    """It would take the first for the only one, and nobody would be told."""
    config = replace(CONFIG, further_objectives=(Objective(metric="size", direction=Direction.MAXIMIZE),))
    (fault,) = client.validate(config)
    assert (fault.path, fault.given) == ("spec.objectives", "loss, size")
    assert "algorithm theirs" in fault.wanted
    with pytest.raises(InvalidInput, match="algorithm theirs"):
        client.suggest(config, [], [1])
    assert theirs.requests == []


def test_a_server_that_is_away_is_not_taken_for_one_that_cannot(theirs: Theirs, client: GrpcSuggestions) -> None:
    """A study that goes on while its server is away must not end for it."""
    theirs.server.stop(None).wait()
    config = replace(CONFIG, further_objectives=(Objective(metric="size", direction=Direction.MAXIMIZE),))
    with pytest.raises(AlgorithmFailed, match="several objectives"):
        client.suggest(config, [], [1])


@pytest.mark.parametrize("code", [CODE.UNIMPLEMENTED, CODE.INTERNAL, CODE.DEADLINE_EXCEEDED, CODE.NOT_FOUND])
def test_any_other_code_lets_the_experiment_pass(
    theirs: Theirs, client: GrpcSuggestions, code: grpc.StatusCode
) -> None:
    theirs.refusal = (code, "a bad day")
    assert client.validate(CONFIG) == ()


def test_a_server_that_says_it_is_not_serving_is_not_asked(theirs: Theirs, client: GrpcSuggestions) -> None:
    theirs.health = health.HealthCheckResponse.NOT_SERVING
    with pytest.raises(AlgorithmFailed, match="not serving"):
        client.validate(CONFIG)
    assert theirs.requests == []


def test_what_is_sent_is_what_katib_would_send(theirs: Theirs, client: GrpcSuggestions) -> None:
    record = [
        trial(each)
        for each in LocalSuggestions().suggest(replace(CONFIG, algorithm="random", settings={}), [], range(1, 5)).advice
    ]
    record[1] = replace(record[1], state=TrialState.METRICS_UNAVAILABLE, reason=Reason.METRIC_NOT_FOUND, value=None)
    record[2] = replace(
        record[2], state=TrialState.RUNNING, reason=Reason.STARTED, value=None, labels={"generation": "1"}
    )
    client.suggest(CONFIG, record, [5])
    (request,) = theirs.requests
    assert [each.name for each in request.trials] == ["study-1", "study-3", "study-4"]
    assert [each.name for each in request.other_trials] == ["study-2"]
    assert dict(request.trials[1].spec.labels) == {"generation": "1"}
    assert (request.current_request_number, request.total_request_number) == (1, 5)
    assert [(each.name, each.value) for each in request.experiment.spec.algorithm.algorithm_settings] == [("a", "1")]


def test_a_value_goes_back_in_the_text_it_came_in_and_a_trial_under_its_name(
    theirs: Theirs, client: GrpcSuggestions
) -> None:
    """Some servers look for their trials by name, some by the very text of the values."""
    theirs.reply = suggestions(POINT, trial_name="theirs-1", labels={"generation": "0"})
    (advice,) = client.suggest(CONFIG, [], [1]).advice
    assert advice.assignment["lr"] == 1e-4
    assert advice.assignment["layers"] == 3
    assert advice.labels == {
        "generation": "0",
        NAME_LABEL: "theirs-1",
        f"{TEXT_LABEL}lr": "1E-4",
        f"{TEXT_LABEL}layers": "3.0",
    }
    client.suggest(CONFIG, [trial(advice)], [2])
    (sent,) = theirs.requests[-1].trials
    assert sent.name == "theirs-1"
    assert {each.name: each.value for each in sent.spec.parameter_assignments.assignments} == POINT
    assert dict(sent.spec.labels) == {"generation": "0"}


def test_settings_in_the_answer_are_to_be_remembered(theirs: Theirs, client: GrpcSuggestions) -> None:
    theirs.reply.algorithm.algorithm_settings.add(name="current_s", value="2")
    assert client.suggest(CONFIG, [], [1]).overrides == {"current_s": "2"}


def test_fewer_than_asked_for_are_taken_and_none_ends_the_search(theirs: Theirs, client: GrpcSuggestions) -> None:
    assert len(client.suggest(CONFIG, [], [1, 2, 3]).advice) == 1
    theirs.reply = suggestions()
    reply = client.suggest(CONFIG, [], [1])
    assert reply.advice == ()
    assert reply.exhausted == f"the suggestion service at {theirs.endpoint} has nothing more to suggest"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (suggestions(POINT, POINT), "asked for 1 suggestions and answered 2"),
        (suggestions({**POINT, "lr": "7"}), "outside"),
        (suggestions({**POINT, "layers": "many"}), "could not convert"),
        (suggestions({"lr": "0.01"}), "its parameters are"),
    ],
    ids=["too many", "out of bounds", "no number", "not all parameters"],
)
def test_an_answer_that_is_none_is_a_failure(
    theirs: Theirs, client: GrpcSuggestions, reply: api.GetSuggestionsReply, said: str
) -> None:
    theirs.reply = reply
    with pytest.raises(AlgorithmFailed, match=said) as raised:
        client.suggest(CONFIG, [], [1])
    assert raised.value.why == "nonsense"


def test_a_server_that_does_not_describe_itself_is_relied_on_for_nothing(client: GrpcSuggestions) -> None:
    assert client.abilities("theirs") == Abilities(never_repeats=False)
    assert client.settings("theirs") == ()


def test_a_server_that_is_busy_is_asked_again(theirs: Theirs, client: GrpcSuggestions) -> None:
    theirs.refusal = (CODE.RESOURCE_EXHAUSTED, "too many")
    answer = theirs.answer

    def once_busy(request: Any, context: grpc.ServicerContext) -> Any:
        theirs.refusal = theirs.refusal if len(theirs.requests) < 1 else None
        return answer(request, context)

    theirs.answer = once_busy  # type: ignore[method-assign]
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(handlers({GET_SUGGESTIONS: once_busy}))
    endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    patient = GrpcSuggestions(endpoint, SuggestionSettings(connect=20))
    assert len(patient.suggest(CONFIG, [], [1]).advice) == 1
    assert len(theirs.requests) == 2
    patient.close()
    server.stop(None).wait()


def test_a_server_that_is_away_is_made_up_for_by_the_fallback(theirs: Theirs, client: GrpcSuggestions) -> None:
    theirs.server.stop(None).wait()
    with pytest.raises(AlgorithmFailed, match=f"{theirs.endpoint} cannot be reached") as raised:
        client.suggest(CONFIG, [], [1])
    assert raised.value.why == "unreachable"
    with pytest.raises(AlgorithmFailed, match="cannot be reached"):
        client.validate(CONFIG)
    reply = ResilientSuggestions(client).suggest(CONFIG, [], [1, 2])
    assert [each.labels for each in reply.advice] == [{FALLBACK_LABEL: "unreachable"}] * 2
    assert "cannot be reached" in reply.failure


def test_each_name_has_its_server(theirs: Theirs, client: GrpcSuggestions) -> None:
    routed = RoutedSuggestions(LocalSuggestions(), {"theirs": client})
    assert routed.abilities("theirs") == Abilities(never_repeats=False)
    assert routed.abilities("grid").finite_only
    assert len(routed.suggest(CONFIG, [], [1]).advice) == 1
    assert len(theirs.requests) == 1


def test_endpoints_from_the_environment() -> None:
    variables = {"KATIB_ALGORITHM_ENDPOINTS": "a=host:1, b=[::1]:2 ,", "KATIB_EARLY_STOPPING_ENDPOINTS": "c=host:3"}
    settings = from_environment(variables)
    assert settings.suggestion.endpoints == {"a": "host:1", "b": "[::1]:2"}
    assert settings.early_stopping.endpoints == {"c": "host:3"}
    assert from_environment(endpoint_variables(settings)) == settings
    assert from_environment({}).suggestion.endpoints == {}


@pytest.mark.parametrize("word", ["a", "a=", "=host:1", "a=host", "a=http://host:1", "a=host:port", "a=::1:5"])
def test_an_endpoint_that_is_none_is_refused(word: str) -> None:
    settings = from_environment({"KATIB_ALGORITHM_ENDPOINTS": word}).suggestion
    with pytest.raises(InvalidInput, match="NAME=HOST:PORT"):
        open_suggestions(settings)
