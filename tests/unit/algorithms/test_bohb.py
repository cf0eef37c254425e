"""BOHB: from which trials its model learns, worked out by hand; that the schedule stays hyperband's; that it pays."""

import statistics
from collections import Counter
from dataclasses import replace

import pytest

from algorithms.base import ORIGIN_LABEL
from algorithms.fidelity.bohb import RECALLED, Bohb
from algorithms.fidelity.hyperband import Hyperband
from algorithms.fidelity.ladder import BRACKET_LABEL, RUNG_LABEL
from katib.core.advice import PARENT_LABEL, Advice
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import categorical, double, integer, space, study_config, trial, when
from katib.testing.workers import FAILED, LOST, SUCCEEDED, play

X, EPOCHS = double("x", 0, 1), integer("epochs", 1, 9)
RUNNING = (TrialState.RUNNING, Reason.STARTED)


def config(*parameters, algorithm="bohb", uid="5f1c", **settings):
    settings = {"resource_name": "epochs", "r_l": "9", **settings}
    return study_config(algorithm, space(*(parameters or (X, EPOCHS))), settings=settings, uid=uid)


def record(*rows):
    """Trials 1, 2, … from (x, rung, end): a value, or a state and reason."""
    trials = []
    for ordinal, (x, rung, end) in enumerate(rows, start=1):
        labels = {BRACKET_LABEL: "0", RUNG_LABEL: str(rung)}
        advice = Advice(ordinal=ordinal, assignment={"x": x, "epochs": 3**rung}, labels=labels)
        outcome = (*SUCCEEDED, float(end)) if isinstance(end, int | float) else (*end, None)
        trials.append(trial(advice, lambda _, outcome=outcome: outcome))
    return trials


def begun(trials, number=30, **settings) -> list[Advice]:
    """The first new point at this record, after promotions, for so many ordinals; by the model alone if there is one."""
    algorithm = Bohb(config(**{"random_fraction": "0", **settings}))
    ordinal, found = len(trials) + 1, []
    batch = 1
    while len(found) < number:
        reply = algorithm.suggest(trials, range(ordinal, ordinal + batch)).advice
        ordinal += batch
        if PARENT_LABEL in reply[-1].labels:
            batch += 1
        else:
            found.append(reply[-1])
    return found


def xs(trials, **settings):
    return [each.assignment["x"] for each in begun(trials, **settings)]


def cluster(at, good, *, rung, number=4):
    """Trials of one rung: the first two near `at` are the best, the others far from it."""
    near = [(at + 0.01 * k, rung, good + 0.1 * k) for k in range(2)]
    return near + [((at + 0.4 + 0.05 * k) % 1, rung, good + 5 + k) for k in range(number - 2)]


def off(trials, at, **settings):
    """How far new points are from there, as a rule; a fifth or more when they are drawn by chance."""
    return statistics.median(abs(x - at) for x in xs(trials, **settings))


def test_a_model_needs_two_more_than_n_min_which_is_one_more_than_the_parameters():
    """One parameter beside the resource: N_min is 2, so four trials with a value are needed."""
    three, four = cluster(0.1, 0, rung=0, number=3), cluster(0.1, 0, rung=0, number=4)
    assert off(record(*three), 0.1) > 0.2
    assert off(record(*four), 0.1) < 0.15
    assert off(record(*four), 0.1, min_points_in_model="3") > 0.2
    assert off(record(*three, (0.9, 0, FAILED)), 0.1) > 0.2


def test_it_learns_from_the_largest_amount_that_has_enough():
    """Short trials point to 0.1, those with three epochs to 0.8; nine epochs were given to three only."""
    low, middle, high = cluster(0.1, 0, rung=0, number=9), cluster(0.8, 9, rung=1), cluster(0.5, 99, rung=2, number=3)
    assert off(record(*low, *middle[:3], *high), 0.1) < 0.15
    assert off(record(*low, *middle, *high), 0.8) < 0.15


def test_an_amount_is_the_same_on_the_rungs_of_all_brackets():
    """Two trials with three epochs on rung 1 of bracket 0, and two on rung 0 of bracket 1."""
    low, middle = cluster(0.1, 0, rung=0, number=9), cluster(0.8, 9, rung=1)
    trials = record(*low, *middle)
    begins = {BRACKET_LABEL: "1", RUNG_LABEL: "0"}
    assert off([*trials[:-2], *(replace(each, labels=begins) for each in trials[-2:])], 0.8) < 0.15


@pytest.mark.parametrize(
    ("trials", "percent", "n_min", "good"),
    # max(N_min, q N_b), rounded down: 15 % of 20 are 3, of 13 are 1.95.
    [(20, 15, 2, 3), (13, 15, 2, 2), (13, 15, 1, 1), (40, 15, 2, 6), (40, 50, 2, 20), (4, 15, 2, 2)],
)
def test_so_many_count_as_good(trials, percent, n_min, good):
    algorithm = Bohb(config(top_n_percent=str(percent), min_points_in_model=str(n_min)))
    assert algorithm._good(trials) == good


def test_the_good_are_the_best_whatever_their_order():
    """Of twenty the best three lie at 0.7; with half of them good, the seven at 0.2 are so too."""
    rows = [(0.2 + k / 1000, 0, 10 + k) for k in range(7)] + [(0.7 + k / 1000, 0, k) for k in range(3)]
    rows += [(0.9 + k / 1000, 0, 50 + k) for k in range(10)]
    assert all(0.4 < x < 0.85 for x in xs(record(*rows), number=20))
    assert any(x < 0.4 for x in xs(record(*rows), number=60, top_n_percent="50"))


def test_a_third_of_the_new_points_is_drawn_by_chance():
    trials = record(*cluster(0.1, 0, rung=0))
    assert Bohb(config())._chance == pytest.approx(1 / 3)
    origins = Counter(each.labels.get(ORIGIN_LABEL) for each in begun(trials, 90, random_fraction="0.3333"))
    assert 20 <= origins["random"] <= 40
    assert all(each.labels[ORIGIN_LABEL] == "random" for each in begun(trials, 20, random_fraction="1"))
    assert not any(ORIGIN_LABEL in each.labels for each in begun(trials, 20))
    assert not any(ORIGIN_LABEL in each.labels for each in begun(trials[:3], 20)), "there was no model"


GOOD = [(0.55 + k / 50, 0, k) for k in range(2)] + [(0.02 * k, 0, 9 + k) for k in range(1, 6)]


def middle_with(end, rung=0):
    """The middle of new points when ten trials right of the good ones, at 0.6 to 0.69, came to this end."""
    return statistics.median(xs(record(*GOOD, *[(0.6 + k / 100, rung, end) for k in range(10)])))


def test_what_failed_is_bad_and_what_was_lost_says_nothing():
    """Besides the good ones at 0.55 there are bad ones at 0, so new points are right of 0.55; unless that is bad too."""
    assert statistics.median(xs(record(*GOOD))) > 0.58
    assert middle_with(FAILED) < 0.5
    assert middle_with(float("nan")) < 0.5
    assert middle_with(LOST) > 0.58


def test_failed_trials_are_never_good():
    """Four values, near 0.1, among ten that failed near 0.9: half of all are to be good, four have a value."""
    rows = [*cluster(0.1, 0, rung=0)[:2], (0.12, 0, 2), (0.13, 0, 3), *[(0.9 + k / 500, 0, FAILED) for k in range(10)]]
    assert sum(x > 0.8 for x in xs(record(*rows), top_n_percent="50")) < 6


def test_new_points_that_run_are_kept_away_from_and_promoted_ones_are_not():
    assert middle_with(RUNNING) < 0.5
    assert middle_with(RUNNING, rung=1) > 0.58


def test_a_batch_is_so_many_single_requests():
    of = config(X, double("y", 0, 1), categorical("c", "a", "b"), EPOCHS)

    def value(each: Trial):
        return *SUCCEEDED, each.assignment["x"] + each.assignment["y"]

    trials = play(lambda c, t, o: Bohb(c).suggest(t, o), of, workers=3, trials=30, end=value)
    batch = Bohb(of).suggest(trials, range(31, 37)).advice
    running = [trial(each, lambda _: (*RUNNING, None)) for each in batch[:3]]
    assert Bohb(of).suggest([*trials, *running], range(34, 37)).advice == batch[3:]


def test_the_schedule_is_hyperbands():
    """Who stands on which rung of which bracket does not depend on where points come from."""

    def standing_of(kind, algorithm):
        found = play(
            lambda c, t, o: kind(c).suggest(t, o),
            config(algorithm=algorithm),
            workers=2,
            trials=60,
            end=lambda each: (*SUCCEEDED, float(each.ordinal)),
        )
        return [(each.labels[BRACKET_LABEL], each.labels[RUNG_LABEL], each.labels.get(PARENT_LABEL)) for each in found]

    assert standing_of(Bohb, "bohb") == standing_of(Hyperband, "hyperband")


def test_conditional_parameters_are_modelled_where_they_are_active():
    """The best is a momentum near 0.8, which only the trials with sgd have; adam is always worse."""
    momentum, beta = double("m", 0, 1, when=when("kind", "sgd")), double("b", 0, 1, when=when("kind", "adam"))
    of = config(categorical("kind", "adam", "sgd"), momentum, beta, EPOCHS)

    def value(each: Trial):
        a = each.assignment
        return *SUCCEEDED, (abs(a["m"] - 0.8) if "m" in a else 1.0) + 1 / a["epochs"]

    trials = play(lambda c, t, o: Bohb(c).suggest(t, o), of, workers=1, trials=88, end=value)
    late = [each for each in trials[44:] if each.labels[RUNG_LABEL] == "0" and ORIGIN_LABEL not in each.labels]
    assert len(late) > 15
    assert sum(abs(each.assignment.get("m", 0) - 0.8) < 0.2 for each in late) > 0.5 * len(late), "chance has a fifth"


FOUR = tuple(double(f"x{k}", 0, 1) for k in range(4))


def bowl(each: Trial):
    """A bowl that is seen the better the more epochs there are: each epoch halves what shifts it."""
    a = each.assignment
    shift = 0.2 / a["epochs"]
    return *SUCCEEDED, sum((a[x.name] - 0.7 - shift) ** 2 for x in FOUR) + shift


def regret(kind, algorithm, seed):
    """Of the best trial with nine epochs, after six rounds of 22 trials."""
    of = config(*FOUR, EPOCHS, algorithm=algorithm, uid=f"seed-{seed}")
    kept = kind(of)
    trials = play(lambda _, t, o: kept.suggest(t, o), of, workers=1, trials=132, end=bowl)
    return min(each.value for each in trials if each.assignment["epochs"] == 9) - 0.2 / 9


def test_it_is_far_better_than_hyperbands_random_points():
    model = [regret(Bohb, "bohb", seed) for seed in range(3)]
    chance = [regret(Hyperband, "hyperband", seed) for seed in range(3)]
    assert statistics.median(model) < statistics.median(chance) / 2, (model, chance)


def test_of_a_long_record_it_is_told_the_good_ones_and_the_latest():
    """Of 2,500 trials, the best first, 375 are good; the points of those between them and the latest change nothing."""
    length = RECALLED + 500
    between = range(376, length - RECALLED + 376)

    def answer(moved, to):
        rows = [(to + k / 1e6 if k in moved else k * 0.618 % 1, 2, k) for k in range(1, length + 1)]
        return xs(record(*rows), number=1)

    assert answer(between, 0.25) == answer(between, 0.75)
    for told in range(200, 376), range(between[-1] + 1, between[-1] + 900):
        assert answer(told, 0.25) != answer(told, 0.75)
