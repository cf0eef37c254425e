"""What is sent over the wire is what was meant: laws for our own values, hand-written cases for Katib's."""

import dataclasses
import random
from pprint import pformat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.core.advice import Abilities, Advice, AdviceReply, Setting
from katib.core.objective import Objective
from katib.core.space import Assignment, ParameterType, Range, SearchSpace, as_text
from katib.core.study import Budget, StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.errors import InvalidInput
from katib.rpc import api
from katib.rpc.convert import replies, space, study, trials
from katib.testing import builders as make
from katib.testing.strategies import assignments, conditional_spaces, metrics, objectives, spaces

TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=8)
NAMES = TEXTS.map(lambda text: f"n{text}")
MAPS = st.dictionaries(NAMES, TEXTS, max_size=3)
MOMENTS = st.floats(min_value=0, max_value=4e9)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(min_value=0, max_value=9)


@st.composite
def several(draw: st.DrawFn) -> tuple[Objective, ...]:
    """One objective mostly, or some with metrics of their own."""
    drawn = draw(st.lists(objectives, min_size=1, max_size=3))

    def own(index: int, name: str) -> str:
        return f"{name}{index or ''}"

    return tuple(
        dataclasses.replace(
            each,
            metric=own(index, each.metric),
            additional=tuple(own(index, name) for name in each.additional),
            strategies={own(index, name): strategy for name, strategy in each.strategies.items()},
        )
        for index, each in enumerate(drawn)
    )


@st.composite
def configs(draw: st.DrawFn) -> StudyConfig:
    objective, *further = draw(several())
    return StudyConfig(
        name=draw(TEXTS),
        uid=draw(NAMES),
        space=draw(spaces() | conditional_spaces()),
        objective=objective,
        further_objectives=tuple(further),
        algorithm=draw(NAMES),
        settings=draw(MAPS),
        budget=Budget(
            max_trials=draw(st.none() | st.integers(1, 2**31 - 1)),
            parallel=draw(st.integers(1, 2**31 - 1)),
            max_failed=draw(st.none() | st.integers(0, 2**31 - 1)),
        ),
    )


@st.composite
def any_trials(draw: st.DrawFn, of: SearchSpace, count: int) -> Trial:
    """A trial with a value for each of `count` objectives, or none."""
    values = draw(st.just([]) | st.lists(FINITE, min_size=count, max_size=count))
    return Trial(
        ordinal=draw(st.integers(1, 2**31 - 1)),
        name=draw(NAMES),
        assignment=draw(assignments(of)),
        state=draw(st.sampled_from(TrialState)),
        reason=draw(st.sampled_from(Reason)),
        labels=draw(MAPS),
        attempt=draw(COUNTS),
        failures=draw(COUNTS),
        losses=draw(COUNTS),
        value=values[0] if values else None,
        further_values=tuple(values[1:]),
        metrics=draw(metrics),
        created_at=draw(MOMENTS),
        started_at=draw(st.none() | MOMENTS),
        ended_at=draw(st.none() | MOMENTS),
        not_before=draw(MOMENTS),
    )


def sent(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())


@given(configs())
def test_a_study_comes_back_as_it_was(config: StudyConfig) -> None:
    assert study.read_experiment(sent(study.write_experiment(config))) == config


@given(st.data())
def test_a_trial_comes_back_as_it_was(data: st.DataObject) -> None:
    of = data.draw(spaces() | conditional_spaces())
    wanted = data.draw(several())
    trial = data.draw(any_trials(of, len(wanted)))
    read = trials.read_trial(sent(trials.write_trial(trial, wanted)), of, wanted)
    # nan is not equal to itself, its text is; and a map has no order on the wire.
    assert pformat(read) == pformat(trial)


def test_every_field_of_a_study_and_a_trial_is_carried_or_known_to_stay() -> None:
    """The laws above draw every field: a new one has to be drawn, and so to be carried."""
    drawn = {field.name for field in dataclasses.fields(Trial)} - {"message", "revision", "rules", "stopped_by", "loan"}
    assert drawn == {
        *("ordinal", "name", "assignment", "state", "reason", "labels", "attempt", "failures", "losses", "value"),
        *("further_values", "metrics", "created_at", "started_at", "ended_at", "not_before"),
    }
    # Only who asks an algorithm knows how often its points are tried.
    assert {field.name for field in dataclasses.fields(StudyConfig)} - {"replicates"} == {
        *("name", "uid", "space", "objective", "algorithm", "settings", "budget"),
        "further_objectives",
    }
    assert {field.name for field in dataclasses.fields(Objective)} == {
        *("metric", "direction", "goal", "additional", "strategies"),
    }
    assert {field.name for field in dataclasses.fields(Range)} == {
        *("name", "type", "low", "high", "step", "distribution", "condition"),
    }


@given(st.data())
def test_an_assignment_is_the_same_text_and_the_same_value(data: st.DataObject) -> None:
    of = data.draw(spaces() | conditional_spaces())
    assignment: Assignment = data.draw(assignments(of))
    messages = space.write_assignment(assignment)
    assert {each.name: each.value for each in messages} == {n: as_text(v) for n, v in assignment.items()}
    random.Random(1).shuffle(messages)
    read = space.read_assignment(of, messages)
    assert read == assignment
    assert [*map(type, read.values())] == [*map(type, assignment.values())]
    assert list(read) == [parameter.name for parameter in of.parameters if parameter.name in assignment]


def test_an_answer_as_a_message() -> None:
    reply = AdviceReply(
        advice=(Advice(ordinal=4, assignment={"lr": 1e-05, "n": 3, "opt": "sgd"}, labels={"generation": "2"}),),
        overrides={"current_s": "1"},
    )
    message = replies.write_reply(reply, "hyperband")
    (only,) = message.parameter_assignments
    assert [(each.name, each.value) for each in only.assignments] == [("lr", "1e-05"), ("n", "3"), ("opt", "sgd")]
    assert dict(only.labels) == {"generation": "2"}
    assert only.trial_name == ""
    assert [(each.name, each.value) for each in message.algorithm.algorithm_settings] == [("current_s", "1")]
    assert not replies.write_reply(AdviceReply(), "random").HasField("algorithm")


@pytest.mark.parametrize(
    "abilities",
    [Abilities(**{field.name: wanted for field in dataclasses.fields(Abilities)}) for wanted in (False, True)],
    ids=["none", "all"],
)
def test_abilities_and_settings_come_back(abilities: Abilities) -> None:
    setting = Setting(
        name="eta", accepts="an integer", default="3", what="How many.", type="integer", choices=("3", "4")
    )
    assert replies.read_description(sent(replies.write_description(abilities, [setting]))) == (abilities, (setting,))


def experiment(**changes: Any) -> api.Experiment:
    """As Katib's controller sends it: no record of ours."""
    spec = api.ExperimentSpec(
        parameter_specs=api.ExperimentSpec.ParameterSpecs(
            parameters=[
                api.ParameterSpec(
                    name="lr",
                    parameter_type=api.DOUBLE,
                    feasible_space=api.FeasibleSpace(min="0.01", max="0.05", distribution=api.UNIFORM),
                ),
                api.ParameterSpec(
                    name="layers",
                    parameter_type=api.INT,
                    feasible_space=api.FeasibleSpace(min="2", max="5"),
                ),
                api.ParameterSpec(
                    name="optimizer",
                    parameter_type=api.CATEGORICAL,
                    feasible_space=api.FeasibleSpace(list=["sgd", "adam"], distribution=api.UNIFORM),
                ),
            ]
        ),
        objective=api.ObjectiveSpec(
            type=api.MAXIMIZE, goal=0.99, objective_metric_name="accuracy", additional_metric_names=["loss"]
        ),
        algorithm=api.AlgorithmSpec(
            algorithm_name="random", algorithm_settings=[api.AlgorithmSetting(name="random_state", value="10")]
        ),
        parallel_trial_count=3,
        max_trial_count=12,
    )
    message = api.Experiment(name="random", spec=spec)
    for path, value in changes.items():
        *way, last = path.split("__")
        place: Any = message
        for step in way:
            place = place[int(step)] if step.isdigit() else getattr(place, step)
        setattr(place, last, value)
    return message


def test_an_experiment_of_katib() -> None:
    config = study.read_experiment(experiment())
    lr, layers, optimizer = config.space.parameters
    assert isinstance(lr, Range)
    assert isinstance(layers, Range)
    assert (lr.low, lr.high, lr.step, lr.type) == (0.01, 0.05, None, ParameterType.DOUBLE)
    assert (layers.low, layers.high, layers.grid_step) == (2, 5, 1)
    assert optimizer.size == 2
    assert (config.name, config.algorithm, config.settings) == ("random", "random", {"random_state": "10"})
    assert (config.objective.metric, config.objective.additional, config.objective.goal) == (
        "accuracy",
        ("loss",),
        # 0 and none are the same in Katib's message, and no algorithm is told the goal.
        None,
    )
    assert config.budget == Budget(max_trials=12, parallel=3)


def test_the_uid_of_an_experiment_without_one_is_its_content() -> None:
    def uid(**changes: Any) -> str:
        return study.read_experiment(experiment(**changes)).uid

    assert uid() == uid(spec__max_trial_count=100, spec__parallel_trial_count=1)
    first = "spec__algorithm__algorithm_settings__0__value"
    assert uid() == uid(**{first: "11"})
    lower = "spec__parameter_specs__parameters__0__feasible_space__min"
    assert len({uid(), uid(name="other"), uid(**{lower: "0.02"}), uid(spec__algorithm__algorithm_name="tpe")}) == 4


def test_everything_wrong_with_an_experiment_is_said_at_once() -> None:
    at = "spec__parameter_specs__parameters__0__"
    message = experiment(
        **{
            "spec__objective__type": api.UNKNOWN,
            "spec__algorithm__algorithm_name": "",
            f"{at}feasible_space__min": "one",
            "spec__parameter_specs__parameters__1__feasible_space__min": "9",
            "spec__parameter_specs__parameters__2__parameter_type": api.UNKNOWN_TYPE,
        }
    )
    with pytest.raises(InvalidInput) as raised:
        study.read_experiment(message)
    assert {fault.path for fault in raised.value.faults} == {
        "spec.objective.type",
        "spec.algorithm.algorithmName",
        "spec.parameters[0].feasibleSpace.min",
        "spec.parameters[1].feasibleSpace.min",
        "spec.parameters[2].parameterType",
    }
    with pytest.raises(InvalidInput):
        study.read_experiment(api.Experiment())


def katib_trial(name: str, condition: int, *metrics: tuple[str, str], start: str = "", lr: str = "0.02") -> api.Trial:
    values = {"lr": lr, "layers": "3", "optimizer": "adam"}
    return api.Trial(
        name=name,
        spec=api.TrialSpec(
            parameter_assignments=api.TrialSpec.ParameterAssignments(
                assignments=[api.ParameterAssignment(name=key, value=value) for key, value in values.items()]
            )
        ),
        status=api.TrialStatus(
            condition=condition,  # type: ignore[arg-type]  # the number of an enum's value
            start_time=start,
            observation=api.Observation(metrics=[api.Metric(name=key, value=value) for key, value in metrics]),
        ),
    )


STATUS = api.TrialStatus


@pytest.mark.parametrize(
    ("condition", "observed", "state", "reason", "value"),
    [
        (STATUS.CREATED, (), TrialState.PENDING, Reason.CREATED, None),
        (STATUS.RUNNING, (), TrialState.RUNNING, Reason.STARTED, None),
        (STATUS.SUCCEEDED, ("0.5",), TrialState.SUCCEEDED, Reason.SUCCEEDED, 0.5),
        (STATUS.SUCCEEDED, (), TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
        (STATUS.SUCCEEDED, ("unavailable",), TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
        (STATUS.SUCCEEDED, ("",), TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
        (STATUS.SUCCEEDED, ("nan",), TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None),
        (STATUS.SUCCEEDED, ("inf",), TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None),
        (STATUS.EARLYSTOPPED, ("0.25",), TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, 0.25),
        (STATUS.EARLYSTOPPED, (), TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, None),
        (STATUS.FAILED, ("0.5",), TrialState.FAILED, Reason.EXIT_CODE, None),
        (STATUS.KILLED, ("0.5",), TrialState.KILLED, Reason.BUDGET_LOWERED, None),
        (STATUS.METRICSUNAVAILABLE, (), TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
        (STATUS.UNKNOWN, (), TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
    ],
)
def test_a_trial_of_katib(
    condition: int, observed: tuple[str, ...], state: TrialState, reason: Reason, value: float | None
) -> None:
    config = study.read_experiment(experiment())
    message = katib_trial("t", condition, *(("accuracy", text) for text in observed), ("loss", "1.5"))
    trial = trials.read_trial(message, config.space, config.objectives)
    assert (trial.state, trial.reason, trial.value, trial.ordinal) == (state, reason, value, 0)
    assert trial.assignment == {"lr": 0.02, "layers": 3, "optimizer": "adam"}
    assert trial.metrics["loss"].latest == 1.5


def test_a_trial_of_another_space_is_none_of_the_study() -> None:
    """Katib lists trials without a namespace: those of another experiment of the same name come along."""
    config = study.read_experiment(experiment())
    with pytest.raises(ValueError, match="outside"):
        trials.read_trial(katib_trial("t", STATUS.RUNNING, lr="0.9"), config.space, config.objectives)
    message = katib_trial("t", STATUS.RUNNING)
    del message.spec.parameter_assignments.assignments[0]
    with pytest.raises(ValueError, match="its parameters are"):
        trials.read_trial(message, config.space, config.objectives)


def test_trials_without_ordinals_are_counted_in_the_order_they_started() -> None:
    config = study.read_experiment(experiment())
    given_in = [
        katib_trial("waiting", STATUS.CREATED),
        katib_trial("second", STATUS.RUNNING, start="2024-05-06T07:08:10Z"),
        katib_trial("twin-b", STATUS.RUNNING, start="2024-05-06T07:08:09Z"),
        katib_trial("twin-a", STATUS.SUCCEEDED, ("accuracy", "1"), start="2024-05-06T07:08:09Z"),
    ]
    read = [trials.read_trial(message, config.space, config.objectives) for message in given_in]
    for order in (read, read[::-1], [*read, read[0]]):
        counted = trials.numbered(order)
        assert [(trial.ordinal, trial.name) for trial in counted] == [
            (1, "twin-a"),
            (2, "twin-b"),
            (3, "second"),
            (4, "waiting"),
        ]


def test_what_katib_would_not_send_is_sent_apart() -> None:
    def trial(state: TrialState, value: float | None = None) -> Trial:
        return make.trial(1, state, value=value)

    left_out = [
        trial(TrialState.METRICS_UNAVAILABLE),
        trial(TrialState.EARLY_STOPPED),
        trial(TrialState.KILLED),
    ]
    assert [trials.sent_by_katib(each) for each in left_out] == [False] * 3
    others = [trial(state, 0.5) for state in TrialState if state not in {each.state for each in left_out[::2]}]
    assert all(trials.sent_by_katib(each) for each in others)


def test_a_trial_as_katibs_services_know_it() -> None:
    trial = dataclasses.replace(
        make.trial(
            7, TrialState.SUCCEEDED, value=0.5, metrics={**make.metrics(3.0, 0.5), **make.metrics(9, metric="s")}
        ),
        labels={"generation": "1"},
        started_at=1714979289.75,
        ended_at=1714979290.0,
    )
    objective = dataclasses.replace(make.objective(), additional=("s", "missing"))
    message = trials.write_trial(trial, [objective])
    assert (message.status.start_time, message.status.completion_time) == (
        "2024-05-06T07:08:09Z",
        "2024-05-06T07:08:10Z",
    )
    assert message.status.condition == api.TrialStatus.SUCCEEDED
    assert {each.name: each.value for each in message.status.observation.metrics} == {"loss": "0.5", "s": "9.0"}
    assert dict(message.spec.labels) == {"generation": "1"}
    assert message.spec.objective.objective_metric_name == "loss"


@pytest.mark.parametrize(
    ("condition", "observed", "values", "reason"),
    [
        (STATUS.SUCCEEDED, {"accuracy": "0.5", "size": "7"}, (0.5, 7.0), Reason.SUCCEEDED),
        (STATUS.SUCCEEDED, {"accuracy": "0.5"}, (), Reason.METRIC_NOT_FOUND),
        (STATUS.SUCCEEDED, {"accuracy": "0.5", "size": "nan"}, (), Reason.DIVERGED),
        (STATUS.EARLYSTOPPED, {"size": "7"}, (), Reason.STOPPED_EARLY),
    ],
)
def test_without_a_record_a_trial_has_all_its_values_or_none(
    condition: int, observed: dict[str, str], values: tuple[float, ...], reason: Reason
) -> None:
    message = experiment()
    size = api.ObjectiveSpec(type=api.MINIMIZE, objective_metric_name="size")
    message.study.further_objectives.append(api.ObjectiveRecord(objective=size))
    config = study.read_experiment(message)
    assert [each.metric for each in config.objectives] == ["accuracy", "size"]
    trial = trials.read_trial(katib_trial("t", condition, *observed.items()), config.space, config.objectives)
    assert (trial.values, trial.reason) == (values, reason)


def test_every_objective_of_several_is_observed() -> None:
    trial = make.trial(7, TrialState.SUCCEEDED, value=0.5, further=(3.0,), metrics=make.metrics(9, metric="s"))
    wanted = [make.objective(), dataclasses.replace(make.objective(metric="size"), additional=("s",))]
    observed = trials.write_trial(trial, wanted).status.observation.metrics
    assert {each.name: each.value for each in observed} == {"loss": "0.5", "size": "3.0", "s": "9.0"}


def test_faults_of_several_objectives_are_told_where_they_stand() -> None:
    message = experiment()
    message.study.further_objectives.append(api.ObjectiveRecord(objective=message.spec.objective))
    with pytest.raises(InvalidInput) as caught:
        study.read_experiment(message)
    assert "spec.objectives[1].objectiveMetricName" in {fault.path for fault in caught.value.faults}
