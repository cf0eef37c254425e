"""Which of many trials with several objectives are the best: fronts, and within a front the least crowded.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, 2002,
sections III.A and III.B. The first front are the points that no other dominates, the second those that only the first
front's dominate, and so on. Fronts are found in one pass over sorted points (X. Zhang, Y. Tian, R. Cheng, Y. Jin, An
efficient approach to nondominated sorting for evolutionary multiobjective optimization, 2015).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import le

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
    found: list[Ranked] = []
    for start in range(0, len(points), number):
        pool = sorted([*(each.position for each in found), *range(start, min(start + number, len(points)))])
        ranked = best([points[position] for position in pool], number)
        found = [replace(each, position=pool[each.position]) for each in ranked]
    return found


def fronts(points: Sequence[Costs], enough: int) -> list[list[int]]:
    """The positions of the points of the first fronts: as many fronts as it takes to have `enough` points in them."""
    found: list[list[int]] = []
    held = 0
    # In this order no point is dominated by a later one, so a front never loses a member.
    for position in sorted(range(len(points)), key=lambda each: (points[each], each)):
        # One that a front does not dominate, none of the later fronts does.
        place = bisect_left(found, True, key=lambda front: not _beaten(points[position], front, points))
        if place < len(found):
            found[place].append(position)
        elif held < enough:
            found.append([position])
        else:
            continue
        held += 1
        while held - len(found[-1]) >= enough:
            held -= len(found.pop())
    return found


def _beaten(point: Costs, front: Sequence[int], points: Sequence[Costs]) -> bool:
    """Whether a member of the front, all of them before `point` in order, dominates it."""
    # Of two objectives the last member is the best in the second one; of more it is the likeliest to dominate.
    members = front[-1:] if len(point) <= 2 else reversed(front)
    return any(all(map(le, points[other], point)) and points[other] != point for other in members)


def crowding(front: Sequence[Costs]) -> list[float]:
    """The crowding distance of each point of a front: the sum, over the objectives, of the distance between its two
    neighbours as a part of the front's extent; infinite for the lowest and the highest of an objective. One in which
    all are equal tells nothing.
    """
    distances = [0.0] * len(front)
    for values in ([costs[objective] / 2 for costs in front] for objective in range(len(front[0]) if front else 0)):
        # Halves, so that the extent of the largest floats is one.
        places = sorted(range(len(values)), key=lambda each: (values[each], each))
        extent = values[places[-1]] - values[places[0]]
        if extent <= 0:
            continue
        distances[places[0]] = distances[places[-1]] = math.inf
        for before, place, after in zip(places, places[1:], places[2:], strict=False):
            distances[place] += (values[after] - values[before]) / extent
    return distances
