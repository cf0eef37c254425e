"""Tables of what was run: normalised regret and mean rank, each with a 95 % interval.

Normalised regret of a run: 0 is the best value known, 1 the median of random search (101 runs) after as many
evaluations. Rank: among the algorithms of the table, by problem and seed; ties share the mean of their ranks. Means are
over the seeds of a problem, then over problems. Intervals: percentile bootstrap that draws problems, and seeds within
each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from quality_suite.problem import Problem

DRAWS = 2000
Baseline = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A mean, and the ends of its interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, kw_only=True)
class Standings:
    """How algorithms did at one checkpoint, over the (problem, seed) pairs that all of them have."""

    checkpoint: int
    parallel: int
    problems: int
    pairs: int
    regret: dict[str, Score]
    rank: dict[str, Score]


def regret(value: float, problem: Problem, random: float) -> float:
    """Normalised; 0 where random search reaches the best value known and so does the run."""
    over = max(value - problem.best, 0.0)
    return over / max(random - problem.best, 1e-9 * max(abs(problem.best), 1.0))


def standings(
    lines: Iterable[Mapping[str, Any]],
    problems: Mapping[str, Problem],
    baseline: Baseline,
    *,
    algorithms: Sequence[str],
    parallel: int,
    checkpoint: int,
) -> Standings | None:
    """None when no pair has all of the algorithms."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    at = str(checkpoint)
    for line in lines:
        wanted = line["parallel"] == parallel and line["algorithm"] in algorithms and line["problem"] in problems
        if wanted and at in line["best"]:
            pair = found.setdefault((line["problem"], line["seed"]), {})
            value = regret(line["best"][at], problems[line["problem"]], baseline[line["problem"]][at])
            # A longer run of the same pair has another budget: the first one stands.
            pair.setdefault(line["algorithm"], value)
    by_problem: dict[str, list[list[float]]] = {}
    for (problem, _), row in sorted(found.items()):
        if len(row) == len(algorithms):
            by_problem.setdefault(problem, []).append([row[each] for each in algorithms])
    if not by_problem:
        return None
    regrets = [np.array(rows) for rows in by_problem.values()]
    ranks = [rankdata(np.round(rows, 12), axis=1) for rows in regrets]
    return Standings(
        checkpoint=checkpoint,
        parallel=parallel,
        problems=len(regrets),
        pairs=sum(len(rows) for rows in regrets),
        regret=_scores(algorithms, regrets),
        rank=_scores(algorithms, ranks),
    )


def _scores(algorithms: Sequence[str], tables: Sequence[np.ndarray]) -> dict[str, Score]:
    rng = np.random.default_rng(0)
    means = np.mean([table.mean(axis=0) for table in tables], axis=0)
    draws = np.empty((DRAWS, len(algorithms)))
    for draw in range(DRAWS):
        drawn = [tables[i] for i in rng.integers(len(tables), size=len(tables))]
        draws[draw] = np.mean([rows[rng.integers(len(rows), size=len(rows))].mean(axis=0) for rows in drawn], axis=0)
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return {
        name: Score(mean=float(means[i]), low=float(low[i]), high=float(high[i])) for i, name in enumerate(algorithms)
    }


def markdown(tables: Sequence[Standings]) -> str:
    """One table of several checkpoints of the same algorithms and parallelism."""
    first = tables[0]
    heads = [f"{what} @{each.checkpoint}" for what in ("regret", "rank") for each in tables]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name in sorted(first.rank, key=lambda each: tables[-1].rank[each].mean):
        cells = [str(each.regret[name]) for each in tables] + [str(each.rank[name]) for each in tables]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def by_problem(lines: Iterable[Mapping[str, Any]], problems: Mapping[str, Problem], baseline: Baseline, at: str) -> str:
    """Median normalised regret of each problem, algorithm and parallelism."""
    found: dict[str, dict[str, list[float]]] = {}
    for line in lines:
        if at in line["best"] and line["problem"] in problems:
            name = f"{line['algorithm']} x{line['parallel']}"
            value = regret(line["best"][at], problems[line["problem"]], baseline[line["problem"]][at])
            found.setdefault(line["problem"], {}).setdefault(name, []).append(value)
    names = sorted({name for row in found.values() for name in row})
    text = [f"| @{at} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for problem, row in found.items():
        cells = [f"{np.median(row[name]):.3f}" if name in row else "" for name in names]
        text.append(f"| {problem} | {' | '.join(cells)} |")
    return "\n".join(text)
