"""CMA-ES replayed from a record: the one module that imports the package cmaes.

Outcomes are told in the order in which trials ended, a generation of them at a time. Which trials make up a generation
is therefore settled once they have ended, whatever still runs, and none is wasted: one that was suggested before the
generation changed counts in the next, as a point from outside would.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cmaes import CMA

from algorithms.evolution.restarts import Restart, Run
from katib.core.draw import uniforms


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A trial that ended.

    Attributes:
        point: its coordinates in the unit cube; None when it is not in the space (any more).
        value: lower is better; infinite when it is its own fault that it has none.
        created, ended: seconds since the epoch.
    """

    ordinal: int
    point: tuple[float, ...] | None
    value: float
    created: float
    ended: float


class Evolution:
    """The state after a record.

    Args:
        dimensions: of the unit cube, >= 1.
        sigma: the first step, as a share of the cube's edge, > 0.
        restart: what follows when a run has converged; None to stay with it.
        seed: where restarts begin derives from it.
    """

    def __init__(self, *, dimensions: int, sigma: float, restart: Restart | None, seed: str) -> None:
        self._dimensions = dimensions
        self._sigma = sigma
        self._restart = restart
        self._seed = seed
        self._heard: list[Outcome] = []
        self._runs: list[Run] = []
        self._told: list[int] = []
        self._begin()

    def follow(self, outcomes: Sequence[Outcome]) -> None:
        """Bring the state up to a record, by what is new when it continues the last one, else from the start."""
        ordered = sorted(outcomes, key=lambda each: (each.ended, each.ordinal))
        if ordered[: len(self._heard)] != self._heard:
            self._begin()
        for outcome in ordered[len(self._heard) :]:
            self._hear(outcome)
        self._heard = ordered

    def ask(self, seed: int) -> list[float]:
        """A point: a function of what was heard and of `seed`."""
        self._cma.reseed_rng(seed)
        with _calm():
            return [float(x) for x in self._cma.ask()]

    @property
    def runs(self) -> Sequence[Run]:
        """The runs so far; the last one goes on."""
        return self._runs

    def _begin(self) -> None:
        self._heard, self._runs, self._told = [], [], []
        self._start(Run(population=4 + math.floor(3 * math.log(self._dimensions))), np.full(self._dimensions, 0.5), 0.0)

    def _start(self, run: Run, mean: "np.ndarray[tuple[int], np.dtype[np.float64]]", since: float) -> None:
        self._runs.append(run)
        self._told.append(0)
        self._since = since
        self._generation: list[Outcome] = []
        self._converged = False
        bounds = np.array([[0.0, 1.0]] * self._dimensions)
        self._cma = CMA(
            mean=mean, sigma=max(self._sigma * run.shrink, 1e-8), bounds=bounds, seed=0, population_size=run.population
        )

    def _hear(self, outcome: Outcome) -> None:
        # A trial from before this run began would pull it back to where the last one ended.
        if outcome.point is None or outcome.created < self._since or self._converged:
            return
        self._generation.append(outcome)
        if len(self._generation) == self._runs[-1].population:
            self._close(outcome.ended)

    def _close(self, now: float) -> None:
        """A generation is complete."""
        generation, self._generation = self._generation, []
        self._told[-1] += len(generation)
        # Without any value there is nothing to rank by.
        if all(math.isinf(each.value) for each in generation):
            return
        with _calm():
            self._cma.tell([(np.array(each.point), each.value) for each in generation])
            self._converged = self._cma.should_stop()
        if self._converged and self._restart is not None:
            number = len(self._runs)
            draws = uniforms(f"{self._seed}/run/{number}", 2 + self._dimensions)
            self._start(self._restart(self._runs, self._told, draws[:2]), np.array(draws[2:]), now)


def _calm() -> "np.errstate":
    """Values of any size are only ranked; that their differences overflow does no harm."""
    return np.errstate(all="ignore")
