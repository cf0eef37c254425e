"""How far ahead trials are launched, and what a decision makes of it."""

from dataclasses import replace

import pytest

from katib.core.ahead import MOST, ahead
from katib.core.decide import decide
from katib.core.trial import TrialState
from katib.testing import builders as make


@pytest.mark.parametrize(
    ("seconds", "parallel", "expected"),
    [
        (None, 2, 0),
        (10.0, 2, 0),
        (0.21, 2, 0),
        (0.2, 2, 1),
        (0.05, 2, 4),
        (0.01, 2, 20),
        (0.001, 2, MOST),
        (0.0, 2, MOST),
        (0.2, 64, MOST),
        (1.0, 5, 0),
    ],
)
def test_as_many_as_end_in_a_tenth_of_a_second(seconds, parallel, expected):
    assert ahead(make.study(parallel=parallel), seconds=seconds) == expected


@pytest.mark.parametrize("limit", [{"max_failed": 3}, {"max_seconds": 60.0}, {"max_stale": 5}])
def test_none_where_something_but_the_number_of_trials_may_end_the_study(limit):
    study = make.study()
    assert ahead(replace(study, budget=replace(study.budget, **limit)), seconds=0.001) == 0


def test_none_where_a_goal_may_be_reached():
    assert ahead(make.study(goal=0.1), seconds=0.001) == 0
    assert ahead(make.study(further=[make.objective(goal=0.1)]), seconds=0.001) == 0


def running(ordinal):
    return make.view(make.trial(ordinal, TrialState.RUNNING), make.running())


def queued(ordinal):
    return make.view(make.trial(ordinal, TrialState.PENDING), make.starting())


@pytest.mark.parametrize(("far", "launched"), [(None, []), (0, []), (1, [3]), (2, [3, 4]), (9, [3, 4, 5])])
def test_trials_are_launched_before_there_is_a_place(far, launched):
    study = make.study(parallel=2, max_trials=5)
    plan = decide(make.snapshot(running(1), running(2), advised=[3, 4, 5], study=study, ahead=far))
    assert [launch.ordinal for launch in plan.launches] == launched
    assert "2 runs in progress" in plan.notes


@pytest.mark.parametrize(("far", "stopped"), [(None, [2, 3, 4]), (0, [2]), (2, [2])])
def test_what_waits_for_a_place_is_no_surplus(far, stopped):
    study = make.study(parallel=1, max_trials=9)
    plan = decide(make.snapshot(running(1), running(2), queued(3), queued(4), study=study, ahead=far))
    assert sorted(stop.ordinal for stop in plan.stops) == stopped


def test_what_waits_for_a_place_goes_first_when_the_budget_is_lowered():
    study = make.study(parallel=2, max_trials=3)
    plan = decide(make.snapshot(running(1), running(2), queued(3), queued(4), study=study, ahead=2))
    assert [stop.ordinal for stop in plan.stops] == [4]
