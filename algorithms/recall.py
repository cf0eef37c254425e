"""What of a long record a model is told, so that asking it stays cheap."""

from collections.abc import Sequence

from algorithms.fronts import survivors
from katib.core.pareto import Costs
from katib.core.space import Assignment

Valued = tuple[int, Assignment, Costs]
"""A trial with values: its ordinal, its assignment, and a value per objective, to be minimised."""


MOST_CANDIDATES = 10_000
"""Points that a model may draw for one answer."""
COMPARED = 2_000_000
"""Drawn points times trials: each is compared with each, and all of that is in memory at a time."""


def told_beside(candidates: int, *, most: int) -> int:
    """How many trials a model is told at most that compares each with so many points."""
    return min(most, COMPARED // candidates)


def recalled(valued: Sequence[Valued], *, most: int, best: int) -> list[Valued]:
    """All of `valued` while there are at most `most`; then the `best` best of them and the latest of the rest.

    Of equal values the earlier trial is the better one; with several objectives the best are those of the first fronts
    with the most room. The answer keeps the order of `valued`, which is by ordinal.
    """
    if len(valued) <= most:
        return list(valued)
    kept = {valued[position][0] for position in _best(valued, best)}
    rest = [each for each in valued if each[0] not in kept]
    latest = {ordinal for ordinal, _, _ in rest[len(rest) - (most - best) :]}
    return [each for each in valued if each[0] in kept or each[0] in latest]


def _best(valued: Sequence[Valued], number: int) -> list[int]:
    """Positions of the best ones."""
    points = [costs for _, _, costs in valued]
    if len(points[0]) == 1:
        return sorted(range(len(points)), key=lambda each: (points[each], each))[:number]
    return [each.position for each in survivors(points, number)] if number else []
