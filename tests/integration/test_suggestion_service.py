"""The suggestion service as anybody calls it: texts, codes, health, reflection, long messages, and turns."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from katib.config import ServeSettings, SuggestionSettings
from katib.core.advice import Abilities, Advice, AdviceReply, Setting
from katib.core.space import Choice, ParameterType, SearchSpace
from katib.core.study import Budget, StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, AlgorithmUnknown, Fault, KatibError
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.convert.study import write_experiment
from katib.rpc.convert.trials import write_trial
from katib.rpc.methods import DESCRIBE_ALGORITHM, GET_SUGGESTIONS, VALIDATE_ALGORITHM_SETTINGS, stub
from katib.server.serving import SuggestionServer, open_service
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.registry import Registry
from katib.suggestion.split import SplitSuggestions
from katib.testing.algorithms import SPACES, study_config, trial

CODE = grpc.StatusCode


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    settings = ServeSettings(port=0, workers=1, quick_workers=1)
    server = SuggestionServer(open_service(settings), settings)
    server.start()
    with open_channel(server.address) as channel:
        yield channel
    server.stop(grace=0)


def plain(config: StudyConfig) -> api.Experiment:
    """The experiment as Katib's controller sends it."""
    message = write_experiment(config)
    message.ClearField("study")
    return message


def refused(channel: grpc.Channel, experiment: api.Experiment) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as raised:
        request = api.ValidateAlgorithmSettingsRequest(experiment=experiment)
        stub(channel, VALIDATE_ALGORITHM_SETTINGS)(request, timeout=30)
    return raised.value.code(), raised.value.details()


@pytest.mark.parametrize(
    ("algorithm", "settings", "said"),
    [
        ("random", {"random_state": "-1"}, "random_state should be great or equal than zero"),
        ("tpe", {"gamma": "1.5"}, "gamma should be in the range of (0, 1)"),
        ("tpe", {"prior_weight": "0"}, "prior_weight should be great than zero"),
        ("tpe", {"n_EI_candidates": "-1"}, "n_EI_candidates should be great than zero"),
        ("random", {"gamma": "0.5"}, "unknown setting gamma for algorithm random"),
        ("no-such", {}, "unknown algorithm name no-such"),
        (
            "random",
            {"random_state": "one"},
            "failed to validate random_state(one): invalid literal for int() with base 10: 'one'",
        ),
    ],
)
def test_settings_are_refused_in_katibs_words(
    channel: grpc.Channel, algorithm: str, settings: dict[str, str], said: str
) -> None:
    experiment = plain(study_config(algorithm, SPACES["stepped"], settings=settings))
    assert refused(channel, experiment) == (CODE.INVALID_ARGUMENT, said)


def test_a_grid_without_a_step_is_refused_in_katibs_words(channel: grpc.Channel) -> None:
    code, said = refused(channel, plain(study_config("grid", SPACES["continuous"])))
    assert code is CODE.INVALID_ARGUMENT
    assert [line.partition("(")[0] for line in said.splitlines()] == ["failed to validate parameters"] * 2


@pytest.mark.parametrize(("most", "said"), [(10, "Max Trial Count: 10 > all possible search combinations: 9"), (9, "")])
def test_a_grid_that_is_too_small_is_refused_in_katibs_words(channel: grpc.Channel, most: int, said: str) -> None:
    """Its controller takes all suggestions or none, and asks for ever. Another katib takes what there is."""
    space = SearchSpace(
        parameters=tuple(Choice(name=n, type=ParameterType.CATEGORICAL, values=("1", "2", "3")) for n in "ab")
    )
    config = replace(study_config("grid", space), budget=Budget(max_trials=most))
    request = api.ValidateAlgorithmSettingsRequest(experiment=write_experiment(config))
    stub(channel, VALIDATE_ALGORITHM_SETTINGS)(request, timeout=30)
    if said:
        assert refused(channel, plain(config)) == (CODE.INVALID_ARGUMENT, said)
    else:
        stub(channel, VALIDATE_ALGORITHM_SETTINGS)(
            api.ValidateAlgorithmSettingsRequest(experiment=plain(config)), timeout=30
        )
    # Any other algorithm does not mind.
    random = plain(replace(config, algorithm="random"))
    stub(channel, VALIDATE_ALGORITHM_SETTINGS)(api.ValidateAlgorithmSettingsRequest(experiment=random), timeout=30)


def test_all_faults_are_told_at_once(channel: grpc.Channel) -> None:
    config = study_config("tpe", SPACES["stepped"], settings={"gamma": "2", "prior_weight": "-1", "what": "1"})
    code, said = refused(channel, plain(config))
    assert code is CODE.INVALID_ARGUMENT
    assert said.splitlines() == [
        "gamma should be in the range of (0, 1)",
        "prior_weight should be great than zero",
        "unknown setting what for algorithm tpe",
    ]
    experiment = plain(study_config("random", SPACES["mixed"], settings={"random_state": "-1"}))
    experiment.spec.parameter_specs.parameters[0].feasible_space.min = "low"
    experiment.spec.objective.type = api.UNKNOWN
    code, said = refused(channel, experiment)
    assert code is CODE.INVALID_ARGUMENT
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "spec.objective.type",
        "spec.parameters[0].feasibleSpace.min",
        "spec.algorithm.algorithmSettings.random_state",
    ]


def test_each_setting_of_each_algorithm_is_refused_by_its_name_with_what_was_given(channel: grpc.Channel) -> None:
    """In Katib's words, which leave that out at times, where it has some."""
    names = set()
    known = LocalSuggestions()
    for algorithm in Registry().names:
        settings = [each.name for each in known.settings(algorithm) if each.type != "text" or each.choices]
        config = study_config(algorithm, SPACES["stepped"], settings=dict.fromkeys(settings, "?"))
        code, said = refused(channel, plain(config))
        assert code is CODE.INVALID_ARGUMENT
        for name in settings:
            assert any(name in line and "?" in line for line in said.splitlines()), (algorithm, name, said)
        names |= set(settings)
    assert {"random_state", "gamma", "r_l", "n_population", "population_size", "acq_func"} <= names


@pytest.mark.parametrize(
    ("algorithm", "settings", "said"),
    [
        ("tpe", {"n_ei_candidates": "0"}, "n_ei_candidates must be an integer from 1 to 10000, got 0"),
        ("nsga2", {"population_size": "1"}, "population_size must be an integer >= 2, got 1"),
        ("anneal", {"avg_best_idx": "nan"}, "avg_best_idx must be a number >= 1, got nan"),
    ],
)
def test_where_katib_has_no_words_what_was_given_and_what_is_allowed_is_told(
    channel: grpc.Channel, algorithm: str, settings: dict[str, str], said: str
) -> None:
    experiment = plain(study_config(algorithm, SPACES["stepped"], settings=settings))
    assert refused(channel, experiment) == (CODE.INVALID_ARGUMENT, said)


def test_what_is_right_is_not_refused(channel: grpc.Channel) -> None:
    request = api.ValidateAlgorithmSettingsRequest(experiment=plain(study_config("tpe", SPACES["mixed"])))
    assert stub(channel, VALIDATE_ALGORITHM_SETTINGS)(request, timeout=30) == api.ValidateAlgorithmSettingsReply()


@pytest.mark.parametrize(
    "request_",
    [
        api.GetSuggestionsRequest(current_request_number=10_001, total_request_number=10_001),
        api.GetSuggestionsRequest(current_request_number=1, total_request_number=2**31 - 1),
        api.GetSuggestionsRequest(ordinals=[3, 2]),
        api.GetSuggestionsRequest(ordinals=[0]),
        api.GetSuggestionsRequest(),
    ],
    ids=["too many", "too many in all", "backwards", "no ordinal", "no experiment"],
)
def test_a_request_that_cannot_be_meant_is_refused(
    channel: grpc.Channel, request_: api.GetSuggestionsRequest, request: pytest.FixtureRequest
) -> None:
    if "no experiment" not in request.node.name:
        request_.experiment.CopyFrom(plain(study_config("random", SPACES["mixed"])))
    with pytest.raises(grpc.RpcError) as raised:
        stub(channel, GET_SUGGESTIONS)(request_, timeout=30)
    assert raised.value.code() is CODE.INVALID_ARGUMENT


def test_a_trial_that_is_no_message_is_refused(channel: grpc.Channel) -> None:
    experiment = plain(study_config("random", SPACES["mixed"]))
    request = api.UnreadSuggestionsRequest(experiment=experiment, trials=[b"\xff\xff"], current_request_number=1)
    with pytest.raises(grpc.RpcError) as raised:
        stub(channel, GET_SUGGESTIONS)(request.SerializeToString(), timeout=30)
    assert raised.value.code() is CODE.INVALID_ARGUMENT
    assert raised.value.details().startswith("trials: messages of trials")


def test_asking_for_none_is_answered_with_none(channel: grpc.Channel) -> None:
    request = api.GetSuggestionsRequest(experiment=plain(study_config("random", SPACES["mixed"])))
    assert stub(channel, GET_SUGGESTIONS)(request, timeout=30) == api.GetSuggestionsReply()


@pytest.mark.parametrize(
    "name", ["manager.v1beta1.Suggestion", "", "api.v1.beta1.Suggestion", "api.v1.beta1.EarlyStopping"]
)
def test_health_by_the_stub_of_somebody_else(channel: grpc.Channel, name: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as raised:
        stub.Check(health_pb2.HealthCheckRequest(service="something.else"), timeout=30)
    assert raised.value.code() is CODE.NOT_FOUND


def test_reflection_gives_katibs_own_file(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) == {
        "api.v1.beta1.Algorithms",
        "api.v1.beta1.EarlyStopping",
        "api.v1.beta1.Suggestion",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    file = database.FindFileContainingSymbol("api.v1.beta1.Suggestion")
    assert (file.name, file.package) == ("api.proto", "api.v1.beta1")


def test_messages_beyond_4_mib_go_both_ways(channel: grpc.Channel) -> None:
    config = study_config("random", SPACES["mixed"])
    reply = LocalSuggestions().suggest(config, [], range(1, 1001))
    labelled = [replace(each, labels={"of": "x" * 5000}) for each in reply.advice]
    record = [write_trial(trial(each), config.objectives) for each in labelled]
    request = api.GetSuggestionsRequest(
        experiment=write_experiment(config), trials=record, ordinals=[1001], current_request_number=1
    )
    assert request.ByteSize() > 4 * 2**20
    (only,) = stub(channel, GET_SUGGESTIONS)(request, timeout=60).parameter_assignments
    assert len(only.assignments) == 8
    # And one that is as large on its way back.
    named = study_config("random", SPACES["categorical"])
    experiment = write_experiment(named)
    long = "x" * 500_000
    experiment.spec.parameter_specs.parameters[0].feasible_space.list[:] = [f"{long}{number}" for number in range(3)]
    request = api.GetSuggestionsRequest(
        experiment=experiment, ordinals=list(range(1, 10)), current_request_number=9, total_request_number=9
    )
    assert stub(channel, GET_SUGGESTIONS)(request, timeout=60).ByteSize() > 4 * 2**20


def test_it_says_what_an_algorithm_can_do(channel: grpc.Channel) -> None:
    answer = stub(channel, DESCRIBE_ALGORITHM)(api.DescribeAlgorithmRequest(algorithm_name="grid"), timeout=30)
    assert {"oblivious", "never_repeats", "finite_only"} <= set(answer.abilities)
    with pytest.raises(grpc.RpcError) as raised:
        stub(channel, DESCRIBE_ALGORITHM)(api.DescribeAlgorithmRequest(algorithm_name="no-such"), timeout=30)
    assert (raised.value.code(), raised.value.details()) == (CODE.INVALID_ARGUMENT, "unknown algorithm name no-such")


class Scripted:
    """A SuggestionService that does what a test tells it."""

    def __init__(self, answer: Any, *, oblivious: bool = False) -> None:
        self.answer = answer
        self.can = Abilities(oblivious=oblivious)

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        return ()

    def abilities(self, algorithm: str) -> Abilities:
        return self.can

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        return ()

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        reply: AdviceReply = self.answer(config, trials, ordinals)
        return reply

    def close(self) -> None:
        pass


def advice(ordinal: int, **labels: str) -> Advice:
    return Advice(ordinal=ordinal, assignment=SPACES["stepped"].at(ordinal), labels=labels)


def asked(answer: Any, number: int = 1, **request: Any) -> api.GetSuggestionsReply:
    """What a server answers whose algorithm is scripted."""
    server = SuggestionServer(Scripted(answer), ServeSettings(port=0))
    server.start()
    try:
        with open_channel(server.address) as channel:
            message = api.GetSuggestionsRequest(
                experiment=plain(study_config("any", SPACES["stepped"])),
                current_request_number=number,
                total_request_number=number,
                **request,
            )
            return stub(channel, GET_SUGGESTIONS)(message, timeout=30)
    finally:
        server.stop(grace=0)


def test_an_answer_that_is_too_short_is_filled_up_by_asking_on() -> None:
    """Katib takes exactly as many as it asked for."""
    seen: list[tuple[list[int], list[int]]] = []

    def two_at_a_time(_config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        seen.append(([trial.ordinal for trial in trials], list(ordinals)))
        return AdviceReply(advice=tuple(advice(each) for each in ordinals[:2]), overrides={f"s{len(seen)}": "1"})

    reply = asked(two_at_a_time, 5)
    assert len(reply.parameter_assignments) == 5
    assert seen == [([], [1, 2, 3, 4, 5]), ([1, 2], [3, 4, 5]), ([1, 2, 3, 4], [5])]
    assert {each.name for each in reply.algorithm.algorithm_settings} == {"s1", "s2", "s3"}


def test_a_caller_that_counts_is_given_what_there_is() -> None:
    def one(_config: StudyConfig, _trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        return AdviceReply(advice=(advice(ordinals[0]),))

    assert len(asked(one, 5, ordinals=range(1, 6)).parameter_assignments) == 1


def test_labels_that_kubernetes_refuses_stay_here() -> None:
    """Katib's controller makes them metadata of an object, which could not be created."""
    labels = {"katib.kubeflow.org/generation": "3", "a b": "1", "state": '{"json": 1}', "empty": "", "long": "x" * 64}

    def labelled(_config: StudyConfig, _trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        return AdviceReply(advice=tuple(advice(each, **labels) for each in ordinals))

    (only,) = asked(labelled).parameter_assignments
    assert dict(only.labels) == {"katib.kubeflow.org/generation": "3", "empty": ""}
    (only,) = asked(labelled, ordinals=[1]).parameter_assignments
    assert dict(only.labels) == labels


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AlgorithmFailed("it hung", why="timeout"), CODE.DEADLINE_EXCEEDED),
        (AlgorithmFailed("it broke", why="crashed"), CODE.INTERNAL),
        (AlgorithmUnknown("none"), CODE.INVALID_ARGUMENT),
    ],
)
def test_what_goes_wrong_has_a_code(error: KatibError, code: grpc.StatusCode) -> None:
    def fail(*_args: Any) -> AdviceReply:
        raise error

    with pytest.raises(grpc.RpcError) as raised:
        asked(fail)
    assert raised.value.code() is code


def test_a_slow_algorithm_does_not_hold_up_a_quick_one() -> None:
    """Twenty questions to one that learns are open; one that looks at no results is answered meanwhile."""
    release = threading.Event()

    def slow(_config: StudyConfig, _trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        release.wait(60)
        return AdviceReply(advice=tuple(advice(each) for each in ordinals))

    class ByName(Scripted):
        def abilities(self, algorithm: str) -> Abilities:
            return Abilities(oblivious=algorithm == "quick")

    quick = ByName(lambda _c, _t, ordinals: AdviceReply(advice=tuple(advice(each) for each in ordinals)))
    server = SuggestionServer(SplitSuggestions(quick, Scripted(slow)), ServeSettings(port=0))
    server.start()
    with open_channel(server.address) as channel:

        def request(name: str) -> api.GetSuggestionsRequest:
            config = study_config(name, SPACES["stepped"])
            return api.GetSuggestionsRequest(experiment=plain(config), current_request_number=1, total_request_number=1)

        waiting = [stub(channel, GET_SUGGESTIONS).future(request("slow"), timeout=60) for _ in range(20)]
        assert len(stub(channel, GET_SUGGESTIONS)(request("quick"), timeout=30).parameter_assignments) == 1
        assert not any(each.done() for each in waiting)
        release.set()
        assert all(len(each.result().parameter_assignments) == 1 for each in waiting)
    server.stop(grace=0)


def test_open_requests_end_before_the_server_does() -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(_config: StudyConfig, _trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        entered.set()
        release.wait(60)
        return AdviceReply(advice=tuple(advice(each) for each in ordinals))

    server = SuggestionServer(Scripted(slow), ServeSettings(port=0))
    server.start()
    with open_channel(server.address) as channel:
        message = api.GetSuggestionsRequest(
            experiment=plain(study_config("any", SPACES["stepped"])), current_request_number=1, total_request_number=1
        )
        open_request = stub(channel, GET_SUGGESTIONS).future(message, timeout=60)
        assert entered.wait(30)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        release.set()
        assert len(open_request.result().parameter_assignments) == 1
        stopping.join(60)
        with pytest.raises(grpc.RpcError) as raised:
            stub(channel, GET_SUGGESTIONS)(message, timeout=30)
        assert raised.value.code() is CODE.UNAVAILABLE


def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    server = SuggestionServer(LocalSuggestions(), ServeSettings(port=0))
    server.start()
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(KatibError, match=f"cannot listen on 127.0.0.1:{port}.*--port"):
        SuggestionServer(LocalSuggestions(), ServeSettings(port=port))
    server.stop(grace=0)


def test_a_worker_that_dies_is_made_up_for_by_the_fallback(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dying.py").write_text(
        "import os\n"
        "from algorithms.base import Algorithm\n"
        "class Dying(Algorithm):\n"
        "    def suggest(self, trials, ordinals):\n"
        "        os._exit(7)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = ServeSettings(port=0, workers=1, quick_workers=1)
    server = SuggestionServer(open_service(settings, SuggestionSettings(extra={"dying": "dying:Dying"})), settings)
    server.start()
    with open_channel(server.address) as channel:
        message = api.GetSuggestionsRequest(
            experiment=plain(study_config("dying", SPACES["mixed"])), current_request_number=2, total_request_number=2
        )
        reply = stub(channel, GET_SUGGESTIONS)(message, timeout=60)
    server.stop(grace=0)
    assert [dict(each.labels) for each in reply.parameter_assignments] == [
        {"katib.kubeflow.org/fallback": "crashed"}
    ] * 2
    assert "ended with code 7" in reply.failure
