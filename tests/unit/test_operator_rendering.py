"""What the operator writes into objects: order of conditions, and limits."""

import json
from dataclasses import replace

import pytest

from katib.core.study import Condition as StudyCondition
from katib.core.study import StudyReason, StudyStatus, Summary
from katib.core.trial import Reason, TrialState
from katib.operator.conditions import Conditions, stamp
from katib.operator.experiments import experiment_status, refused_status
from katib.operator.suggestions import suggestion_status
from katib.operator.trials import trial_object, trial_status
from katib.spec.prepare import prepare
from katib.testing import builders as make
from katib.testing.experiments import experiment_document

LIMIT = 100_000
OWNER = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": "digits", "uid": "u"}}
EFFECTIVE = prepare(experiment_document()).effective
EFFECTIVE["metadata"]["namespace"] = "tuning"


def a_study(**changes):
    return replace(make.study(), **{"effective": EFFECTIVE, "created_at": 10.0, "started_at": 11.0, **changes})


def condition(status, reason, since=20.0):
    return StudyCondition(status=status, reason=reason, message="why", since=since)


def kinds(conditions):
    return [(each["type"], each["status"]) for each in conditions]


def test_a_condition_that_says_something_new_goes_to_the_end():
    conditions = Conditions()
    for kind in ("A", "B"):
        conditions.put(kind, "True", "first", "", at=1.0)
    conditions.put("A", "True", "first", "", at=2.0)
    assert kinds(conditions.all) == [("A", "True"), ("B", "True")]
    conditions.put("A", "True", "second", "", at=3.0)
    assert kinds(conditions.all) == [("B", "True"), ("A", "True")]
    times = conditions.all[-1]
    assert (times["lastUpdateTime"], times["lastTransitionTime"]) == (stamp(3.0), stamp(1.0))
    conditions.end("B", at=4.0)
    assert kinds(conditions.all) == [("A", "True"), ("B", "False")]
    assert conditions.all[-1]["lastTransitionTime"] == stamp(4.0)


def test_an_experiments_conditions_are_a_history():
    running = condition(StudyStatus.RUNNING, StudyReason.RUNNING)
    done = condition(StudyStatus.SUCCEEDED, StudyReason.MAX_TRIALS)
    again = condition(StudyStatus.RUNNING, StudyReason.RESTARTING)
    seen, before = [], []
    for each in (running, done, again, done):
        before = experiment_status(a_study(condition=each), before, (), None)["conditions"]
        seen.append(kinds(before))
    created, restarting = ("Created", "True"), ("Restarting", "True")
    assert seen == [
        [created, ("Running", "True")],
        [created, ("Running", "False"), ("Succeeded", "True")],
        [created, restarting, ("Running", "True")],
        [created, restarting, ("Running", "False"), ("Succeeded", "True")],
    ]


def test_one_that_was_over_at_once_has_run():
    done = a_study(condition=condition(StudyStatus.FAILED, StudyReason.TOO_MANY_FAILED))
    conditions = experiment_status(done, (), (), None)["conditions"]
    assert kinds(conditions) == [("Created", "True"), ("Running", "False"), ("Failed", "True")]


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (TrialState.SUCCEEDED, Reason.SUCCEEDED, [("Running", "False"), ("Succeeded", "True")]),
        (TrialState.FAILED, Reason.EXIT_CODE, [("Running", "False"), ("Failed", "True")]),
        (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, [("Running", "False"), ("MetricsUnavailable", "True")]),
        (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, [("Running", "True"), ("EarlyStopped", "True")]),
        (TrialState.KILLED, Reason.BUDGET_LOWERED, [("Running", "False"), ("Killed", "True")]),
        (TrialState.RUNNING, Reason.STARTED, [("Running", "True")]),
        (TrialState.PENDING, Reason.CREATED, []),
    ],
)
def test_a_trials_conditions(state, reason, expected):
    trial = make.trial(state=state, reason=reason)
    assert kinds(trial_status(a_study(), trial)["conditions"]) == [("Created", "True"), *expected]


def test_why_a_trial_waits_is_its_last_condition_until_it_runs():
    waiting = make.trial(state=TrialState.PENDING, reason=Reason.WAITING, message="no room")
    last = trial_status(a_study(), waiting)["conditions"][-1]
    assert (last["type"], last["status"], last["message"]) == ("Running", "False", "no room")
    running = replace(waiting, state=TrialState.RUNNING, message="", started_at=2.0)
    assert kinds(trial_status(a_study(), running)["conditions"]) == [("Created", "True"), ("Running", "True")]


def test_no_object_gets_too_large():
    """A study of 100,000 trials, with names as long as can be."""
    count = 100_000
    done = condition(StudyStatus.SUCCEEDED, StudyReason.MAX_TRIALS)
    study = a_study(condition=done, summary=Summary(counts={TrialState.SUCCEEDED: count}))
    name = "n" * 49
    newest = [replace(make.trial(ordinal), name=name) for ordinal in range(count, count - 1200, -1)]
    names = [(trial.name, TrialState.SUCCEEDED) for trial in newest]
    status = experiment_status(study, (), names, newest[0])
    assert status["trialsSucceeded"] == count
    assert 700 < len(status["succeededTrialList"]) < 1000
    first = status["conditions"][0]
    assert (first["type"], status["conditions"][-1]["type"]) == ("Trimmed", "Succeeded")
    assert f"{count - len(status['succeededTrialList'])} trials are left out" in first["message"]
    suggestions = suggestion_status(study, (), newest)
    assert suggestions["suggestionCount"] == count
    long = {"spec": {"template": {"spec": {"containers": [{"args": ["x" * LIMIT]}]}}}}
    trial = trial_object(study, newest[0], long, OWNER)
    assert "runSpec" not in trial["spec"]
    for each in (status, suggestions, trial):
        assert len(json.dumps(each)) < LIMIT


def test_all_faults_are_in_the_message():
    from katib.errors import Fault, InvalidInput

    error = InvalidInput([Fault(path="a", wanted="b"), Fault(path="c", wanted="d")])
    last = refused_status(error, (), now=1.0)["conditions"][-1]
    assert (last["type"], last["reason"]) == ("Failed", "ExperimentFailed")
    assert "a: b" in last["message"]
    assert "c: d" in last["message"]
