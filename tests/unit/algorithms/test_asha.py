"""ASHA: who goes on, worked out by hand, and that no worker ever waits."""

from dataclasses import replace
from itertools import pairwise

import pytest

from algorithms.fidelity.asha import Asha
from algorithms.fidelity.ladder import BRACKET_LABEL, RUNG_LABEL
from katib.core.advice import PARENT_LABEL, Advice
from katib.core.objective import Direction, Objective
from katib.core.trial import Reason, TrialState
from katib.testing.algorithms import double, integer, space, study_config, trial
from katib.testing.workers import FAILED, LOST, SUCCEEDED, play

RUNNING = (TrialState.RUNNING, Reason.STARTED)


def config(**settings):
    of = space(double("x", 0, 1), integer("epochs", 1, 9))
    return study_config("asha", of, settings={"resource_name": "epochs", **settings})


def record(*ends, rung=0):
    """Trials 1, 2, … of one rung and what became of them: a value, or a state and reason."""
    trials = []
    for ordinal, end in enumerate(ends, start=1):
        assignment = {"x": ordinal / 100, "epochs": 3**rung}
        advice = Advice(ordinal=ordinal, assignment=assignment, labels={BRACKET_LABEL: "0", RUNG_LABEL: str(rung)})
        outcome = (*SUCCEEDED, float(end)) if isinstance(end, int | float) else (*end, None)
        trials.append(trial(advice, lambda _, outcome=outcome: outcome))
    return trials


def answers(trials, number, **settings):
    """(parent's ordinal or None, epochs) of the next answers."""
    first = len(trials) + 1
    advice = Asha(config(**settings)).suggest(trials, range(first, first + number)).advice
    parents = {each.name: each.ordinal for each in trials}
    return [(parents.get(each.labels.get(PARENT_LABEL)), each.assignment["epochs"]) for each in advice]


def test_the_best_third_goes_on_and_then_new_points_begin():
    assert answers(record(5, 1, 4, 2, 3, 6), 4) == [(2, 3), (4, 3), (None, 1), (None, 1)]


def test_one_goes_on_as_soon_as_there_are_three():
    assert answers(record(5, 1), 1) == [(None, 1)]
    assert answers(record(5, 1, RUNNING), 1) == [(None, 1)]
    assert answers(record(5, 1, 9, RUNNING), 2) == [(2, 3), (None, 1)]


def test_a_failed_one_counts_as_the_worst_and_a_lost_one_does_not():
    assert answers(record(5, 1, FAILED), 1) == [(2, 3)]
    assert answers(record(5, 1, LOST), 1) == [(None, 1)]
    assert answers(record(FAILED, FAILED, FAILED), 1) == [(None, 1)]


def test_the_highest_rung_is_served_first():
    low = record(5, 1, 4, 2, 3, 6, 7, 8, 9)
    high = [
        trial(
            Advice(
                ordinal=9 + k,
                assignment={"x": parent / 100, "epochs": 3},
                labels={BRACKET_LABEL: "0", RUNG_LABEL: "1", PARENT_LABEL: f"study-{parent}"},
            ),
            lambda _, value=value: (*SUCCEEDED, value),
        )
        for k, (parent, value) in enumerate(((2, 0.3), (4, 0.2), (1, 0.4)), start=1)
    ]
    # On the upper rung trial 11 is the best; below, of 2, 4 and 5, 2 and 4 went on already.
    assert answers([*low, *high], 3) == [(11, 9), (5, 3), (None, 1)]


def test_nobody_climbs_beyond_the_top():
    assert answers(record(1, 2, 3, rung=2), 1) == [(None, 1)]


def test_rungs_are_left_out_at_the_bottom():
    assert answers([], 1, s="1") == [(None, 3)]
    assert Asha(config(s="1")).values(0) == (3, 9)
    assert Asha(config(s="2")).values(0) == (9,)


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        ({}, (1, 3, 9)),
        ({"eta": "2"}, (1, 2, 4, 8)),
        ({"reduction_factor": "4"}, (1, 4)),
        ({"r_min": "2", "r_max": "8", "eta": "2"}, (2, 4, 8)),
        ({"r_max": "100"}, (1, 3, 9)),
        ({"r_min": "2"}, (2, 6)),
    ],
)
def test_the_rungs(settings, values):
    assert Asha(config(**settings)).values(0) == values


@pytest.mark.parametrize("workers", [1, 4, 25])
def test_no_worker_waits_and_a_third_goes_on(workers):
    trials = play(
        lambda of, trials, ordinals: Asha(of).suggest(trials, ordinals),
        config(),
        workers=workers,
        trials=300,
        end=lambda each: (*SUCCEEDED, each.assignment["x"] / each.assignment["epochs"]),
        seconds=lambda each: each.assignment["epochs"],
    )
    counts = [sum(each.labels[RUNG_LABEL] == str(rung) for each in trials) for rung in range(3)]
    for lower, upper in pairwise(counts):
        # Some go on early that would not have later: about the square root of their number, says the paper.
        assert upper <= lower // 3 + lower**0.5
        assert upper >= (lower - workers) // 3 - workers
    parents = [each.labels[PARENT_LABEL] for each in trials if PARENT_LABEL in each.labels]
    assert len(set(parents)) == len(parents)


def test_maximising_is_the_mirror_of_minimising():
    of = replace(config(), objective=Objective(metric="score", direction=Direction.MAXIMIZE))
    assert Asha(of).suggest(record(5, 1, 4), [4]).advice[0].labels[PARENT_LABEL] == "study-1"
