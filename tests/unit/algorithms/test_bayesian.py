"""Bayesian optimization: it is scikit-optimize's where nothing is cut short, and takes each outcome as it says."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from skopt import Optimizer
from skopt.space import Real

from algorithms.scikit.bayesian import HEDGED, RECALLED, RECALLED_BEST, BayesianOptimization
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.objective import Direction, Objective
from katib.core.space import Assignment
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import categorical, double, integer, space, study_config, trial

PLANE = space(double("x", -5, 5), double("y", 0, 1))
FAST = {"acq_optimizer": "sampling", "acq_func": "EI"}


def bowl(a: Assignment) -> float:
    return (a["x"] - 1) ** 2 / 9 + (a["y"] - 0.7) ** 2


def succeeded(advice: Advice, value: float) -> Trial:
    return trial(advice, lambda _k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, value))


def scattered(count: int, *, sign: float = 1.0) -> list[Trial]:
    """Trials all over the plane with the values of the bowl."""
    points = [uniforms(f"point {k}", 2) for k in range(count)]
    advice = [Advice(ordinal=k, assignment={"x": 10 * x - 5, "y": y}) for k, (x, y) in enumerate(points, start=1)]
    return [succeeded(each, sign * bowl(each.assignment)) for each in advice]


def suggested(trials: Sequence[Trial], ordinals: Sequence[int] = (100,), **changes: object) -> list[Assignment]:
    algorithm = BayesianOptimization(study_config("bayesianoptimization", PLANE, **changes))
    return [each.assignment for each in algorithm.suggest(trials, ordinals).advice]


@pytest.mark.parametrize("direction", list(Direction))
def test_it_goes_where_the_values_are_good(direction: Direction) -> None:
    sign = 1 if direction is Direction.MINIMIZE else -1
    objective = Objective(metric="loss", direction=direction)
    settings = {"acq_func": "LCB"}
    (point,) = suggested(scattered(25, sign=sign), objective=objective, settings=settings)
    assert bowl(point) < min(abs(each.value or 0) for each in scattered(25))


def test_it_is_scikit_optimizes() -> None:
    trials = scattered(12)
    seed = int(uniforms("bayesianoptimization/5f1c/13", 2)[0] * 2**32)
    theirs = Optimizer(
        [Real(0, 1), Real(0, 1)], n_initial_points=0, acq_func="EI", acq_optimizer="sampling", random_state=seed
    )
    theirs.tell([[(t.assignment["x"] + 5) / 10, t.assignment["y"]] for t in trials], [t.value for t in trials])
    x, y = theirs.ask()
    assert suggested(trials, [13], settings=FAST) == [pytest.approx({"x": 10 * x - 5, "y": y})]


def test_the_first_points_are_random() -> None:
    trials = scattered(9)
    assert suggested(trials) == suggested(scattered(9, sign=-1.0))
    assert suggested(scattered(10)) != suggested(scattered(10, sign=-1.0))
    assert suggested(trials, settings={"n_initial_points": "3"}) != suggested(trials)


@pytest.mark.parametrize("base", ["GP", "RF", "ET", "GBRT"])
def test_every_model_learns(base: str) -> None:
    (point,) = suggested(scattered(40), settings={"base_estimator": base, "acq_func": "LCB"})
    assert bowl(point) < 1, "the values go up to 5"


@pytest.mark.parametrize("acq_func", ["EI", "PI", "LCB", "EIps", "PIps"])
def test_every_acquisition_function_answers(acq_func: str) -> None:
    (point,) = suggested(scattered(12), settings={"acq_func": acq_func, "acq_optimizer": "sampling"})
    assert PLANE.contains(point)


def test_the_hedge_takes_each_of_three_in_turn_of_chance() -> None:
    trials = scattered(12)
    picks = set()
    for ordinal in range(20, 28):
        (point,) = suggested(trials, [ordinal], settings={"acq_optimizer": "sampling"})
        which = uniforms(f"bayesianoptimization/5f1c/{ordinal}", 2)[1]
        picks.add(HEDGED[int(which * 3)])
        if ordinal < 22:
            settings = {"acq_optimizer": "sampling", "acq_func": HEDGED[int(which * 3)]}
            assert suggested(trials, [ordinal], settings=settings) == [point]
    assert picks == set(HEDGED)


@pytest.mark.parametrize(("acq_func", "counts"), [("EIps", True), ("EI", False)])
def test_how_long_trials_ran_counts_per_second_only(acq_func: str, counts: bool) -> None:
    settings = {"acq_func": acq_func, "acq_optimizer": "sampling"}
    quick, slow = (
        suggested([timed(each, seconds[each.assignment["x"] > 0]) for each in scattered(15)], settings=settings)
        for seconds in ((1.0, 1000.0), (1000.0, 1.0))
    )
    assert (quick != slow) == counts


def timed(each: Trial, seconds: float) -> Trial:
    return replace(each, started_at=50.0, ended_at=50.0 + seconds)


def test_points_in_flight_are_kept_away_from() -> None:
    trials, settings = scattered(6), {**FAST, "n_initial_points": "3"}
    batch = suggested(trials, range(21, 25), settings=settings)
    for one, two in combinations(batch, 2):
        assert abs(one["x"] - two["x"]) / 10 + abs(one["y"] - two["y"]) > 0.05
    flying = [
        trial(Advice(ordinal=k, assignment=each), lambda _k: (TrialState.RUNNING, Reason.STARTED, None))
        for k, each in enumerate(batch[:2], start=21)
    ]
    alone = suggested([*trials, *flying], [23, 24], settings=settings)
    assert alone == batch[2:], "a batch is so many single requests"


def test_a_region_where_trials_break_is_avoided() -> None:
    """The values fall with x; whatever lies beyond 1 diverges."""

    def record(reason: Reason, state: TrialState) -> list[Trial]:
        return [
            trial(Advice(ordinal=t.ordinal, assignment=t.assignment), lambda _k: (state, reason, None))
            if t.assignment["x"] > 1
            else succeeded(Advice(ordinal=t.ordinal, assignment=t.assignment), -t.assignment["x"])
            for t in scattered(20)
        ]

    settings = {"acq_func": "LCB", "acq_optimizer": "sampling"}
    avoided = suggested(record(Reason.DIVERGED, TrialState.METRICS_UNAVAILABLE), settings=settings)
    unknown = suggested(record(Reason.LOST_TOO_OFTEN, TrialState.FAILED), settings=settings)
    assert avoided[0]["x"] < 1.5 < unknown[0]["x"]


@pytest.mark.parametrize("base", ["GP", "ET"])
def test_of_a_long_record_it_is_told_the_best_and_the_latest(base: str) -> None:
    length = RECALLED[base] + 60

    def record(others: float) -> list[Trial]:
        told = {*range(1, RECALLED_BEST + 1), *range(length - RECALLED[base] + RECALLED_BEST + 1, length + 1)}
        advice = [
            Advice(ordinal=k, assignment={"x": k * 0.618 % 1 if k in told else others + k / 1e6, "y": k * 0.38 % 1})
            for k in range(1, length + 1)
        ]
        return [succeeded(each, float(each.ordinal)) for each in advice]

    settings = {**FAST, "base_estimator": base}
    assert suggested(record(2.0), [999], settings=settings) == suggested(record(-2.0), [999], settings=settings)


def test_where_the_best_point_is_used_the_most_promising_unused_one_is_taken() -> None:
    """On a line of numbers with the best in the middle, the rest is walked from the middle outwards, more or less."""
    line = space(integer("n", 0, 60), categorical("c", "only"))
    algorithm = BayesianOptimization(
        study_config("bayesianoptimization", line, settings={**FAST, "n_initial_points": "4", "acq_func": "LCB"})
    )
    trials: list[Trial] = []
    for k in range(1, 15):
        advice = algorithm.suggest(trials, [k]).advice[0]
        trials.append(succeeded(advice, abs(advice.assignment["n"] - 30) / 30))
    late = [each.assignment["n"] for each in trials[8:]]
    assert len(set(late)) == len(late)
    assert sum(20 <= n <= 40 for n in late) >= 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"base_estimator": "SVM"}, "base_estimator SVM is not supported in Bayesian optimization"),
        ({"acq_func": "UCB"}, "acq_func UCB is not supported in Bayesian optimization"),
        ({"acq_optimizer": "adam"}, "acq_optimizer adam is not supported in Bayesian optimization"),
        ({"n_initial_points": "-1"}, "n_initial_points should be great or equal than zero"),
        ({"random_state": "-1"}, "random_state should be great or equal than zero"),
        ({"gamma": "1"}, "unknown setting gamma for algorithm bayesianoptimization"),
        (
            {"base_estimator": "RF", "acq_optimizer": "lbfgs"},
            "acq_optimizer lbfgs is not supported in Bayesian optimization with base_estimator RF",
        ),
    ],
)
def test_what_is_refused(settings: dict[str, str], said: str) -> None:
    (fault,) = BayesianOptimization.validate(study_config("bayesianoptimization", PLANE, settings=settings))
    assert fault.wanted == said


def test_all_faults_at_once_with_what_is_allowed() -> None:
    settings = {"base_estimator": "SVM", "acq_func": "UCB", "n_initial_points": "x"}
    faults = BayesianOptimization.validate(study_config("bayesianoptimization", PLANE, settings=settings))
    assert [each.given for each in faults] == ["SVM", "UCB", "x"]
    assert faults[0].hint == "it takes one of GP, RF, ET, GBRT"
    assert faults[0].path == "spec.algorithm.algorithmSettings.base_estimator"
