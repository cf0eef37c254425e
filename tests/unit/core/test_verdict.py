"""What a study is, threshold by threshold: at, one below, one above; and which question comes first."""

from dataclasses import replace

import pytest

from katib.core.pareto import FrontPoint
from katib.core.study import StudyReason, StudyStatus
from katib.core.verdict import verdict
from katib.testing import builders as make


def said(study, *, unused=0, **summary):
    return verdict(study, make.summary(**summary), unused_advice=unused, now=make.NOW)


def reason(study, **known):
    return said(study, **known).reason


@pytest.mark.parametrize(
    ("maximize", "best", "reached"),
    [
        (False, 0.09, True),
        (False, 0.1, True),
        (False, 0.11, False),
        (True, 0.11, True),
        (True, 0.1, True),
        (True, 0.09, False),
        (False, None, False),
    ],
)
def test_goal(maximize, best, reached):
    study = make.study(goal=0.1, maximize=maximize)
    condition = said(study, SUCCEEDED=1, RUNNING=1, best=best)
    assert (condition.reason is StudyReason.GOAL_REACHED) is reached
    assert condition.concluded is reached


@pytest.mark.parametrize(
    ("loss_goal", "accuracy_goal", "front", "reached"),
    [
        (0.1, 0.9, [(0.1, 0.9)], True),
        (0.1, 0.9, [(0.05, 0.5), (0.2, 0.95)], False),
        (0.1, 0.9, [(0.05, 0.5), (0.1, 0.95), (0.2, 0.99)], True),
        (0.1, None, [(0.1, 0.0)], True),
        (None, 0.9, [(0.1, 0.8), (5.0, 0.9)], True),
        (None, None, [(-1e308, 1e308)], False),
        (0.1, 0.9, [], False),
    ],
)
def test_several_goals_are_reached_by_one_trial(loss_goal, accuracy_goal, front, reached):
    accuracy = make.objective(maximize=True, metric="accuracy", goal=accuracy_goal)
    study = make.study(goal=loss_goal, further=[accuracy])
    points = tuple(FrontPoint(ordinal=ordinal, values=values) for ordinal, values in enumerate(front, start=1))
    summary = replace(make.summary(SUCCEEDED=3), front=points)
    condition = verdict(study, summary, unused_advice=0, now=make.NOW)
    assert condition.reason is (
        StudyReason.GOAL_REACHED if reached else StudyReason.MAX_TRIALS if front else StudyReason.NONE_SUCCEEDED
    )


def test_no_goal_is_never_reached():
    assert reason(make.study(), SUCCEEDED=1, best=-1e308) is StudyReason.RUNNING


@pytest.mark.parametrize(
    ("limit", "failed", "unavailable", "over"),
    [
        (2, 1, 0, False),
        (2, 2, 0, True),
        (2, 3, 0, True),
        (2, 1, 1, True),
        (2, 0, 2, True),
        (0, 0, 0, False),
        (0, 1, 0, True),
        (0, 0, 1, True),
        (1, 0, 0, False),
        (1, 1, 0, True),
        (None, 9, 9, False),
    ],
)
def test_max_failed(limit, failed, unavailable, over):
    study = make.study(max_failed=limit, max_trials=20)
    condition = said(study, FAILED=failed, METRICS_UNAVAILABLE=unavailable, RUNNING=2)
    assert (condition.reason is StudyReason.TOO_MANY_FAILED) is over
    assert (condition.status is StudyStatus.FAILED) is over


def test_killed_and_stopped_trials_did_not_fail():
    assert reason(make.study(max_failed=0), KILLED=1, EARLY_STOPPED=1) is StudyReason.RUNNING


@pytest.mark.parametrize(
    ("finished", "unfinished", "over"), [(2, 0, False), (3, 0, True), (4, 0, True), (2, 1, False), (3, 1, False)]
)
def test_max_trials(finished, unfinished, over):
    condition = said(make.study(max_trials=3), SUCCEEDED=finished, PENDING=unfinished, best=0.5)
    assert (condition.reason is StudyReason.MAX_TRIALS) is over


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "KILLED", "EARLY_STOPPED", "METRICS_UNAVAILABLE"])
def test_every_finished_trial_uses_budget(state):
    assert said(make.study(max_trials=1), **{state: 1}).concluded


def test_advice_is_not_a_trial():
    assert not said(make.study(max_trials=3), ADVISED=3).concluded


def test_without_max_trials_it_goes_on():
    assert not said(make.study(max_trials=None), SUCCEEDED=9999, best=0.5).concluded


@pytest.mark.parametrize(
    ("exhausted", "unfinished", "unused", "over"),
    [("", 0, 0, False), ("used up", 0, 0, True), ("used up", 1, 0, False), ("used up", 0, 1, False)],
)
def test_nothing_left_to_suggest(exhausted, unfinished, unused, over):
    study = make.study(max_trials=9, exhausted=exhausted)
    condition = said(study, SUCCEEDED=1, RUNNING=unfinished, best=0.5, unused=unused)
    assert (condition.reason is StudyReason.SPACE_EXHAUSTED) is over
    assert ("used up" in condition.message) is over


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"FAILED": 1}, "its only trial gave no value"),
        ({"FAILED": 2}, "none of its 2 trials gave a value"),
        ({"FAILED": 1, "KILLED": 1}, "none of its 2 trials gave a value"),
    ],
)
@pytest.mark.parametrize("exhausted", ["", "used up"])
def test_a_study_without_a_value_has_failed_whatever_ended_it(known, words, exhausted):
    most = 9 if exhausted else sum(known.values())
    condition = said(make.study(max_trials=most, exhausted=exhausted), **known)
    assert (condition.status, condition.reason) == (StudyStatus.FAILED, StudyReason.NONE_SUCCEEDED)
    assert words in condition.message


def test_a_space_without_any_point_says_so():
    condition = said(make.study(exhausted="the grid is empty"))
    assert (condition.status, condition.reason) == (StudyStatus.FAILED, StudyReason.NONE_SUCCEEDED)
    assert "the grid is empty" in condition.message


def test_the_order_of_questions():
    study = make.study(goal=0.1, max_failed=1, max_trials=2, exhausted="used up")
    everything = {"SUCCEEDED": 1, "FAILED": 1, "best": 0.1}
    order = [reason(study, **everything)]
    order.append(reason(replace(study, objective=make.objective()), **everything))
    order.append(reason(make.study(max_trials=2, exhausted="used up"), **everything))
    order.append(reason(make.study(max_trials=3, exhausted="used up"), **everything))
    assert order == [
        StudyReason.GOAL_REACHED,
        StudyReason.TOO_MANY_FAILED,
        StudyReason.MAX_TRIALS,
        StudyReason.SPACE_EXHAUSTED,
    ]


@pytest.mark.parametrize("status", [StudyStatus.SUCCEEDED, StudyStatus.FAILED])
def test_a_verdict_stands(status):
    study = make.study(status=status, goal=0.1, max_failed=0)
    assert said(study, SUCCEEDED=1, FAILED=1, best=0.0) == study.condition


@pytest.mark.parametrize(
    ("status", "stop", "expected"),
    [
        (StudyStatus.CREATED, False, StudyStatus.RUNNING),
        (StudyStatus.STOPPED, False, StudyStatus.RUNNING),
        (StudyStatus.RUNNING, False, StudyStatus.RUNNING),
        # Whether it has stopped is not known from its trials: `decide` knows the runs.
        (StudyStatus.CREATED, True, StudyStatus.CREATED),
        (StudyStatus.STOPPED, True, StudyStatus.STOPPED),
        (StudyStatus.RUNNING, True, StudyStatus.RUNNING),
    ],
)
def test_a_study_without_a_verdict_runs_unless_it_is_to_stop(status, stop, expected):
    assert said(make.study(status=status, stop=stop), RUNNING=1).status is expected


def test_a_running_study_keeps_its_condition():
    study = make.study()
    assert said(study, RUNNING=1) is study.condition


def test_a_study_that_is_to_stop_may_be_concluded_first():
    assert said(make.study(stop=True, max_trials=1), SUCCEEDED=1, best=0.5).reason is StudyReason.MAX_TRIALS
