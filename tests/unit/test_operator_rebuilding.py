"""From the objects of an Experiment to what was on record of it."""

import pytest

from katib.core.names import trial_name
from katib.core.objective import Direction, Objective
from katib.core.space import ParameterType, Range, SearchSpace
from katib.core.study import StudyReason, StudyStatus
from katib.core.trial import Reason, TrialState
from katib.operator.rebuilding import Irrecoverable, Mirrored, record_of, was_lost

STUDY, UID = "tuning/study", "u1"
NAME = [trial_name(STUDY, UID, ordinal) for ordinal in range(1, 10)]


def a_trial(name, x="0.5", *conditions, **status):
    metadata = {"name": name, "labels": {"team": "one", "katib.kubeflow.org/experiment": "study", "rung": "2"}}
    spec = {"parameterAssignments": [{"name": "x", "value": x}]}
    return {"metadata": metadata, "spec": spec, "status": {"conditions": [*conditions], **status}}


def said(kind, reason, message, status="True"):
    return {"type": kind, "status": status, "reason": reason, "message": message}


def rebuilt(*trials, attempts=None, suggestion=None, **status):
    experiment = {"metadata": {"labels": {"team": "one"}}, "status": {"trials": len(trials), **status}}
    mirrored = Mirrored(experiment=experiment, trials=trials, suggestion=suggestion, attempts=attempts or {})
    space = SearchSpace(parameters=(Range(name="x", type=ParameterType.DOUBLE, low=0.0, high=1.0),))
    objectives = [Objective(metric="loss", direction=Direction.MINIMIZE)]
    return record_of(mirrored, name=STUDY, uid=UID, space=space, objectives=objectives)


def test_ordinals_come_from_names_and_gaps_stay():
    changes = rebuilt(a_trial(NAME[8], "0.25"), a_trial(NAME[1]))
    assert [(each.ordinal, each.assignment) for each in changes.advice] == [(2, {"x": 0.5}), (9, {"x": 0.25})]
    assert {each.target for each in changes.transitions} == {TrialState.PENDING}


def test_labels_are_the_suggestions_or_those_that_are_no_experiments():
    suggestion = {"status": {"suggestions": [{"name": NAME[0], "labels": {"parent": "{a}"}}]}}
    changes = rebuilt(a_trial(NAME[0]), a_trial(NAME[1]), suggestion=suggestion)
    assert [each.labels for each in changes.advice] == [{"parent": "{a}"}, {"rung": "2"}]


def test_settings_of_the_algorithm_are_remembered():
    suggestion = {"status": {"algorithmSettings": [{"name": "s", "value": "1"}]}}
    assert rebuilt(suggestion=suggestion).overrides == {"s": "1"}
    assert rebuilt().overrides is None


@pytest.mark.parametrize(
    ("condition", "state", "reason", "message"),
    [
        (said("Succeeded", "TrialSucceeded", "Trial has succeeded"), TrialState.SUCCEEDED, Reason.SUCCEEDED, ""),
        (
            said("Failed", "TrialFailed. Job reason: Signal", "Trial has failed. Job message: ended by signal 9: x"),
            TrialState.FAILED,
            Reason.SIGNAL,
            "ended by signal 9: x",
        ),
        (
            said("EarlyStopped", "TrialEarlyStopped", "Trial is early stopped: loss > 1: so"),
            TrialState.EARLY_STOPPED,
            Reason.STOPPED_EARLY,
            "loss > 1: so",
        ),
    ],
)
def test_how_a_trial_ended_is_read_from_its_conditions(condition, state, reason, message):
    metrics = [{"name": "loss", "min": "0.1", "max": "2.0", "latest": "0.4"}, {"name": "acc", "min": "unavailable"}]
    times = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z"}
    running = said("Running", "TrialRunning", "Trial is running", "False")
    changes = rebuilt(a_trial(NAME[0], "0.5", running, condition, observation={"metrics": metrics}, **times))
    (observed,), move = changes.observations, changes.transitions[-1]
    assert [each.text for each in observed.points] == ["0.1", "2.0", "0.4"]
    assert (move.target, move.reason, move.message) == (state, reason, message)
    assert move.value == (None if state is TrialState.FAILED else 0.1)
    assert move.ended_at - move.started_at == 60


def test_a_trial_that_has_not_ended_goes_on_with_the_attempt_that_the_cluster_has():
    changes = rebuilt(a_trial(NAME[0]), attempts={NAME[0]: 3})
    assert [(each.attempt, each.attempt_after) for each in changes.transitions] == [(1, None), (1, 2), (2, 3)]


def test_the_verdict_stands():
    ended = said("Succeeded", "ExperimentMaxTrialsReached", "so")
    condition = rebuilt(conditions=[ended | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]).condition
    assert (condition.status, condition.reason) == (StudyStatus.SUCCEEDED, StudyReason.MAX_TRIALS)
    assert (condition.message, condition.since) == ("so", 1767225600.0)
    assert rebuilt(conditions=[said("Running", "ExperimentRunning", "so")]).condition is None


@pytest.mark.parametrize(
    ("trials", "count"),
    [([a_trial(NAME[0])], 2), ([a_trial("study-strange")], 1), ([a_trial(NAME[0], "7")], 1)],
    ids=["one is missing", "of another study", "out of bounds"],
)
def test_nothing_is_made_up(trials, count):
    with pytest.raises(Irrecoverable, match="the store has lost this Experiment"):
        rebuilt(*trials, trials=count)


def test_one_without_trials_has_lost_nothing():
    assert not was_lost({"status": {"conditions": []}})
    assert not was_lost({})
    assert was_lost({"status": {"trials": 1}})
