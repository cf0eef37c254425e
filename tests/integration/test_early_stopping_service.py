"""Early stopping over Katib's API as Katib's controller calls it: rules, texts, codes, and where the logs come from."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from katib.config import ServeSettings
from katib.core.objective import Direction
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.methods import (
    GET_EARLY_STOPPING_RULES,
    GET_OBSERVATION_LOG,
    VALIDATE_EARLY_STOPPING_SETTINGS,
    handlers,
    stub,
)
from katib.server.serving import SuggestionServer
from katib.suggestion.local import LocalSuggestions

CODE = grpc.StatusCode
STATUS = api.TrialStatus


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    server = SuggestionServer(LocalSuggestions(), ServeSettings(port=0))
    server.start()
    with open_channel(server.address) as channel:
        yield channel
    server.stop(grace=0)


class DbManager:
    """Katib's DB manager with these logs, as texts; `asked` is what it was asked for."""

    def __init__(self) -> None:
        self.logs: dict[str, list[str]] = {}
        self.asked: list[tuple[str, str]] = []
        self.server = grpc.server(ThreadPoolExecutor(2))
        self.server.add_generic_rpc_handlers(handlers({GET_OBSERVATION_LOG: self.get}))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def get(self, request: Any, context: grpc.ServicerContext) -> api.GetObservationLogReply:
        self.asked.append((request.trial_name, request.metric_name))
        log = [
            api.MetricLog(time_stamp=f"2024-01-01T00:00:{second:02}Z", metric=api.Metric(name="loss", value=value))
            for second, value in enumerate(self.logs.get(request.trial_name, []))
        ]
        return api.GetObservationLogReply(observation_log=api.ObservationLog(metric_logs=log))


@pytest.fixture
def manager() -> Iterator[DbManager]:
    manager = DbManager()
    yield manager
    manager.server.stop(None).wait()


def stopping(name: str = "medianstop", **settings: object) -> api.EarlyStoppingSpec:
    pairs = [api.EarlyStoppingSetting(name=key, value=str(value)) for key, value in settings.items()]
    return api.EarlyStoppingSpec(algorithm_name=name, algorithm_settings=pairs)


def experiment(early: api.EarlyStoppingSpec, direction: Direction = Direction.MINIMIZE) -> api.Experiment:
    space = api.FeasibleSpace(min="0", max="9", distribution=api.UNIFORM)
    parameter = api.ParameterSpec(name="x", parameter_type=api.DOUBLE, feasible_space=space)
    kind = api.MINIMIZE if direction is Direction.MINIMIZE else api.MAXIMIZE
    return api.Experiment(
        name="study",
        spec=api.ExperimentSpec(
            parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=[parameter]),
            objective=api.ObjectiveSpec(type=kind, objective_metric_name="loss"),
            algorithm=api.AlgorithmSpec(algorithm_name="random"),
            early_stopping=early,
            parallel_trial_count=3,
            max_trial_count=12,
        ),
    )


def trial(name: str, condition: Any = STATUS.SUCCEEDED, value: str = "0.5") -> api.Trial:
    assignments = [api.ParameterAssignment(name="x", value="1.5")]
    return api.Trial(
        name=name,
        spec=api.TrialSpec(parameter_assignments=api.TrialSpec.ParameterAssignments(assignments=assignments)),
        status=STATUS(
            start_time="2024-01-01T00:00:00Z",
            completion_time="2024-01-01T00:01:00Z",
            condition=condition,
            observation=api.Observation(metrics=[api.Metric(name="loss", value=value)]),
        ),
    )


def rules(channel: grpc.Channel, asked: api.Experiment, trials: Any = (), address: str = "") -> list[tuple[Any, ...]]:
    request = api.GetEarlyStoppingRulesRequest(experiment=asked, trials=trials, db_manager_address=address)
    reply = stub(channel, GET_EARLY_STOPPING_RULES)(request, timeout=30)
    return [(each.name, each.value, each.comparison, each.start_step) for each in reply.early_stopping_rules]


def validated(channel: grpc.Channel, early: api.EarlyStoppingSpec, **more: Any) -> str:
    """What is wrong with it; empty for nothing."""
    request = api.ValidateEarlyStoppingSettingsRequest(early_stopping=early, **more)
    try:
        stub(channel, VALIDATE_EARLY_STOPPING_SETTINGS)(request, timeout=30)
    except grpc.RpcError as error:
        assert error.code() is CODE.INVALID_ARGUMENT
        return str(error.details())
    return ""


# Settings


@pytest.mark.parametrize(
    ("early", "said"),
    [
        (stopping(), ""),
        (stopping(min_trials_required=1, start_step=1), ""),
        (stopping(min_trials_required=0), "min_trials_required must be greater than zero (>0)"),
        (stopping(start_step=0), "start_step must be greater or equal than one (>=1)"),
        (stopping(what=1), "unknown setting what for algorithm medianstop"),
        (stopping("medianstopp"), "unknown algorithm name medianstopp"),
        (stopping(""), "unknown algorithm name "),
        (
            stopping(min_trials_required="x", start_step=0),
            "failed to validate min_trials_required(x): invalid literal for int() with base 10: 'x'\n"
            "start_step must be greater or equal than one (>=1)",
        ),
        (stopping("threshold", value=1, metric="accuracy"), ""),
    ],
)
def test_settings_are_judged_in_katibs_words(channel: grpc.Channel, early: api.EarlyStoppingSpec, said: str) -> None:
    assert validated(channel, early) == said


@pytest.mark.parametrize(
    ("early", "said"),
    [
        (stopping("asha"), "asha judges every report of a running trial"),
        (stopping("patience"), "patience judges every report of a running trial"),
        (stopping(shadow="true"), "shadow works only where katib itself runs the trials"),
        (stopping("threshold", rules="loss>3;loss<1"), "threshold must have one line over Katib's API"),
        (stopping("threshold", rules="loss=nan"), "threshold must have a finite number over Katib's API"),
    ],
)
def test_what_rules_cannot_say_is_refused_before_a_trial_runs(
    channel: grpc.Channel, early: api.EarlyStoppingSpec, said: str
) -> None:
    assert validated(channel, early).startswith(said)
    with pytest.raises(grpc.RpcError) as raised:
        rules(channel, experiment(early))
    assert (raised.value.code(), raised.value.details()) == (CODE.INVALID_ARGUMENT, validated(channel, early))


def test_another_katib_has_the_metrics_checked_too(channel: grpc.Channel) -> None:
    early = stopping("threshold", value=1, metric="accuracy")
    said = validated(channel, early, experiment=experiment(early))
    assert said.startswith("a line must be for a metric that is collected: loss, got accuracy")


# Rules


def test_the_median_is_of_the_first_values_that_the_db_manager_has(channel: grpc.Channel, manager: DbManager) -> None:
    """Averages of the first two values: 2, 3, 50; their median is 3, their mean would be 18.3."""
    manager.logs = {"a": ["1", "3", "0"], "b": ["2", "4", "0"], "c": ["0", "100", "0"]}
    found = rules(channel, experiment(stopping(start_step=2)), map(trial, "abc"), manager.address)
    assert found == [("loss", "3.0", api.GREATER, 2)]
    assert sorted(manager.asked) == [("a", "loss"), ("b", "loss"), ("c", "loss")]


def test_maximizing_stops_what_is_less(channel: grpc.Channel, manager: DbManager) -> None:
    manager.logs = {"a": ["1"], "b": ["2"], "c": ["4"]}
    asked = experiment(stopping(start_step=1), Direction.MAXIMIZE)
    assert rules(channel, asked, map(trial, "abc"), manager.address) == [("loss", "2.0", api.LESS, 1)]


@pytest.mark.parametrize(
    ("logs", "trials"),
    [
        ({"a": ["1"] * 4, "b": ["1"] * 4}, [trial("a"), trial("b")]),
        ({"a": ["1"] * 4, "b": ["1"] * 4, "c": ["1"] * 3}, [trial("a"), trial("b"), trial("c")]),
        ({"a": ["1"] * 4, "b": ["1"] * 4}, [trial("a"), trial("b"), trial("c")]),
        ({"a": ["1"] * 4, "b": ["1"] * 4, "c": ["unavailable"]}, [trial("a"), trial("b"), trial("c")]),
        ({name: ["1"] * 4 for name in "abc"}, [trial("a"), trial("b"), trial("c", STATUS.RUNNING)]),
        ({name: ["1"] * 4 for name in "abc"}, [trial("a"), trial("b"), trial("c", STATUS.FAILED)]),
        ({name: ["1"] * 4 for name in "abc"}, [trial("a"), trial("b"), trial("b")]),
    ],
    ids=[
        "two trials",
        "one is too short",
        "one has no log",
        "no number",
        "one runs",
        "one failed",
        "one is told twice",
    ],
)
def test_while_too_little_is_known_there_is_no_rule(
    channel: grpc.Channel, manager: DbManager, logs: dict[str, list[str]], trials: list[api.Trial]
) -> None:
    manager.logs = logs
    assert rules(channel, experiment(stopping()), trials, manager.address) == []


def test_a_log_is_asked_for_once_unless_it_was_empty(channel: grpc.Channel, manager: DbManager) -> None:
    manager.logs = {"a": ["1"], "b": ["2"]}
    asked = experiment(stopping(start_step=1))
    assert rules(channel, asked, map(trial, "abc"), manager.address) == []
    manager.logs["c"] = ["4"]
    assert rules(channel, asked, map(trial, "abc"), manager.address) == [("loss", "2.0", api.GREATER, 1)]
    assert [name for name, _ in manager.asked] == ["a", "b", "c", "c"]


def test_what_is_kept_of_one_experiments_trials_is_not_anothers(channel: grpc.Channel, manager: DbManager) -> None:
    """Trials of the same names, that ended at the same second: their values tell them apart."""
    asked = experiment(stopping(start_step=1))
    manager.logs = {"a": ["1"], "b": ["2"], "c": ["4"]}
    assert rules(channel, asked, map(trial, "abc"), manager.address) == [("loss", "2.0", api.GREATER, 1)]
    manager.logs = {"a": ["10"], "b": ["20"], "c": ["40"]}
    again = [trial(name, value="9") for name in "abc"]
    assert rules(channel, asked, again, manager.address) == [("loss", "20.0", api.GREATER, 1)]


def test_without_an_address_each_trial_has_the_one_value_that_it_came_with(channel: grpc.Channel) -> None:
    trials = [trial("a", value="1"), trial("b", value="3"), trial("c", value="9")]
    assert rules(channel, experiment(stopping(start_step=1)), trials) == [("loss", "3.0", api.GREATER, 1)]
    assert rules(channel, experiment(stopping(start_step=2)), trials) == []


def test_a_line_of_the_users_needs_no_trials_and_no_db_manager(channel: grpc.Channel) -> None:
    early = stopping("threshold", value="2.5", start_step=7)
    assert rules(channel, experiment(early), map(trial, "abc"), "127.0.0.1:1") == [("loss", "2.5", api.GREATER, 7)]
    early = stopping("threshold", rules="loss<0.1")
    assert rules(channel, experiment(early)) == [("loss", "0.1", api.LESS, 0)]


# What goes wrong


def test_a_db_manager_that_is_away_is_named(channel: grpc.Channel, manager: DbManager) -> None:
    manager.server.stop(None).wait()
    request = api.GetEarlyStoppingRulesRequest(
        experiment=experiment(stopping()), trials=[trial("gone")], db_manager_address=manager.address
    )
    with pytest.raises(grpc.RpcError) as raised:
        stub(channel, GET_EARLY_STOPPING_RULES)(request, timeout=30)
    assert raised.value.code() is CODE.UNAVAILABLE
    assert f"the DB manager at {manager.address} did not give the log of trial gone" in raised.value.details()


@pytest.mark.parametrize("address", ["nowhere", "a:b", "http://host:1"])
def test_an_address_that_is_none_is_refused(channel: grpc.Channel, address: str) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        rules(channel, experiment(stopping()), [trial("a")], address)
    assert raised.value.code() is CODE.INVALID_ARGUMENT
    assert raised.value.details() == f"db_manager_address: HOST:PORT of a DB manager, or nothing, got {address}"


def test_an_experiment_without_early_stopping_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        rules(channel, experiment(stopping("")))
    assert raised.value.code() is CODE.INVALID_ARGUMENT
    assert raised.value.details().startswith("spec.earlyStopping.algorithmName: ")
