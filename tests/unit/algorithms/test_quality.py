"""A small part of benchmarks/quality.py, with thresholds: a model that stopped learning would miss them by far."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize(
    ("algorithm", "name", "budget", "reaches"),
    [
        # The median of random search after 100 evaluations: 0.71, -0.05, 6.3.
        ("gp", "branin", 25, 0.6),
        ("gp", "func2c", 50, -0.15),
        ("auto", "branin", 25, 0.6),
        ("catcma", "levy5", 100, 2.0),
    ],
)
def test_is_far_better_than_chance(
    algorithm: str, name: str, budget: int, reaches: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from quality_suite.runs import Run, play
    from quality_suite.standard import STANDARD

    problem = next(each for each in STANDARD if each.name == name)
    line = play(Run(problem=name, algorithm=algorithm, seed=0, parallel=1, budget=budget), problem)
    assert line["best"][str(budget)] < reaches  # type: ignore[index]
