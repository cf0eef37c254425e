"""Hypervolume: how much of the space between a front and a reference point its trials dominate; more is better.

E. Zitzler, L. Thiele, Multiobjective Optimization Using Evolutionary Algorithms, PPSN 1998. A point adds its box up to
the reference less what the front, limited to that box, covers of it already: L. While, L. Bradstreet, L. Barone, A Fast
Way of Calculating Exact Hypervolumes, IEEE Transactions on Evolutionary Computation 16(1), 2012. With two objectives
only its neighbours on the front matter; with three, slices of that along the last objective, cut to where the point is
not covered from the start, as in M. Emmerich, C. Fonseca, Computing Hypervolume Contributions in Low Dimensions, EMO
2011. So a front of a thousand takes a tenth of a second to put together; with four it takes seconds.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter

from katib.core.pareto import Costs


class Hypervolume:
    """The hypervolume of a front that grows. All values are costs: less is better.

    Attributes:
        value: the volume so far.
    """

    def __init__(self, reference: Costs) -> None:
        self.value = 0.0
        self._reference = reference
        # Of two objectives in the order of the first, and so of the second the other way round; of three in the order
        # of the last.
        self._front: list[Costs] = []

    def add(self, point: Costs) -> float:
        """Put in a point; what it adds: nothing when it is not better than the reference in every objective."""
        if not _is_within(point, self._reference):
            return 0.0
        if len(point) == 2:
            added = self._of_two(point)
        else:
            added = self._of_three(point) if len(point) == 3 else self._of_many(point)
        self.value += added
        return added

    def _of_two(self, point: Costs) -> float:
        front, (x, y) = self._front, point
        first = bisect_left(front, point)
        # The step that the point stands under begins at its left neighbour's height.
        height = front[first - 1][1] if first else self._reference[1]
        last = first
        if height <= y:
            return 0.0
        while last < len(front) and front[last][1] >= y:
            last += 1
        right = front[last][0] if last < len(front) else self._reference[0]
        steps = [(x, height), *front[first:last], (right, y)]
        added = sum((b[0] - a[0]) * (a[1] - y) for a, b in pairwise(steps))
        front[first:last] = [point]
        return added

    def _of_three(self, point: Costs) -> float:
        front, (x, y, z) = self._front, point
        # Up to these the point is alone where its slices begin: what covers a part of them ends it there.
        right, top, limit = self._reference
        place = bisect_right(front, z, key=itemgetter(2))
        for a, b, _ in front[:place]:
            if b <= y and a < right:
                right = a
            if a <= x and b < top:
                top = b
        if right <= x or top <= y:
            return 0.0
        area, covered, added, height = (right - x) * (top - y), Hypervolume((right, top)), 0.0, z
        for a, b, c in front:
            if a >= right or b >= top:
                continue
            if c > height:
                added += (area - covered.value) * (c - height)
                height = c
            covered.add((max(a, x), max(b, y)))
            if a <= x and b <= y:
                limit = height
                break
        added += (area - covered.value) * (limit - height)
        self._front = [*front[:place], point, *(each for each in front[place:] if not (each[0] >= x and each[1] >= y))]
        return max(added, 0.0)

    def _of_many(self, point: Costs) -> float:
        if any(_covers(each, point) for each in self._front):
            return 0.0
        box = math.prod(limit - cost for cost, limit in zip(point, self._reference, strict=True))
        within = _undominated(tuple(map(max, each, point)) for each in self._front)
        self._front = [*(each for each in self._front if not _covers(point, each)), point]
        return max(box - hypervolume(within, self._reference), 0.0)


def hypervolume(points: Iterable[Costs], reference: Costs) -> float:
    """That of any points: slice by slice along the last objective, each as thick as the next point is away."""
    ordered = sorted((each for each in points if _is_within(each, reference)), key=lambda each: each[-1])
    if len(reference) <= 2:
        grown = Hypervolume(reference)
        for each in ordered:
            grown.add(each)
        return grown.value
    slices, volume = Hypervolume(reference[:-1]), 0.0
    for each, after in pairwise([*ordered, reference]):
        slices.add(each[:-1])
        volume += slices.value * (after[-1] - each[-1])
    return volume


def _is_within(point: Costs, reference: Costs) -> bool:
    return all(cost < limit for cost, limit in zip(point, reference, strict=True))


def _undominated(points: Iterable[Costs]) -> list[Costs]:
    kept: list[Costs] = []
    for point in sorted(set(points)):
        # What covers it comes before it in this order.
        if not any(_covers(other, point) for other in kept):
            kept.append(point)
    return kept


def _covers(one: Costs, other: Costs) -> bool:
    """Whether `one` is nowhere worse."""
    return all(x <= y for x, y in zip(one, other, strict=True))
