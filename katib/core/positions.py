"""The points of a finite space by their position, counted and never listed, when parameters depend on others.

A parameter depends on one other at most, so the parameters are the nodes of trees. Below one value of a parameter the
parameters that this value makes active vary independently of each other: the number of their joint values is a product,
and that of a tree is the sum of these products over the values of its root. Values that make nothing active count one
each; only the others are gone through, so a parameter may have as many values as it likes.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from katib.core.space import Assignment, Parameter, Value


class Tree:
    """A parameter with all that depends on it; `size` is the number of their joint values, None if uncountable.

    Positions follow the parameter's own order; those of one value's dependents lie together, the last changing fastest.
    """

    def __init__(self, parameter: "Parameter", below: Mapping["Value", Sequence["Tree"]]) -> None:
        """`below`: the dependents that a value of `parameter` makes active, for each value that does."""
        self.name = parameter.name
        self._parameter = parameter
        self.size: int | None = None
        if parameter.size is None or any(tree.size is None for trees in below.values() for tree in trees):
            return
        by_index = sorted(((parameter.index(value), tuple(trees)) for value, trees in below.items()), key=_first)
        self._indices = [index for index, _trees in by_index]
        self._below = [trees for _index, trees in by_index]
        self._widths = [count(trees) or 1 for trees in self._below]
        # What a value with dependents is wider than the one position of a value without.
        wider = list(accumulate((width - 1 for width in self._widths), initial=0))
        self._starts = [index + before for index, before in zip(self._indices, wider, strict=False)]
        self.size = parameter.size + wider[-1]

    def fill(self, position: int, values: dict[str, "Value"]) -> None:
        """Put the joint values at `position`, 0 <= position < size, into `values`."""
        at = bisect_right(self._starts, position) - 1
        if at < 0:
            values[self.name] = self._parameter.at(position)
            return
        inside = position - self._starts[at]
        if inside < self._widths[at]:
            values[self.name] = self._parameter.at(self._indices[at])
            fill(self._below[at], inside, values)
        else:
            values[self.name] = self._parameter.at(self._indices[at] + 1 + inside - self._widths[at])

    def position(self, assignment: "Assignment") -> int:
        """The inverse of `fill`. Raises ValueError for a value that is not on the grid, KeyError for a missing one."""
        index = self._parameter.index(assignment[self.name])
        at = bisect_right(self._indices, index) - 1
        if at < 0:
            return index
        if self._indices[at] == index:
            return self._starts[at] + position(self._below[at], assignment)
        return self._starts[at] + self._widths[at] + index - self._indices[at] - 1


def count(trees: Iterable[Tree]) -> int | None:
    """The number of joint values of trees that vary independently; None when they cannot be counted."""
    sizes = [tree.size for tree in trees]
    return None if any(size is None for size in sizes) else math.prod(size for size in sizes if size is not None)


def fill(trees: Sequence[Tree], at: int, values: dict[str, "Value"]) -> None:
    """Put the joint values at position `at` of trees with a size into `values`; the last tree changes fastest."""
    for tree in reversed(trees):
        at, inside = divmod(at, tree.size or 1)
        tree.fill(inside, values)


def position(trees: Sequence[Tree], assignment: "Assignment") -> int:
    """The inverse of `fill`."""
    at = 0
    for tree in trees:
        at = at * (tree.size or 1) + tree.position(assignment)
    return at


def _first(pair: tuple[int, tuple[Tree, ...]]) -> int:
    return pair[0]
