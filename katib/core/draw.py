"""Points that were not used yet, drawn from a space by a seed: a function of (space, used points, seed)."""

import hashlib
from bisect import bisect_left, insort

from katib.core.encode import Cube
from katib.core.space import Assignment, SearchSpace, Value

TRIES = 32
"""Draws before the unused points are counted out instead: a chance of 2^-32 to need that while half are free."""

TRIES_UNCOUNTABLE = 1000
"""Draws before an uncountable space is taken as used up (its bounds may be two neighbouring floats)."""


def uniforms(seed: str, count: int) -> list[float]:
    """`count` numbers in [0, 1) that look random and depend on `seed` only, on every machine and version."""
    stream = hashlib.shake_128(seed.encode()).digest(8 * count)
    # 53 bits are what a float in [0, 1) can hold.
    return [(int.from_bytes(stream[at : at + 8], "big") >> 11) * 2.0**-53 for at in range(0, 8 * count, 8)]


class UsedPoints:
    """The points of a space that are taken. What is not in the space is never taken and never counted."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._size = space.size
        self._taken: set[object] = set()
        self._sorted: list[int] | None = None
        self._first = 0

    def __len__(self) -> int:
        return len(self._taken)

    def __contains__(self, assignment: Assignment) -> bool:
        return self._key(assignment) in self._taken

    @property
    def full(self) -> bool:
        """Whether every point of a finite space is taken."""
        return self._size is not None and len(self._taken) >= self._size

    def add(self, assignment: Assignment) -> bool:
        """Take a point; False when it was taken already or is not in the space."""
        key = self._key(assignment)
        if key is None or key in self._taken:
            return False
        self._taken.add(key)
        if self._sorted is not None and isinstance(key, int):
            insort(self._sorted, key)
        return True

    def remove(self, assignment: Assignment) -> None:
        """Give a taken point back."""
        key = self._key(assignment)
        self._taken.remove(key)
        if isinstance(key, int):
            self._first = min(self._first, key)
            if self._sorted is not None:
                del self._sorted[bisect_left(self._sorted, key)]

    def first_free(self) -> int | None:
        """The lowest position of a finite space whose point is free; None when all are taken."""
        while self._first in self._taken:
            self._first += 1
        return None if self.full else self._first

    def free(self, u: float) -> dict[str, Value]:
        """Of the free points of a finite space, in grid order, the one at share `u` of their number; 0 <= u < 1."""
        if self._size is None:
            raise ValueError("the points of a continuous space cannot be counted")
        if self._sorted is None:
            self._sorted = sorted(key for key in self._taken if isinstance(key, int))
        left = self._size - len(self._sorted)
        rank = min(int(u * left), left - 1)
        return self._space.at(rank + _passed(self._sorted, rank))

    def _key(self, assignment: Assignment) -> object:
        """The point's identity: its position where points can be counted; None when it is not one of them."""
        try:
            return self._space.key(assignment) if self._size is None else self._space.index(assignment)
        except (KeyError, ValueError):
            return None


def draw_unused(cube: Cube, used: UsedPoints, seed: str) -> dict[str, Value] | None:
    """A point that is not in `used`, by the space's own distributions; None when there is none left.

    When most of a finite space is used, the point is drawn evenly from what is left, so that the last points of a large
    space cost no more than the first. When only rare values make a continuous parameter active and the points without
    it are used, the point is drawn among those with it.
    """
    if used.full:
        return None
    countable = cube.space.size is not None
    for attempt in range(TRIES if countable else TRIES_UNCOUNTABLE):
        coordinates = uniforms(f"{seed}/{attempt}", len(cube.axes))
        if cube.space.conditional and not countable and attempt >= TRIES and attempt % 2:
            coordinates = _activating(cube, coordinates, f"{seed}/{attempt}/active")
        point = cube.decode(coordinates)
        if point not in used:
            return point
    return used.free(uniforms(f"{seed}/rest", 1)[0]) if countable else None


def _activating(cube: Cube, coordinates: list[float], seed: str) -> list[float]:
    """The coordinates, changed so that some continuous parameter is active."""
    space = cube.space
    places = {parameter.name: place for place, parameter in enumerate(space.parameters)}
    endless = [parameter for parameter in space.parameters if parameter.size is None]
    draws = iter(uniforms(seed, len(places) + 1))
    condition = endless[int(next(draws) * len(endless))].condition
    while condition is not None:
        place = places[condition.parameter]
        value = condition.values[int(next(draws) * len(condition.values))]
        coordinates[place] = cube.axes[place].encode(value)
        condition = space[condition.parameter].condition
    return coordinates


def _passed(taken: list[int], rank: int) -> int:
    """How many of the sorted positions `taken` lie before the free position of rank `rank`."""
    low, high = 0, len(taken)
    while low < high:
        middle = (low + high) // 2
        # taken[middle] has taken[middle] - middle free positions before it.
        if taken[middle] - middle <= rank:
            low = middle + 1
        else:
            high = middle
    return low
