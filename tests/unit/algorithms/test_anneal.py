"""Annealing by hand: which trial a point is drawn around, and from which window."""

import math
from dataclasses import replace

import pytest

from algorithms.base import ORIGIN_LABEL
from algorithms.parzen.anneal import Anneal, geometric, within
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.objective import Direction, Objective
from katib.core.space import Assignment
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import categorical, double, integer, space, study_config, trial

LINE = space(double("x", 0, 1))


def test_the_window_by_hand() -> None:
    """A window of a fifth around 0.5 is [0.4, 0.6]; around 0.05 it is shifted to [0, 0.2]; around 1 to [0.8, 1]."""
    assert [within(0.5, 0.2, draw) for draw in (0.0, 0.5, 1.0)] == pytest.approx([0.4, 0.5, 0.6])
    assert [within(0.05, 0.2, draw) for draw in (0.0, 1.0)] == pytest.approx([0.0, 0.2])
    assert [within(1.0, 0.2, draw) for draw in (0.0, 1.0)] == pytest.approx([0.8, 1.0])
    assert [within(0.3, 1.0, draw) for draw in (0.0, 1.0)] == pytest.approx([0.0, 1.0])


def test_the_rank_by_hand() -> None:
    """With a chance of a half: rank 0 up to 1/2, 1 up to 3/4, 2 up to 7/8."""
    draws = (0.0, 0.49, 0.51, 0.74, 0.76, 0.874, 0.876)
    assert [geometric(draw, 0.5, most=9) for draw in draws] == [0, 0, 1, 1, 2, 2, 3]
    assert geometric(0.999, 1.0, most=9) == 0
    assert geometric(0.999, 0.5, most=4) == 4


def record(values: dict[float, float | None], *, state: TrialState = TrialState.METRICS_UNAVAILABLE) -> list[Trial]:
    """x -> value; what has no value diverged."""
    return [
        trial(
            Advice(ordinal=ordinal, assignment={"x": x}),
            lambda _k, value=value: (
                (state, Reason.DIVERGED, None) if value is None else (TrialState.SUCCEEDED, Reason.SUCCEEDED, value)
            ),
        )
        for ordinal, (x, value) in enumerate(values.items(), start=1)
    ]


def suggested(trials: list[Trial], count: int = 100, **changes: object) -> list[float]:
    algorithm = Anneal(study_config("anneal", changes.pop("of", LINE), **changes))  # type: ignore[arg-type]
    return [each.assignment["x"] for each in algorithm.suggest(trials, range(100, 100 + count)).advice]


BEST_ONLY = {"avg_best_idx": "1", "shrink_coef": "2"}


def test_points_are_drawn_around_the_best_from_the_window() -> None:
    """Two outcomes and a coefficient of 2: a fifth of the range."""
    xs = suggested(record({0.3: 1.0, 0.9: 5.0}), settings=BEST_ONLY)
    assert 0.2 <= min(xs) < 0.21
    assert 0.39 < max(xs) <= 0.4


def test_an_outcome_without_a_value_shrinks_the_window_and_draws_nobody() -> None:
    """Three outcomes: a seventh."""
    xs = suggested(record({0.3: 1.0, 0.9: 5.0, 0.6: None}), settings=BEST_ONLY)
    assert 0.3 - 1 / 14 <= min(xs) < max(xs) <= 0.3 + 1 / 14


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.KILLED])
def test_what_runs_or_was_killed_does_not_shrink_it(state: TrialState) -> None:
    xs = suggested(record({0.3: 1.0, 0.9: 5.0, 0.6: None}, state=state), settings=BEST_ONLY)
    assert xs == suggested(record({0.3: 1.0, 0.9: 5.0}), settings=BEST_ONLY)


def test_on_average_the_second_best_is_chosen_half_as_often() -> None:
    """Windows that do not overlap tell which trial was chosen."""
    settings = {"avg_best_idx": "2", "shrink_coef": "10"}
    xs = suggested(record({0.2: 1.0, 0.5: 2.0, 0.8: 3.0}), 400, settings=settings)
    near = [sum(abs(x - middle) < 0.1 for x in xs) for middle in (0.2, 0.5, 0.8)]
    assert sum(near) == 400
    assert near == pytest.approx([200, 100, 100], abs=35), "1/2, 1/4, and the rest goes to the last"


def test_one_point_from_its_draws() -> None:
    which, draw, _keep = uniforms("anneal/5f1c/100/0", 3)
    rank = int(math.log(1 - which) / math.log(0.5))
    middle = [0.3, 0.9][min(rank, 1)]
    share = 1 / (1 + 2 * 0.1)
    low = min(max(middle - share / 2, 0), 1 - share)
    assert suggested(record({0.3: 1.0, 0.9: 5.0}), 1) == [pytest.approx(low + share * draw)]


def test_maximising_goes_to_the_highest() -> None:
    objective = Objective(metric="loss", direction=Direction.MAXIMIZE)
    xs = suggested(record({0.3: 1.0, 0.9: 5.0}), settings=BEST_ONLY, objective=objective)
    assert min(xs) >= 0.8


def test_of_equal_values_the_earliest_is_the_best() -> None:
    assert max(suggested(record({0.2: 1.0, 0.9: 1.0}), settings=BEST_ONLY)) <= 0.3


def test_a_category_is_kept_but_for_the_share() -> None:
    """With nine outcomes and a coefficient of 1 the share is a tenth, and of that a quarter draws the same again."""
    of = space(double("x", 0, 1), categorical("c", "a", "b", "d", "e"))
    points: list[Assignment] = [{"x": k / 10, "c": "b"} for k in range(9)]
    trials = [trial(Advice(ordinal=k, assignment=each), lambda k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, float(k)))
              for k, each in enumerate(points, start=1)]  # fmt: skip
    algorithm = Anneal(study_config("anneal", of, settings={"shrink_coef": "1"}))
    words = [each.assignment["c"] for each in algorithm.suggest(trials, range(100, 1100)).advice]
    assert words.count("b") / 1000 == pytest.approx(0.9 + 0.1 / 4, abs=0.025)
    assert set(words) == {"a", "b", "d", "e"}


def test_without_a_value_points_are_random() -> None:
    xs = suggested(record({0.3: None, 0.9: None}))
    assert min(xs) < 0.1
    assert max(xs) > 0.9


def test_a_window_that_is_used_up_gives_a_labelled_random_point() -> None:
    of = space(integer("x", 0, 40))
    algorithm, trials = Anneal(study_config("anneal", of, settings={"shrink_coef": "5"})), []
    for k in range(1, 42):
        advice = algorithm.suggest(trials, [k]).advice[0]
        value = float(advice.assignment["x"])
        trials.append(trial(advice, lambda _k, value=value: (TrialState.SUCCEEDED, Reason.SUCCEEDED, value)))
    assert any(each.labels.get(ORIGIN_LABEL) == "random" for each in trials)
    assert algorithm.suggest(trials, [42]).exhausted


def test_a_trial_from_another_space_is_no_middle() -> None:
    trials = record({0.3: 1.0, 7.5: 0.0})
    alien = replace(trials[1], assignment={"y": 7.5})
    assert suggested([trials[0], alien], settings=BEST_ONLY) == suggested(
        [trials[0], replace(alien, value=None, state=TrialState.FAILED, reason=Reason.EXIT_CODE)], settings=BEST_ONLY
    )
