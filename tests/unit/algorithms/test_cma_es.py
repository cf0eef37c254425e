"""CMA-ES: it is the package's, generations are told as trials end, and restarts are those of their papers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from cmaes import CMA

from algorithms.base import ORIGIN_LABEL
from algorithms.evolution.cma_es import CmaEsSearch
from algorithms.evolution.replay import Evolution, Outcome
from algorithms.evolution.restarts import Run, bipop, ipop
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.objective import Direction, Objective
from katib.core.space import Assignment, SearchSpace
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import categorical, double, integer, space, study_config, trial

PLANE = space(double("x", -5, 5), double("y", 1e-4, 1, law="logUniform"))
POPULATION = 6
"""4 + floor(3 ln 2)."""


def bowl(a: Assignment) -> float:
    return (a["x"] - 1) ** 2 + (math.log10(a["y"]) + 3) ** 2


def ended(advice: Advice, value: float | None, at: float, *, began: float = 0.0) -> Trial:
    """A trial that ended; without a value it diverged."""
    outcome = (
        (TrialState.SUCCEEDED, Reason.SUCCEEDED, value)
        if value is not None
        else (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None)
    )
    return replace(trial(advice, lambda _k: outcome), created_at=began, ended_at=at)


def carry_out(function: Callable[[Assignment], float | None], steps: int, **changes: object) -> list[Trial]:
    algorithm, trials = CmaEsSearch(study_config("cmaes", PLANE, **changes)), []
    for k in range(1, steps + 1):
        advice = algorithm.suggest(trials, [k]).advice[0]
        trials.append(ended(advice, function(advice.assignment), float(k), began=k - 0.5))
    return trials


@pytest.mark.parametrize("direction", list(Direction))
def test_it_learns(direction: Direction) -> None:
    sign = 1 if direction is Direction.MINIMIZE else -1
    objective = Objective(metric="loss", direction=direction)
    trials = carry_out(lambda a: sign * bowl(a), 120, objective=objective)
    assert min(bowl(each.assignment) for each in trials) < 0.01


def live(trials: Sequence[Trial], *, generations: Sequence[Sequence[int]]) -> CMA:
    """The package's optimizer after it was told the trials of these ordinals."""
    algorithm = CmaEsSearch(study_config("cmaes", PLANE))
    optimizer = CMA(mean=np.full(2, 0.5), sigma=1 / 6, bounds=np.array([[0.0, 1.0]] * 2))
    by_ordinal = {each.ordinal: each for each in trials}
    for generation in generations:
        told = [by_ordinal[k] for k in generation]
        optimizer.tell(
            [
                (np.array(algorithm.cube.encode(each.assignment)), math.inf if each.value is None else each.value)
                for each in told
            ]
        )
    return optimizer


def next_of(optimizer: CMA, ordinal: int) -> list[float]:
    optimizer.reseed_rng(int(uniforms(f"cmaes/5f1c/{ordinal}/0", 1)[0] * 2**32))
    return list(optimizer.ask())


def suggested(trials: Sequence[Trial], ordinal: int, **changes: object) -> list[float]:
    algorithm = CmaEsSearch(study_config("cmaes", PLANE, **changes))
    return algorithm.cube.encode(algorithm.suggest(trials, [ordinal]).advice[0].assignment)


def test_it_is_the_package() -> None:
    trials = carry_out(bowl, 20)
    optimizer = live(trials, generations=[range(1, 7), range(7, 13), range(13, 19)])
    assert suggested(trials, 21) == pytest.approx(next_of(optimizer, 21), rel=1e-6)


def test_trials_are_told_in_the_order_in_which_they_end() -> None:
    """Eight were suggested; the third and the first ended last and open the second generation."""
    trials = carry_out(bowl, 8)
    late = {3: 11.0, 1: 12.0}
    trials = [replace(each, ended_at=late.get(each.ordinal, float(each.ordinal))) for each in trials]
    first = [2, 4, 5, 6, 7, 8]
    assert suggested(trials, 9) == pytest.approx(next_of(live(trials, generations=[first]), 9), rel=1e-6)
    more = [*trials, *(ended(Advice(ordinal=k, assignment=trials[k - 10].assignment), k, k + 5) for k in range(10, 14))]
    optimizer = live(more, generations=[first, [3, 1, 10, 11, 12, 13]])
    assert suggested(more, 20) == pytest.approx(next_of(optimizer, 20), rel=1e-6)


def test_what_still_runs_changes_nothing() -> None:
    trials = carry_out(bowl, 8)
    flying = [trial(Advice(ordinal=k, assignment={"x": k / 9, "y": 0.5}), running) for k in range(9, 12)]
    assert suggested([*trials, *flying], 12) == suggested(trials, 12)


def running(_ordinal: int) -> tuple[TrialState, Reason, None]:
    return TrialState.RUNNING, Reason.STARTED, None


def test_a_trial_that_breaks_is_last_in_its_generation() -> None:
    trials = [replace(each, value=None, state=TrialState.FAILED, reason=Reason.EXIT_CODE) if each.ordinal == 2 else each
              for each in carry_out(bowl, 6)]  # fmt: skip
    assert suggested(trials, 7) == pytest.approx(next_of(live(trials, generations=[range(1, 7)]), 7), rel=1e-6)


def test_a_generation_without_a_value_changes_nothing() -> None:
    broken = carry_out(lambda _a: None, 6)
    assert suggested(broken, 7) == suggested([], 7)


def test_a_trial_that_says_nothing_is_replaced() -> None:
    trials = carry_out(bowl, 7)
    killed = [replace(each, state=TrialState.KILLED, reason=Reason.BUDGET_LOWERED, value=None) if each.ordinal == 2
              else each for each in trials]  # fmt: skip
    optimizer = live(trials, generations=[[1, 3, 4, 5, 6, 7]])
    assert suggested(killed, 8) == pytest.approx(next_of(optimizer, 8), rel=1e-6)


def plateau(count: int, *, ends: float = 1.0, start: int = 1) -> list[Outcome]:
    """Outcomes of one value, one a second: the range of values is zero, so a run stops."""
    return [
        Outcome(ordinal=k, point=tuple(uniforms(f"p{k}", 2)), value=1.0, created=ends * k - 0.5, ended=ends * k)
        for k in range(start, start + count)
    ]


def evolution(restart: object = ipop) -> Evolution:
    return Evolution(dimensions=2, sigma=1 / 6, restart=restart, seed="s")  # type: ignore[arg-type]


UNTIL_RESTART = 21 * POPULATION
"""The package looks at the values of the last 10 + ceil(30 n / lambda) = 20 generations: the first 21 fill them."""


def test_a_run_that_has_converged_is_followed_by_one_with_twice_the_population() -> None:
    at_work = evolution()
    at_work.follow(plateau(UNTIL_RESTART - 1))
    assert [run.population for run in at_work.runs] == [6]
    at_work.follow(plateau(UNTIL_RESTART))
    assert [run.population for run in at_work.runs] == [6, 12]
    # 10 + ceil(60 / 12) = 15 generations are looked at: 16 of 12 trials; then 10 + ceil(60 / 24) = 13: 14 of 24.
    at_work.follow(plateau(UNTIL_RESTART + 16 * 12 + 14 * 24))
    assert [run.population for run in at_work.runs] == [6, 12, 24, 48]


def test_a_restart_begins_somewhere_else_with_the_first_step() -> None:
    at_work = evolution()
    at_work.follow(plateau(UNTIL_RESTART))
    points = np.array([at_work.ask(k) for k in range(400)])
    begins = uniforms("s/run/1", 4)[2:]
    assert np.allclose(np.median(points, axis=0), begins, atol=0.06)
    assert np.all(points.std(axis=0) > 0.05)


def test_without_restarts_a_converged_run_stays_as_it_is() -> None:
    at_work, later = evolution(None), evolution(None)
    at_work.follow(plateau(UNTIL_RESTART))
    later.follow(plateau(UNTIL_RESTART + 60))
    assert at_work.ask(1) == later.ask(1)


def test_what_began_before_a_restart_is_not_told_to_the_new_run() -> None:
    """Three trials were under way when the run ended. Those that began later make up the generation alone."""
    before = plateau(UNTIL_RESTART)
    now = before[-1].ended
    stale = [
        Outcome(ordinal=500 + k, point=(0.5, 0.5), value=-9.0, created=now - 1, ended=now + k) for k in range(1, 4)
    ]
    new = plateau(12, start=UNTIL_RESTART + 5)
    with_them, without = evolution(), evolution()
    with_them.follow([*before, *stale, *new])
    without.follow([*before, *new])
    assert with_them.ask(1) == without.ask(1)
    young = [replace(each, created=now + 0.1) for each in stale]
    without.follow([*before, *young, *new])
    assert with_them.ask(1) != without.ask(1)


def test_the_populations_of_bipop_by_hand() -> None:
    """With l = 6: the first restart doubles; the small regime follows while it was told less."""
    runs, told = [Run(population=6)], [60]
    runs.append(bipop(runs, told, (0.5, 0.5)))
    assert runs[-1] == Run(population=12, shrink=1.0, small=False)
    # 60 small against 48 large: large again.
    runs.append(bipop(runs, [60, 48], (0.5, 0.5)))
    assert runs[-1] == Run(population=24, shrink=1.0, small=False)
    # 60 against 144: small, 6 * (24 / 12)^(0.5^2) = 7.13 and 10^(-2 * 0.5).
    small = bipop(runs, [60, 48, 96], (0.5, 0.5))
    assert small == Run(population=7, shrink=pytest.approx(0.1), small=True)
    # At the ends of the draws: 6 * 2^0 = 6 with the whole step, and nearly 6 * 2 = 12 with a hundredth.
    assert bipop(runs, [60, 48, 96], (0.0, 0.0)) == Run(population=6, shrink=1.0, small=True)
    assert bipop(runs, [60, 48, 96], (0.9999, 0.9999)).population == 11


def test_categories_are_drawn_and_numbers_are_learned() -> None:
    of = space(categorical("c", "a", "b"), *PLANE.parameters, integer("n", 3, 3))
    algorithm, trials = CmaEsSearch(study_config("cmaes", of)), []
    for k in range(1, 121):
        advice = algorithm.suggest(trials, [k]).advice[0]
        trials.append(ended(advice, bowl(advice.assignment), float(k)))
    late = trials[-40:]
    assert {each.assignment["c"] for each in late} == {"a", "b"}
    assert max(bowl(each.assignment) for each in late) < 1


def test_a_model_that_repeats_itself_gives_a_labelled_random_point() -> None:
    of = space(integer("n", 0, 9), integer("m", 0, 9))
    algorithm, trials = CmaEsSearch(study_config("cmaes", of)), []
    for k in range(1, 101):
        advice = algorithm.suggest(trials, [k]).advice[0]
        trials.append(ended(advice, advice.assignment["n"] + advice.assignment["m"], float(k)))
    assert any(each.labels.get(ORIGIN_LABEL) == "random" for each in trials)
    assert algorithm.suggest(trials, [101]).exhausted


@pytest.mark.parametrize(
    ("of", "given"),
    [
        (space(double("x", 0, 1), categorical("c", "a", "b")), "1 of type int or double"),
        (space(categorical("c", "a", "b")), "0 of type int or double"),
    ],
)
def test_it_needs_two_numbers(of: SearchSpace, given: str) -> None:
    (fault,) = CmaEsSearch.validate(study_config("cmaes", of))
    assert fault.wanted == "cmaes only supports two or more dimensional continuous search space."
    assert fault.given == given


def test_sigma_is_the_first_step() -> None:
    def spread(sigma: str) -> float:
        algorithm = CmaEsSearch(study_config("cmaes", PLANE, settings={"sigma": sigma}))
        points = [algorithm.cube.encode(each.assignment) for each in algorithm.suggest([], range(1, 101)).advice]
        return float(np.std(points))

    assert spread("0.02") == pytest.approx(0.02, rel=0.15)
    assert spread("0") == pytest.approx(1 / 6, rel=0.15)


def test_the_restart_strategy_is_used() -> None:
    trials = carry_out(lambda _a: 1.0, UNTIL_RESTART)
    none, ipop_ = (suggested(trials, 200, settings={"restart_strategy": each}) for each in ("none", "ipop"))
    assert suggested(trials, 200, settings={"restart_strategy": "None"}) == none
    assert ipop_ != none
