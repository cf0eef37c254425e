"""Which of many trials with several objectives are the best: fronts, and within a front the least crowded.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, 2002,
sections III.A and III.B. The first front are the points that no other dominates, the second those that only the first
front's dominate, and so on. Fronts are found in one pass over sorted points (X. Zhang, Y. Tian, R. Cheng, Y. Jin, An
efficient approach to nondominated sorting for evolutionary multiobjective optimization, 2015); whether a front of up to
three objectives dominates a point is found by halving (H. T. Kung, F. Luccio, F. P. Preparata, On finding the maxima of
a set of vectors, 1975).
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import le
from typing import Protocol

from katib.core.pareto import Costs


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A point and how good it is among the others.

    Attributes:
        position: in the list that was ranked.
        front: 0 for the best front.
        distance: its crowding distance within its front; infinite at the ends.
    """

    position: int
    front: int
    distance: float


def best(points: Sequence[Costs], number: int) -> list[Ranked]:
    """The `number` best points by (front, distance), the best first; of equal ones the earlier."""
    found: list[Ranked] = []
    for rank, front in enumerate(fronts(points, number)):
        distances = crowding([points[position] for position in front])
        pairs = sorted(zip(front, distances, strict=True), key=lambda pair: (-pair[1], pair[0]))
        found += [Ranked(position=position, front=rank, distance=distance) for position, distance in pairs]
    return found[:number]


def survivors(points: Sequence[Costs], number: int) -> list[Ranked]:
    """The `number` best points, the best first, found a generation at a time: of each `number` points and the best of
    those before them the best stay. To rank all points at once would cost the square of their number.
    """
    kept: list[int] = []
    ranked: list[Ranked] = []
    for start in range(0, len(points), number):
        pool = sorted([*kept, *range(start, min(start + number, len(points)))])
        ranked = best([points[position] for position in pool], number)
        kept = [pool[each.position] for each in ranked]
    return [replace(each, position=position) for each, position in zip(ranked, kept, strict=True)]


class _Front(Protocol):
    """A front in the making, whose points come in lexicographic order, each after all that could dominate it.

    Nothing is asked of the first objective: every member is at most equal to the next point there.
    """

    positions: list[int]

    def beats(self, point: Costs) -> bool:
        """Whether a member dominates a point that comes after all of them and equals none."""

    def add(self, point: Costs) -> None:
        """Of a point that it does not beat."""


class _Stairs:
    """Up to three objectives: of the last two only the members count that none of the others beats there, and these
    are a staircase, the second value rising and the third falling. A place on it is found by halving.
    """

    def __init__(self) -> None:
        self.positions: list[int] = []
        self._seconds: list[float] = []
        self._thirds: list[float] = []

    def beats(self, point: Costs) -> bool:
        second, third = _last_two(point)
        step = bisect_right(self._seconds, second) - 1
        return step >= 0 and self._thirds[step] <= third

    def add(self, point: Costs) -> None:
        second, third = _last_two(point)
        start = end = bisect_left(self._seconds, second)
        while end < len(self._thirds) and self._thirds[end] >= third:
            end += 1
        self._seconds[start:end] = [second]
        self._thirds[start:end] = [third]


def _last_two(point: Costs) -> tuple[float, float]:
    """Those behind the first of three; with fewer objectives there is nothing to tell in what is missing."""
    return point[1] if len(point) > 1 else 0.0, point[2] if len(point) > 2 else 0.0


class _Members:
    """Any number of objectives: every member is looked at, the last first, which is the likeliest to dominate."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self._rest: list[Costs] = []

    def beats(self, point: Costs) -> bool:
        rest = point[1:]
        return any(all(map(le, other, rest)) for other in reversed(self._rest))

    def add(self, point: Costs) -> None:
        self._rest.append(point[1:])


def fronts(points: Sequence[Costs], enough: int) -> list[list[int]]:
    """The positions of the points of the first fronts: as many fronts as it takes to have `enough` points in them."""
    found: list[_Front] = []
    held, place = 0, 0
    before: Costs | None = None
    # In this order no point is dominated by a later one, so a front never loses a member.
    for position in sorted(range(len(points)), key=points.__getitem__):
        point = points[position]
        if point != before:
            # One that a front does not dominate, none of the later fronts does. Its equals follow it.
            place, before = bisect_left(found, True, key=lambda front: not front.beats(point)), point
            if place == len(found) and held < enough:
                found.append(_Stairs() if len(point) <= 3 else _Members())
            if place < len(found):
                found[place].add(point)
        if place == len(found):
            continue
        found[place].positions.append(position)
        held += 1
        while held - len(found[-1].positions) >= enough:
            held -= len(found.pop().positions)
    return [front.positions for front in found]


def crowding(front: Sequence[Costs]) -> list[float]:
    """The crowding distance of each point of a front: the sum, over the objectives, of the distance between its two
    neighbours as a part of the front's extent; infinite for the lowest and the highest of an objective. One in which
    all are equal tells nothing.
    """
    distances = [0.0] * len(front)
    for values in ([costs[objective] / 2 for costs in front] for objective in range(len(front[0]) if front else 0)):
        # Halves, so that the extent of the largest floats is one.
        places = sorted(range(len(values)), key=values.__getitem__)
        extent = values[places[-1]] - values[places[0]]
        if extent <= 0:
            continue
        distances[places[0]] = distances[places[-1]] = math.inf
        for before, place, after in zip(places, places[1:], places[2:], strict=False):
            distances[place] += (values[after] - values[before]) / extent
    return distances
