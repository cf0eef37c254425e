"""CatCMAwM of the package `cmaes` as a function of a list of outcomes. The one module that imports it."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from cmaes import CatCMAwM

from algorithms.gaussian.layout import Layout
from katib.core.encode import Cube
from katib.core.space import Assignment

Outcome = tuple[Assignment, float]

WINDOW = 1000
"""Of n >= 2 WINDOW outcomes the first ones are left out, in whole windows, so that at least WINDOW are replayed."""
FEW = 2
"""A column of so many places is a list to the optimiser, as it recommends."""


class Generations:
    """The optimiser after the outcomes told. What it keeps from before is a cache."""

    def __init__(self, cube: Cube) -> None:
        self._layout = Layout(cube)
        grids = self._layout.grids
        self._numbers = self._layout.free.tolist()
        self._lists = [c for c in self._layout.stepped if self._layout.listed[c] or len(grids[c]) <= FEW]
        self._steps = [c for c in self._layout.stepped if c not in self._lists]
        self._before: list[Outcome] = []
        self._told: list[Outcome] = []
        self._optimizer = self._new([])

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """These are the outcomes, in place of the last. Infinity is worse than every value."""
        if self._optimizer is None:
            return
        start = 0 if len(outcomes) < 2 * WINDOW else (len(outcomes) - WINDOW) // WINDOW * WINDOW
        size = self._optimizer.population_size
        wanted = list(outcomes[start:])
        wanted = wanted[: len(wanted) // size * size]
        before = list(outcomes[:start])
        if before != self._before or wanted[: len(self._told)] != self._told:
            self._optimizer, self._before, self._told = self._new(before), before, []
        for at in range(len(self._told), len(wanted), size):
            self._tell(self._optimizer, wanted[at : at + size])
        self._told = wanted

    def draw(self, seed: int, number: int) -> Iterator[Assignment]:
        """Points drawn from the distribution."""
        if self._optimizer is None:
            return
        self._optimizer.reseed_rng(seed)
        for _ in range(number):
            drawn = self._optimizer.ask()
            row = np.full(self._layout.width, 0.5)
            if self._numbers:
                row[self._numbers] = drawn.x
            if self._steps:
                row[self._steps] = drawn.z
            for k, column in enumerate(self._lists):
                row[column] = self._layout.grids[column][int(drawn.c[k].argmax())]
            yield self._layout.assignment(self._layout.snap(row[None, :])[0])

    def _new(self, before: Sequence[Outcome]) -> "CatCMAwM | None":
        """An optimiser that knows nothing but where the best of `before` is; None when there is nothing to choose."""
        grids = self._layout.grids
        if not (self._numbers or self._steps or self._lists):
            return None
        mean = spread = None
        if before and (self._numbers or self._steps):
            solution = self._solution(min(before, key=lambda each: each[1])[0])
            mean = None if solution is None else solution._v_raw
            # What the package takes in the centre: it would take none at all for a mean on an edge.
            ends = [1 / 6] * len(self._numbers) + [np.ptp(grids[c]) / 5 for c in self._steps]
            spread = np.diag((np.array(ends) / 2) ** 2)
        return CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self._numbers) or None,
            z_space=[grids[c].tolist() for c in self._steps] or None,
            c_space=[len(grids[c]) for c in self._lists] or None,
            mean=mean,
            cov=spread,
            seed=0,
        )

    def _tell(self, optimizer: CatCMAwM, outcomes: Sequence[Outcome]) -> None:
        """One generation, by its ranks: the optimiser uses nothing else of the values, and ranks never overflow.

        A point that is not in the space (any more) is a draw that was worse than every value.
        """
        optimizer.reseed_rng(0)
        solutions = []
        for assignment, value in outcomes:
            solution = self._solution(assignment)
            solutions.append((optimizer.ask(), math.inf) if solution is None else (solution, value))
        solutions.sort(key=lambda each: each[1])
        optimizer.tell([(solution, float(rank)) for rank, (solution, _) in enumerate(solutions)])

    def _solution(self, assignment: Assignment) -> "CatCMAwM.Solution | None":
        try:
            row = self._layout.row(assignment)
        except (KeyError, ValueError):
            return None
        lists = None
        if self._lists:
            sizes = [len(self._layout.grids[c]) for c in self._lists]
            lists = np.zeros((len(sizes), max(sizes)), dtype=bool)
            for k, column in enumerate(self._lists):
                lists[k, int(np.argmin(np.abs(self._layout.grids[column] - row[column])))] = True
        raw = row[[*self._numbers, *self._steps]]
        count = len(self._numbers)
        return CatCMAwM.Solution(
            x=raw[:count] if self._numbers else None,
            z=raw[count:] if self._steps else None,
            c=lists,
            _v_raw=raw if len(raw) else None,
        )
