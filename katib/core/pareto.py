"""Several objectives: which trials are the best ones.

A trial dominates another when it is at least as good in every objective and better in one. The Pareto front are the
trials that none dominates; of trials with equal values only the lowest ordinal is in it, so that a study whose values
repeat does not fill it up.

How large a front gets: of n trials with independent values in m objectives, ln(n)^(m-1) / (m-1)! are expected, so 48
of 10,000 for three; but nothing keeps all of them from being in it, as on a curve of pure trade-offs. It is exact all
the same: a new value costs one comparison with each of its members.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from katib.core.objective import Objective


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontPoint:
    """A trial on the front, and its values in the order of the objectives."""

    ordinal: int
    values: tuple[float, ...]


Front = tuple[FrontPoint, ...]
"""By ordinal."""

Costs = tuple[float, ...]
"""Values to be minimised."""


def costs(values: Sequence[float], objectives: Sequence[Objective]) -> Costs:
    """Values, one per objective, as values to be minimised."""
    return tuple(objective.cost(value) for objective, value in zip(objectives, values, strict=True))


def dominates(a: Costs, b: Costs) -> bool:
    """Whether `a` is nowhere worse than `b`, and somewhere better."""
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def with_point(front: Front, point: FrontPoint, objectives: Sequence[Objective]) -> Front:
    """The front after one more trial got its values: the same value when it is not on it. In whatever order trials
    come, the same front results.
    """
    new = costs(point.values, objectives)
    staying: list[FrontPoint] = []
    for member in front:
        known = costs(member.values, objectives)
        if dominates(known, new) or (known == new and member.ordinal <= point.ordinal):
            return front
        if known != new and not dominates(new, known):
            staying.append(member)
    return tuple(sorted([*staying, point], key=attrgetter("ordinal")))
