"""Vizier's API, rpc by rpc, over the wire: what is given out, what is written, and what is refused before anything is."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from katib.config import ServeSettings
from katib.rpc import operations, vizier
from katib.rpc import vizier_methods as rpc
from katib.rpc.channels import open_channel
from katib.rpc.methods import Method, stub
from katib.server.studies import StudyServer
from katib.service.desk import Desk
from katib.stores.memory import MemoryStore
from katib.suggestion import open_suggestions
from katib.suggestion.contract import SuggestionService

Code = grpc.StatusCode
Spec = vizier.StudySpec
OWNER = "owners/me"


class Vizier:
    """A client that knows nothing but messages."""

    def __init__(self, address: str) -> None:
        self.channel = open_channel(address)

    def call(self, method: Method[Any, Any], **fields: Any) -> Any:
        return stub(self.channel, method)(method.request(**fields), timeout=60)

    def refused(self, method: Method[Any, Any], **fields: Any) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as caught:
            self.call(method, **fields)
        return caught.value.code(), caught.value.details()  # type: ignore[attr-defined]

    def study(self, name: str = "s", **fields: Any) -> str:
        message = vizier.Study(display_name=name, study_spec=spec(**fields))
        created: vizier.Study = self.call(rpc.CREATE_STUDY, parent=OWNER, study=message)
        return created.name

    def suggest(self, study: str, client: str = "a", count: int = 1) -> list[vizier.Trial]:
        done = self.call(rpc.SUGGEST_TRIALS, parent=study, client_id=client, suggestion_count=count)
        return trials_of(done)

    def complete(self, trial: vizier.Trial, **metrics: float) -> vizier.Trial:
        done: vizier.Trial = self.call(rpc.COMPLETE_TRIAL, name=trial.name, final_measurement=measurement(**metrics))
        return done

    def optimal(self, study: str) -> list[str]:
        return [trial.id for trial in self.call(rpc.LIST_OPTIMAL_TRIALS, parent=study).optimal_trials]

    def trials(self, study: str, **fields: Any) -> list[vizier.Trial]:
        return list(self.call(rpc.LIST_TRIALS, parent=study, **fields).trials)


def trials_of(operation: operations.Operation) -> list[vizier.Trial]:
    assert operation.done
    return list(vizier.SuggestTrialsResponse.FromString(operation.response.value).trials)


def measurement(step: int = 0, **metrics: float) -> vizier.Measurement:
    found = [vizier.Measurement.Metric(metric_id=name, value=value) for name, value in metrics.items()]
    return vizier.Measurement(metrics=found, step_count=step)


def parameter(name: str, kind: str, *values: Any, **fields: Any) -> Spec.ParameterSpec:
    value = {"min_value": values[0], "max_value": values[1]} if kind in ("double", "integer") else {"values": values}
    return Spec.ParameterSpec(parameter_id=name, **{f"{kind}_value_spec": value}, **fields)


def spec(
    *,
    metrics: dict[str, int] | None = None,
    parameters: list[Spec.ParameterSpec] | None = None,
    algorithm: str = "RANDOM_SEARCH",
    ours: dict[str, str] | None = None,
    **fields: Any,
) -> Spec:
    goals = {"loss": Spec.MetricSpec.MINIMIZE} if metrics is None else metrics
    return Spec(
        metrics=[Spec.MetricSpec(metric_id=name, goal=goal) for name, goal in goals.items()],
        parameters=[parameter("x", "double", 0.0, 1.0)] if parameters is None else parameters,
        algorithm=algorithm,
        metadata=[vizier.KeyValue(ns=":katib", key=key, value=value) for key, value in (ours or {}).items()],
        **fields,
    )


def given(study: str, values: dict[str, float | str], **fields: Any) -> dict[str, Any]:
    parameters = []
    for name, value in values.items():
        each = vizier.Trial.Parameter(parameter_id=name)
        setattr(each.value, "string_value" if isinstance(value, str) else "number_value", value)
        parameters.append(each)
    return {"parent": study, "trial": vizier.Trial(parameters=parameters, **fields)}


@pytest.fixture(scope="module")
def suggestions() -> Iterator[SuggestionService]:
    service = open_suggestions()
    yield service
    service.close()


@pytest.fixture
def server(suggestions: SuggestionService) -> Iterator[Vizier]:
    running = StudyServer(Desk(MemoryStore(), suggestions), ServeSettings(port=0))
    running.start()
    client = Vizier(running.address)
    yield client
    client.channel.close()
    running.stop(grace=0)


def test_a_study_is_carried_from_its_creation_to_its_best_trial(server: Vizier) -> None:
    study = server.study()
    assert study == "owners/me/studies/s"
    first, second = server.suggest(study, count=2)
    assert [trial.name for trial in (first, second)] == [f"{study}/trials/1", f"{study}/trials/2"]
    assert first.state == vizier.Trial.ACTIVE and first.client_id == "a" and first.start_time.seconds > 0
    assert not first.HasField("final_measurement") and not first.HasField("end_time")
    server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=first.name, measurement=measurement(step=1, loss=0.5, size=3.0))
    server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=first.name, measurement=measurement(step=2, loss=0.75))
    done = server.call(rpc.COMPLETE_TRIAL, name=first.name)
    assert done.final_measurement == measurement(step=2, loss=0.75), "the last one counts, not the best"
    assert done.measurements[0] == measurement(step=1, loss=0.5, size=3.0)
    assert done.state == vizier.Trial.SUCCEEDED and done.end_time.seconds > 0
    final = server.complete(second, loss=0.25, accuracy=0.5)
    assert final.final_measurement == measurement(accuracy=0.5, loss=0.25)
    assert list(final.measurements) == []
    assert server.optimal(study) == ["2"]
    assert [trial.id for trial in server.trials(study)] == ["1", "2"]
    assert server.call(rpc.GET_TRIAL, name=second.name) == final


def test_own_trials_come_first_then_requested_ones_then_new_ones(server: Vizier) -> None:
    study = server.study()
    (own,) = server.suggest(study, "a")
    requested = server.call(rpc.CREATE_TRIAL, **given(study, {"x": 0.5}))
    assert requested.state == vizier.Trial.REQUESTED and requested.client_id == ""
    assert [trial.id for trial in server.suggest(study, "a", 3)] == [own.id, requested.id, "3"]
    assert [trial.id for trial in server.suggest(study, "a", 2)] == [own.id, requested.id]
    assert [trial.id for trial in server.suggest(study, "b", 1)] == ["4"]
    assert server.suggest(study, "c", 0) == []


def test_an_operation_is_answered_from_its_name(server: Vizier) -> None:
    study = server.study()
    done = server.call(rpc.SUGGEST_TRIALS, parent=study, client_id="ü 1", suggestion_count=3)
    assert done.name == "owners/me/operations/suggestion/s/ü 1/1-3"
    assert done.response.type_url.endswith("/vizier.SuggestTrialsResponse")
    again = server.call(rpc.GET_OPERATION, name=done.name)
    assert trials_of(again) == trials_of(done)
    none = server.call(rpc.SUGGEST_TRIALS, parent=study, client_id="b", suggestion_count=0)
    assert trials_of(server.call(rpc.GET_OPERATION, name=none.name)) == []
    assert server.refused(rpc.GET_OPERATION, name="owners/me/operations/suggestion/none/b/1")[0] is Code.NOT_FOUND
    assert server.refused(rpc.GET_OPERATION, name=f"{done.name}-9999999999")[0] is Code.INVALID_ARGUMENT


def test_a_specification_comes_back_as_it_went_in(server: Vizier) -> None:
    sent = spec(
        metrics={"loss": Spec.MetricSpec.MINIMIZE},
        parameters=[
            parameter("x", "double", 0.5, 2.0, scale_type=Spec.ParameterSpec.UNIT_LOG_SCALE),
            parameter("n", "integer", 1, 9, external_type=Spec.ParameterSpec.AS_INTEGER),
            parameter("d", "discrete", 1.0, 2.5),
            parameter("c", "categorical", "True", "False", external_type=Spec.ParameterSpec.AS_BOOLEAN),
        ],
        observation_noise=Spec.HIGH,
        default_stopping_spec=Spec.DefaultEarlyStoppingSpec(),
    )
    sent.parameters[0].double_value_spec.default_value.value = 0.0
    sent.metadata.add(ns=":b", key="z", value="2")
    item = sent.metadata.add(ns=":a", key="z")
    item.proto.type_url, item.proto.value = "type.googleapis.com/nobody.Knows", b"\x00\xff"
    # A field of a Vizier to come: number 99, a text.
    wire = sent.SerializeToString() + b"\x9a\x06\x03new"
    request = vizier.CreateStudyRequest(parent=OWNER, study=vizier.Study(display_name="s"))
    request.study.study_spec.MergeFromString(wire)
    created = stub(server.channel, rpc.CREATE_STUDY)(request)
    assert created.study_spec.SerializeToString() == request.study.study_spec.SerializeToString()
    assert b"new" in created.study_spec.SerializeToString()
    assert created.create_time.seconds > 0 and created.state == vizier.Study.ACTIVE
    assert server.call(rpc.GET_STUDY, name=created.name) == created
    (trial,) = server.suggest(created.name)
    kinds = {each.parameter_id: each.value.WhichOneof("kind") for each in trial.parameters}
    assert kinds == {"x": "number_value", "n": "number_value", "d": "number_value", "c": "string_value"}
    assert 0.5 <= trial.parameters[0].value.number_value <= 2.0


def test_the_same_study_is_found_and_another_of_its_name_is_refused(server: Vizier) -> None:
    study = server.study()
    assert server.study() == study
    message = vizier.Study(display_name="s", study_spec=spec(algorithm="QUASI_RANDOM_SEARCH"))
    code, said = server.refused(rpc.CREATE_STUDY, parent=OWNER, study=message)
    assert code is Code.ALREADY_EXISTS and "algorithmName" in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metrics": {"loss": 0}}, "MAXIMIZE (1) or MINIMIZE (2)"),
        ({"metrics": {}}, "at least one metric"),
        ({"parameters": []}, "at least one parameter"),
        ({"parameters": [Spec.ParameterSpec(parameter_id="x")]}, "double_value_spec"),
        ({"parameters": [parameter("x", "double", 1.0, 0.0)]}, "at most max"),
        ({"parameters": [parameter("x", "double", 0.0, math.inf)]}, "finite number"),
        ({"parameters": [parameter("x", "double", 0.0, 1.0, scale_type=2)]}, "more than 0"),
        (
            {"parameters": [parameter("x", "double", 1.0, 2.0, scale_type=3)]},
            "no algorithm here searches a reversed one",
        ),
        ({"parameters": [parameter("x", "discrete", 1.0, 1.0)]}, "each value once"),
        ({"parameters": [parameter("x", "double", 0.0, 1.0)] * 2}, "each parameter_id once"),
        ({"algorithm": "EAGLE_STRATEGY"}, "eagle-strategy"),
        ({"ours": {"maxTrials": "5"}}, "maxTrialCount"),
        ({"ours": {"maxTrialCount": "many"}}, "a whole number"),
    ],
)
def test_a_study_that_cannot_be_searched_is_refused(server: Vizier, fields: dict[str, Any], said: str) -> None:
    message = vizier.Study(display_name="s", study_spec=spec(**fields))
    code, details = server.refused(rpc.CREATE_STUDY, parent=OWNER, study=message)
    assert code is Code.INVALID_ARGUMENT and said in details
    assert list(server.call(rpc.LIST_STUDIES, parent=OWNER).studies) == []


def test_names_are_checked(server: Vizier) -> None:
    study = server.study()
    for method, fields in (
        (rpc.GET_STUDY, {"name": "studies/s"}),
        (rpc.GET_TRIAL, {"name": f"{study}/trials/x"}),
        (rpc.CREATE_STUDY, {"parent": OWNER, "study": vizier.Study(display_name="a/b", study_spec=spec())}),
        (rpc.CREATE_STUDY, {"parent": OWNER, "study": vizier.Study(study_spec=spec())}),
        (rpc.CREATE_STUDY, {"parent": OWNER, "study": vizier.Study(name="n", display_name="n", study_spec=spec())}),
        (rpc.SUGGEST_TRIALS, {"parent": study, "client_id": "", "suggestion_count": 1}),
        (rpc.SUGGEST_TRIALS, {"parent": study, "client_id": "a/b", "suggestion_count": 1}),
        (rpc.SUGGEST_TRIALS, {"parent": study, "client_id": "a", "suggestion_count": -1}),
    ):
        assert server.refused(method, **fields)[0] is Code.INVALID_ARGUMENT, (method.name, fields)
    for method, fields in (
        (rpc.GET_STUDY, {"name": "owners/me/studies/none"}),
        (rpc.DELETE_STUDY, {"name": "owners/you/studies/s"}),
        (rpc.GET_TRIAL, {"name": f"{study}/trials/7"}),
        (rpc.DELETE_TRIAL, {"name": f"{study}/trials/7"}),
        (rpc.COMPLETE_TRIAL, {"name": f"{study}/trials/7"}),
        (rpc.ADD_TRIAL_MEASUREMENT, {"trial_name": f"{study}/trials/7", "measurement": measurement(loss=1)}),
    ):
        assert server.refused(method, **fields)[0] is Code.NOT_FOUND, (method.name, fields)


def test_a_trial_in_the_wrong_state_is_left_as_it_is(server: Vizier) -> None:
    study = server.study()
    requested = server.call(rpc.CREATE_TRIAL, **given(study, {"x": 0.5}))
    (trial,) = server.suggest(study)
    assert trial.id == requested.id
    assert server.refused(rpc.COMPLETE_TRIAL, name=trial.name)[0] is Code.INVALID_ARGUMENT, "nothing was measured"
    code, said = server.refused(rpc.COMPLETE_TRIAL, name=trial.name, final_measurement=measurement(lost=1.0))
    assert code is Code.INVALID_ARGUMENT and "metrics.loss" in said
    done = server.complete(trial, loss=1.0)
    for method, fields in (
        (rpc.COMPLETE_TRIAL, {"name": trial.name, "final_measurement": measurement(loss=0.0)}),
        (rpc.ADD_TRIAL_MEASUREMENT, {"trial_name": trial.name, "measurement": measurement(loss=0.0)}),
    ):
        assert server.refused(method, **fields)[0] is Code.FAILED_PRECONDITION
    assert server.call(rpc.GET_TRIAL, name=trial.name) == done
    waiting = server.call(rpc.CREATE_TRIAL, **given(study, {"x": 0.25}))
    assert server.refused(rpc.COMPLETE_TRIAL, name=waiting.name)[0] is Code.FAILED_PRECONDITION


def test_infeasible_and_nan_are_no_results(server: Vizier) -> None:
    study = server.study()
    first, second, third = server.suggest(study, count=3)
    fields = {"trial_infeasible": True, "infeasible_reason": "too wide", "final_measurement": measurement(loss=0.0)}
    bad = server.call(rpc.COMPLETE_TRIAL, name=first.name, **fields)
    assert (bad.state, bad.infeasible_reason) == (vizier.Trial.INFEASIBLE, "too wide")
    assert list(bad.measurements) == [measurement(loss=0.0)]
    late = server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=first.name, measurement=measurement(loss=0.0))
    assert late == bad, "without effect, as Vizier has it"
    nan = server.complete(second, loss=math.nan)
    assert nan.state == vizier.Trial.SUCCEEDED and math.isnan(nan.final_measurement.metrics[0].value)
    server.complete(third, loss=5.0)
    assert server.optimal(study) == ["3"]


def test_known_results_are_added(server: Vizier) -> None:
    study = server.study()
    curve = [measurement(step=1, loss=3.0), measurement(step=2, loss=2.0)]
    item = vizier.KeyValue(ns=":me", key="k", value="v")
    state = {"state": vizier.Trial.SUCCEEDED, "measurements": curve, "metadata": [item]}
    known = server.call(
        rpc.CREATE_TRIAL, **given(study, {"x": 0.25}, final_measurement=measurement(step=3, loss=1.5), **state)
    )
    assert known.final_measurement == measurement(step=3, loss=1.5)
    assert list(known.measurements) == curve and list(known.metadata) == [item]
    copied = server.call(rpc.CREATE_TRIAL, **given(study, {"x": 0.5}, **state))
    assert copied.final_measurement == measurement(step=2, loss=2.0)
    bad = server.call(
        rpc.CREATE_TRIAL, **given(study, {"x": 0.75}, state=vizier.Trial.INFEASIBLE, infeasible_reason="hot")
    )
    assert (bad.state, bad.infeasible_reason) == (vizier.Trial.INFEASIBLE, "hot")
    assert server.optimal(study) == ["1"]
    for fields in (
        given(study, {"x": 2.0}),
        given(study, {"y": 0.5}),
        given(study, {}),
        given(study, {"x": 0.5}, state=vizier.Trial.SUCCEEDED),
        {"parent": study, "trial": vizier.Trial(parameters=[vizier.Trial.Parameter(parameter_id="x")])},
    ):
        assert server.refused(rpc.CREATE_TRIAL, **fields)[0] is Code.INVALID_ARGUMENT
    assert len(server.trials(study)) == 3


def test_several_objectives_have_a_front_and_safety_metrics_bound_it(server: Vizier) -> None:
    metrics = {"loss": Spec.MetricSpec.MINIMIZE, "speed": Spec.MetricSpec.MAXIMIZE}
    several = spec(metrics=metrics, algorithm="DEFAULT")
    heat = several.metrics.add(metric_id="heat", goal=Spec.MetricSpec.MINIMIZE)
    heat.safety_config.safety_threshold = 100.0
    message = vizier.Study(display_name="several", study_spec=several)
    study = server.call(rpc.CREATE_STUDY, parent=OWNER, study=message).name
    values = [(1.0, 1.0), (2.0, 2.0), (2.0, 1.5), (1.0, 1.0), (0.5, 9.0)]
    for number, (loss, speed) in enumerate(values):
        (trial,) = server.suggest(study)
        server.complete(trial, loss=loss, speed=speed, heat=101.0 if number == 4 else 100.0)
    assert server.optimal(study) == ["1", "2", "4"], "equal ones are both told; the last is not safe"


def test_a_trial_stops_by_the_rule_of_its_study_or_by_a_user(server: Vizier) -> None:
    study = server.study(default_stopping_spec=Spec.DefaultEarlyStoppingSpec())
    for loss in (1.0, 2.0, 3.0, 2.0):
        (good,) = server.suggest(study)
        for step in range(1, 6):
            server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=good.name, measurement=measurement(step, loss=loss))
        assert not server.call(rpc.CHECK_TRIAL_EARLY_STOPPING_STATE, trial_name=good.name).should_stop
        server.call(rpc.COMPLETE_TRIAL, name=good.name)
    (bad,) = server.suggest(study)
    for step in range(1, 6):
        server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=bad.name, measurement=measurement(step, loss=9.0))
    assert server.call(rpc.CHECK_TRIAL_EARLY_STOPPING_STATE, trial_name=bad.name).should_stop
    stopping = server.call(rpc.GET_TRIAL, name=bad.name)
    assert stopping.state == vizier.Trial.STOPPING
    assert server.call(rpc.STOP_TRIAL, name=bad.name) == stopping
    (other,) = server.suggest(study)
    assert other.id != bad.id, "one that is to stop is not given out again"
    done = server.call(rpc.COMPLETE_TRIAL, name=bad.name)
    assert (done.state, done.final_measurement) == (vizier.Trial.SUCCEEDED, measurement(5, loss=9.0))
    assert server.call(rpc.STOP_TRIAL, name=bad.name) == done
    server.call(rpc.STOP_TRIAL, name=other.name)
    assert server.call(rpc.CHECK_TRIAL_EARLY_STOPPING_STATE, trial_name=other.name).should_stop
    requested = server.call(rpc.CREATE_TRIAL, **given(study, {"x": 0.5}))
    for method in (rpc.STOP_TRIAL, rpc.CHECK_TRIAL_EARLY_STOPPING_STATE):
        field = "name" if method is rpc.STOP_TRIAL else "trial_name"
        assert server.refused(method, **{field: requested.name})[0] is Code.FAILED_PRECONDITION


def test_without_a_rule_nothing_is_stopped(server: Vizier) -> None:
    study = server.study()
    trials = server.suggest(study, count=4)
    for trial in trials:
        server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=trial.name, measurement=measurement(1, loss=float(trial.id)))
        assert not server.call(rpc.CHECK_TRIAL_EARLY_STOPPING_STATE, trial_name=trial.name).should_stop


def test_conditional_parameters_are_a_tree_on_the_wire(server: Vizier) -> None:
    def child(name: str, low: float, high: float, *values: str) -> Spec.ParameterSpec.ConditionalParameterSpec:
        return Spec.ParameterSpec.ConditionalParameterSpec(
            parameter_spec=parameter(name, "double", low, high),
            parent_categorical_values={"values": values},
        )

    # rate is two different parameters; size is one, which is sent once per value, as Vizier's client does.
    children = [child("rate", 0.0, 1.0, "a"), child("rate", 2.0, 3.0, "b")]
    children += [child("size", 4.0, 5.0, "a"), child("size", 4.0, 5.0, "b")]
    kind = parameter("kind", "categorical", "a", "b", "c", conditional_parameter_specs=children)
    study = server.study(parameters=[kind])
    seen = set()
    for trial in server.suggest(study, count=30):
        values = {each.parameter_id: each.value for each in trial.parameters}
        chosen = values["kind"].string_value
        seen.add(chosen)
        assert values.keys() == ({"kind"} if chosen == "c" else {"kind", "rate", "size"})
        if chosen != "c":
            assert values["rate"].number_value <= 1.0 if chosen == "a" else values["rate"].number_value >= 2.0
    assert seen == {"a", "b", "c"}
    added = server.call(rpc.CREATE_TRIAL, **given(study, {"kind": "b", "rate": 2.5, "size": 4.5}))
    assert {each.parameter_id for each in added.parameters} == {"kind", "rate", "size"}
    twice = [child("rate", 0.0, 1.0, "a", "b"), child("rate", 2.0, 3.0, "b")]
    message = vizier.Study(
        display_name="t",
        study_spec=spec(parameters=[parameter("kind", "categorical", "a", "b", conditional_parameter_specs=twice)]),
    )
    assert server.refused(rpc.CREATE_STUDY, parent=OWNER, study=message)[0] is Code.INVALID_ARGUMENT


def test_a_study_that_is_not_active_is_only_read(server: Vizier) -> None:
    study = server.study()
    (trial,) = server.suggest(study)
    for state in (vizier.Study.INACTIVE, vizier.Study.COMPLETED, vizier.Study.INACTIVE):
        assert server.call(rpc.SET_STUDY_STATE, parent=study, state=state).state == state
        for method, fields in (
            (rpc.SUGGEST_TRIALS, {"parent": study, "client_id": "a", "suggestion_count": 1}),
            (rpc.CREATE_TRIAL, given(study, {"x": 0.5})),
            (rpc.ADD_TRIAL_MEASUREMENT, {"trial_name": trial.name, "measurement": measurement(loss=1.0)}),
            (rpc.COMPLETE_TRIAL, {"name": trial.name, "final_measurement": measurement(loss=1.0)}),
            (rpc.DELETE_TRIAL, {"name": trial.name}),
            (rpc.UPDATE_METADATA, {"name": study}),
        ):
            assert server.refused(method, **fields)[0] is Code.FAILED_PRECONDITION, method.name
        assert server.trials(study) == [trial], "nothing was written"
    assert server.call(rpc.SET_STUDY_STATE, parent=study, state=vizier.Study.ACTIVE).state == vizier.Study.ACTIVE
    assert server.suggest(study) == [trial]
    assert server.refused(rpc.SET_STUDY_STATE, parent=study, state=9)[0] is Code.INVALID_ARGUMENT


def test_a_budget_of_ours_ends_a_study_of_theirs(server: Vizier) -> None:
    ours = {"maxTrialCount": "2", "parallelTrialCount": "1", "leaseSeconds": "0"}
    study = server.study(ours=ours)
    for _ in range(2):
        (trial,) = server.suggest(study, count=5)
        server.complete(trial, loss=1.0)
    assert server.call(rpc.GET_STUDY, name=study).state == vizier.Study.COMPLETED
    refusal = server.refused(rpc.SUGGEST_TRIALS, parent=study, client_id="a", suggestion_count=1)
    assert refusal[0] is Code.FAILED_PRECONDITION
    server.call(rpc.UPDATE_METADATA, name=study, delta=[update("k", "v")])


def test_a_space_that_is_used_up_gives_what_there_is(server: Vizier) -> None:
    study = server.study(parameters=[parameter("d", "discrete", 1.0, 2.0, 3.0)], algorithm="GRID_SEARCH")
    assert [t.parameters[0].value.number_value for t in server.suggest(study, count=9)] == [1.0, 2.0, 3.0]
    assert server.suggest(study, "b") == []
    ten = server.study("ten", algorithm="GRID_SEARCH")
    assert len(server.suggest(ten, count=20)) == 10, "ten points of a double, as Vizier's grid has them"


def update(key: str, value: str, trial: str | None = None) -> vizier.UnitMetadataUpdate:
    return vizier.UnitMetadataUpdate(trial_id=trial, metadatum=vizier.KeyValue(ns=":n", key=key, value=value))


def test_metadata_is_replaced_by_key_and_sorted(server: Vizier) -> None:
    study = server.study()
    (trial,) = server.suggest(study)
    unknown = server.call(rpc.UPDATE_METADATA, name=study, delta=[update("b", "0"), update("b", "1", "7")])
    assert "7" in unknown.error_details
    assert list(server.call(rpc.GET_STUDY, name=study).study_spec.metadata) == [], "all of it or none"
    delta = [update("b", "1"), update("a", "2"), update("b", "3"), update("a", "4", trial.id)]
    assert server.call(rpc.UPDATE_METADATA, name=study, delta=delta).error_details == ""
    kept = server.call(rpc.GET_STUDY, name=study).study_spec.metadata
    assert [(item.ns, item.key, item.value) for item in kept] == [(":n", "a", "2"), (":n", "b", "3")]
    (of_trial,) = server.call(rpc.GET_TRIAL, name=trial.name).metadata
    assert (of_trial.key, of_trial.value) == ("a", "4")
    proto = vizier.UnitMetadataUpdate(metadatum=vizier.KeyValue(ns=":n", key="p"))
    proto.metadatum.proto.type_url, proto.metadatum.proto.value = "x/y", b"\x00\x01"
    server.call(rpc.UPDATE_METADATA, name=study, delta=[proto, update("nul", "\0")])
    kept = {item.key: item for item in server.call(rpc.GET_STUDY, name=study).study_spec.metadata}
    assert kept["p"] == proto.metadatum and kept["nul"].value == "\0"


def test_what_is_deleted_is_gone_and_no_number_comes_back(server: Vizier) -> None:
    study = server.study()
    first, second = server.suggest(study, count=2)
    server.complete(first, loss=0.5)
    server.complete(second, loss=0.25)
    server.call(rpc.DELETE_TRIAL, name=second.name)
    assert server.optimal(study) == ["1"]
    (third,) = server.suggest(study)
    assert third.id == "3"
    server.call(rpc.DELETE_TRIAL, name=third.name)
    assert [trial.id for trial in server.suggest(study)] == ["4"], "a deleted trial is not given out again"
    server.call(rpc.DELETE_STUDY, name=study)
    assert server.refused(rpc.GET_STUDY, name=study)[0] is Code.NOT_FOUND
    assert list(server.call(rpc.LIST_STUDIES, parent=OWNER).studies) == []


def test_lists_come_in_pages_for_who_wants_them(server: Vizier) -> None:
    study = server.study()
    for number in range(2, 5):
        server.study(f"s{number}")
    server.suggest(study, count=5)
    seen, token = [], ""
    while True:
        part = server.call(rpc.LIST_TRIALS, parent=study, page_size=2, page_token=token)
        seen.append([trial.id for trial in part.trials])
        token = part.next_page_token
        if not token:
            break
    assert seen == [["1", "2"], ["3", "4"], ["5"]]
    names = [each.display_name for each in server.call(rpc.LIST_STUDIES, parent=OWNER).studies]
    assert names == ["s", "s2", "s3", "s4"]
    first = server.call(rpc.LIST_STUDIES, parent=OWNER, page_size=3)
    rest = server.call(rpc.LIST_STUDIES, parent=OWNER, page_size=3, page_token=first.next_page_token)
    assert [[each.display_name for each in part.studies] for part in (first, rest)] == [["s", "s2", "s3"], ["s4"]]
    assert rest.next_page_token == ""
    for token in ("next", "nan~a", "-inf~a"):
        assert server.refused(rpc.LIST_STUDIES, parent=OWNER, page_token=token)[0] is Code.INVALID_ARGUMENT
    assert server.refused(rpc.LIST_TRIALS, parent=study, page_token="next")[0] is Code.INVALID_ARGUMENT


def test_clients_at_once_share_nothing(server: Vizier) -> None:
    study = server.study(ours={"maxTrialCount": "60"})

    def client(number: int) -> list[str]:
        done: list[str] = []
        while True:
            try:
                trials = server.suggest(study, f"client-{number}", 2)
            except grpc.RpcError:
                return done
            if not trials:
                return done
            for trial in trials:
                server.complete(trial, loss=1.0)
                done.append(trial.id)

    with ThreadPoolExecutor(16) as threads:
        done = [each for found in threads.map(client, range(16)) for each in found]
    assert sorted(map(int, done)) == list(range(1, 61))


class Clock:
    """The server's time."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_trial_whose_worker_is_gone_goes_to_the_next(suggestions: SuggestionService) -> None:
    clock = Clock()
    running = StudyServer(Desk(MemoryStore(), suggestions, now=clock), ServeSettings(port=0))
    running.start()
    server = Vizier(running.address)
    study = server.study(ours={"leaseSeconds": "60", "maxTrialCount": "1"})
    (first,) = server.suggest(study, "a")
    clock.now += 50
    server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=first.name, measurement=measurement(1, loss=1.0))
    clock.now += 50
    assert server.suggest(study, "b") == [], "a measurement lends it for longer"
    clock.now += 20
    (again,) = server.suggest(study, "b")
    assert (again.id, again.client_id, again.parameters) == (first.id, "b", first.parameters)
    assert list(again.measurements) == [], "those of the first run are not this one's"
    done = server.complete(again, loss=0.5)
    assert server.complete(first, loss=9.0) == done, "late, and no error"
    server.channel.close()
    running.stop(grace=0)


def test_a_list_that_would_be_too_long_goes_without_measurements(
    server: Vizier, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = server.study()
    for trial in server.suggest(study, count=3):
        server.call(rpc.ADD_TRIAL_MEASUREMENT, trial_name=trial.name, measurement=measurement(1, loss=1.0))
    assert [len(trial.measurements) for trial in server.trials(study)] == [1, 1, 1]
    monkeypatch.setattr("katib.server.vizier.answers.ANSWER_LIMIT", 100)
    assert [len(trial.measurements) for trial in server.trials(study)] == [0, 0, 0]
    assert len(server.call(rpc.GET_TRIAL, name=f"{study}/trials/1").measurements) == 1


def _messages() -> list[Method[Any, Any]]:
    return [value for value in vars(rpc).values() if isinstance(value, Method)]


def test_every_method_of_the_service_is_served() -> None:
    service = vizier.DESCRIPTOR.services_by_name["VizierService"]
    assert {each.name for each in _messages()} == {method.name for method in service.methods}
