"""Population based training: who copies whom, what exploring changes, and that the population always has work."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.evolution.pbt import (
    GENERATION_LABEL,
    MEMBER_LABEL,
    PARENT_LABEL_OF_KATIB,
    PopulationBasedTraining,
    neighbour,
)
from katib.core.advice import FALLBACK_LABEL, PARENT_LABEL, Advice
from katib.core.objective import Direction, Objective
from katib.core.trial import Reason, TrialState
from katib.testing.algorithms import SPACES, categorical, discrete, double, integer, space, study_config, trial
from katib.testing.workers import FAILED, LOST, SUCCEEDED, play

RUNNING = (TrialState.RUNNING, Reason.STARTED)
X = space(double("x", 0, 100))


def config(of=X, **settings):
    given = {"n_population": "5", "truncation_threshold": "0.2", **settings}
    return study_config("pbt", of, settings=given)


def ask(config, trials, ordinals):
    return PopulationBasedTraining(config).suggest(trials, ordinals)


def first(*ends):
    """The first interval of members 0, 1, …, whose x is 10, 20, …, and what became of it."""
    trials = []
    for number, end in enumerate(ends):
        outcome = (*SUCCEEDED, float(end)) if isinstance(end, int | float) else (*end, None)
        labels = {MEMBER_LABEL: str(number), GENERATION_LABEL: "0"}
        advice = Advice(ordinal=number + 1, assignment={"x": 10.0 * (number + 1)}, labels=labels)
        trials.append(trial(advice, lambda _, outcome=outcome: outcome))
    return trials


def answer(trials, **settings):
    [advice] = ask(config(**settings), trials, [len(trials) + 1]).advice
    return advice


def told(advice):
    """(member, generation, parent, x)."""
    labels = advice.labels
    assert labels.get(PARENT_LABEL) == labels.get(PARENT_LABEL_OF_KATIB)
    return int(labels[MEMBER_LABEL]), int(labels[GENERATION_LABEL]), labels.get(PARENT_LABEL), advice.assignment["x"]


def test_the_population_is_begun_first():
    trials = first(1, 2, RUNNING, 4)
    member, generation, parent, _ = told(answer(trials))
    assert (member, generation, parent) == (4, 0, None)


def test_a_member_that_is_not_among_the_worst_goes_on_as_it_is():
    assert told(answer(first(1, 2, 3, 4, 5))) == (0, 1, "study-1", 10.0)


def test_the_worst_copies_the_best_and_changes_what_it_copied():
    trials = first(5, 1, 2, 3, 4)
    member, generation, parent, x = told(answer(trials))
    assert (member, generation, parent) == (0, 1, "study-2")
    assert x in (16.0, 24.0)


def test_of_two_worst_each_copies_one_of_two_best():
    trials = first(9, 1, 2, 3, 8)
    donors = {told(answer(trials, truncation_threshold="0.4", random_state=str(seed)))[2] for seed in range(20)}
    assert donors == {"study-2", "study-3"}


def test_nobody_copies_when_none_is_better():
    assert told(answer(first(1, 1, 1, 1, 1), truncation_threshold="1")) == (0, 1, "study-1", 10.0)


def test_without_a_threshold_nobody_copies():
    assert told(answer(first(9, 1, 2, 3, 4), truncation_threshold="0")) == (0, 1, "study-1", 10.0)


def test_one_that_failed_is_replaced_by_a_copy_of_the_best():
    member, generation, parent, x = told(answer(first(FAILED, 3, 1, 2, 4)))
    assert (member, generation, parent) == (0, 1, "study-3")
    assert x in (24.0, 36.0)


def test_one_that_failed_before_anybody_had_a_value_begins_anew():
    member, generation, parent, x = told(answer(first(FAILED, RUNNING, RUNNING, RUNNING, RUNNING)))
    assert (member, generation, parent) == (0, 0, None)
    assert x != 10.0


def test_one_that_was_lost_is_run_again_from_the_same_checkpoint():
    again = first(LOST, 3, 1, 2, 4)
    assert told(answer(again)) == (0, 0, None, 10.0)
    again[0] = replace(again[0], labels={**again[0].labels, PARENT_LABEL: "study-3", GENERATION_LABEL: "4"})
    again[1:] = [replace(each, labels={**each.labels, GENERATION_LABEL: "9"}) for each in again[1:]]
    [advice] = ask(config(), again, [6]).advice
    assert told(advice) == (0, 4, "study-3", 10.0)


def test_a_copy_has_the_training_of_its_donor_behind_it():
    trials = first(9, 1, 2, 3, 4)
    trials[1] = replace(trials[1], labels={**trials[1].labels, GENERATION_LABEL: "6"})
    assert told(answer(trials))[:3] == (0, 7, "study-2")


def test_who_trained_least_is_first():
    trials = first(1, 2, 3, 4, 5)
    done = [replace(each, labels={**each.labels, GENERATION_LABEL: "1"}) for each in trials[:3]]
    assert told(answer([*done, *trials[3:]]))[0] == 3


def test_when_all_are_at_work_the_population_grows():
    trials = first(*[RUNNING] * 5)
    reply = ask(config(), trials, [6, 7])
    assert [told(each)[:3] for each in reply.advice] == [(5, 0, None), (6, 0, None)]


def test_a_batch_is_so_many_single_answers():
    trials = first(9, 1, 2, 3, 4)
    batch = ask(config(), trials, range(6, 13)).advice
    for advice in batch:
        assert ask(config(), trials, [advice.ordinal]).advice == (advice,)
        trials.append(trial(advice, lambda _: (*RUNNING, None)))


def test_maximising_copies_the_highest():
    of = replace(config(), objective=Objective(metric="score", direction=Direction.MAXIMIZE))
    assert told(ask(of, first(1, 5, 2, 3, 4), [6]).advice[0])[2] == "study-2"


def test_what_the_fallback_suggested_is_no_member():
    stray = replace(first(0)[0], labels={FALLBACK_LABEL: "error"})
    assert told(ask(config(), [stray], [2]).advice[0])[:2] == (0, 0)


@pytest.mark.parametrize(
    ("parameter", "value", "down", "up"),
    [
        (double("x", 0, 10), 5.0, 4.0, 6.0),
        (double("x", 0, 10), 9.0, 7.2, 10.0),
        (double("x", -10, 10), -5.0, -6.0, -4.0),
        (double("x", 0, 10), 0.0, 0.0, 2.0),
        (double("lr", 1e-4, 1, law="logUniform"), 0.1, 0.08, 0.12),
        (double("x", 0, 1, step=0.25), 0.5, 0.25, 0.75),
        (integer("n", 1, 100), 10, 8, 12),
        (integer("n", 1, 100), 2, 1, 3),
        (integer("n", 1, 100), 1, 1, 2),
        (integer("n", 8, 128, step=8), 64, 48, 80),
        (integer("n", 8, 128, step=8), 8, 8, 16),
        (integer("n", 0, 5), 0, 0, 1),
        (discrete("d", "64", "16", "1e2"), "64", "16", "1e2"),
        (discrete("d", "64", "16", "1e2"), "16", "64", "64"),
        (discrete("d", "64"), "64", "64", "64"),
        (categorical("c", "a", "b", "c"), "a", "c", "b"),
        (categorical("c", "a"), "a", "a", "a"),
    ],
)
def test_what_exploring_changes(parameter, value, down, up):
    found = [neighbour(parameter, value, up=False), neighbour(parameter, value, up=True)]
    assert found == [down, up] or found == pytest.approx([down, up])
    assert [type(each) for each in found] == [type(value)] * 2
    assert all(parameter.contains(each) for each in found)


@given(st.sampled_from(sorted(SPACES)), st.integers(0, 10**6), st.booleans())
def test_exploring_stays_in_the_space(name, seed, up):
    of = config(SPACES[name], random_state=str(seed))
    [advice] = ask(of, [], [1]).advice
    point = advice.assignment
    for parameter in SPACES[name].active(point):
        assert parameter.contains(neighbour(parameter, point[parameter.name], up=up))


def test_exploring_may_draw_anew():
    xs = {told(answer(first(5, 1, 2, 3, 4), resample_probability="1", random_state=str(seed)))[3] for seed in range(9)}
    assert len(xs) == 9
    assert not xs & {16.0, 24.0}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, ["Required params missing: n_population, truncation_threshold"]),
        ({"n_population": "5"}, ["Required params missing: truncation_threshold"]),
        ({"n_population": "4", "truncation_threshold": "0"}, ["Param(n_population) should be >= 5"]),
        ({"n_population": "0", "truncation_threshold": "0"}, ["Param(n_population) should be >= 5"]),
        (
            {"n_population": "5", "truncation_threshold": "1.5"},
            ["Param(truncation_threshold) should be between 0 and 1, inclusive"],
        ),
        (
            {"n_population": "5", "truncation_threshold": "1", "resample_probability": "-1"},
            ["Param(resample_probability) should be between 0 and 1, inclusive"],
        ),
        (
            {
                "n_population": "40",
                "truncation_threshold": "0.2",
                "suggestion_trial_dir": "/var/log/katib/checkpoints/",
            },
            [],
        ),
    ],
)
def test_settings(settings, said):
    of = study_config("pbt", X, settings=settings)
    assert [fault.wanted for fault in PopulationBasedTraining.validate(of)] == said


@pytest.mark.parametrize("workers", [1, 3, 5, 12])
def test_it_trains_and_no_worker_waits(workers):
    """A trial's value is what its checkpoint came to: each interval adds less the further x is from 50."""
    trained: dict[str, float] = {}

    def end(each):
        if each.ordinal % 11 == 0:
            return *FAILED, None
        if each.ordinal % 13 == 0:
            return *LOST, None
        before = trained.get(each.labels.get(PARENT_LABEL, ""), 0.0)
        trained[each.name] = before + 1 - abs(each.assignment["x"] - 50) / 50
        return *SUCCEEDED, -trained[each.name]

    trials = play(ask, config(), workers=workers, trials=150, end=end, seconds=lambda each: 1 + each.ordinal % 3)
    members = Counter(each.labels[MEMBER_LABEL] for each in trials)
    assert len(members) == max(5, workers)
    # All train: the least about as long as the others.
    assert min(members.values()) > 150 / len(members) / 2
    by_name = {each.name: each for each in trials}
    for each in trials:
        parent = by_name.get(each.labels.get(PARENT_LABEL, ""))
        generation = int(each.labels[GENERATION_LABEL])
        assert generation == (int(parent.labels[GENERATION_LABEL]) + 1 if parent else 0)
    begun = [each for each in trials if each.labels[GENERATION_LABEL] == "0"]
    late = trials[-30:]
    # The population moved towards 50, and trained on the way.
    assert _distance(late) < _distance(begun) / 2
    assert min(int(each.labels[GENERATION_LABEL]) for each in late) >= 150 / len(members) / 2


def _distance(trials):
    return sum(abs(each.assignment["x"] - 50) for each in trials) / len(trials)
