"""Annealing: random search that draws closer and closer to the best trials, in the manner of hyperopt's `anneal`."""

import math
from collections.abc import Sequence
from heapq import nsmallest
from types import MappingProxyType

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.options import Option, random_state
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.objective import Direction
from katib.core.space import Assignment, ParameterType
from katib.core.study import StudyConfig
from katib.core.trial import Trial

REDRAWS = 32
"""Points drawn for a trial until one is unused."""

AVERAGE_BEST: Option[float] = Option(
    name="avg_best_idx",
    accepts="a number >= 1",
    default="2.0",
    what="The mean rank, from 1, of the trial that a point is drawn around: 1 means always the best.",
    absent=2.0,
    parse=float,
    allows=lambda value: 1 <= value < math.inf,
)
SHRINK: Option[float] = Option(
    name="shrink_coef",
    accepts="a number >= 0",
    default="0.1",
    what="After T trials with an outcome points are drawn from a share 1 / (1 + T * shrink_coef) of each range.",
    absent=0.1,
    parse=float,
    allows=lambda value: 0 <= value < math.inf,
)


class Anneal(PointByPoint):
    """One good trial, and a window around it that shrinks with the number of outcomes."""

    about = """\
Draws each point around one of the best trials, from a window that shrinks as trials end. It is cheap and has no
model, and does well where the good region is one.

The trial is chosen by a geometric distribution over the ranks. With T outcomes the window is 1 / (1 + T *
shrink_coef) of each range, shifted into the bounds where it would reach beyond them; a category is kept, except with
that chance, with which it is drawn evenly. A parameter that is not active in the chosen trial is drawn from its whole
range. When every point drawn for a trial is used already, an unused random one is given, with the label
`katib.kubeflow.org/origin: random`."""
    paper = """\
J. Bergstra, D. Yamins, D. D. Cox, Making a Science of Model Search, ICML 2013, and the algorithm `anneal` of their
hyperopt."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, of which only the rank counts",
            Standing.BAD: "it counts as an outcome, which shrinks the window; no point is drawn around it",
            Standing.IN_FLIGHT: "nothing until it ends; its point is not suggested again",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True)
    settings = (random_state(), AVERAGE_BEST, SHRINK)

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0
        self._chance = 1 / AVERAGE_BEST.of(config)
        self._valued: list[Trial] = []
        self._share = 1.0
        self._points: dict[int, tuple[Assignment, list[float] | None]] = {}

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Count the outcomes and keep those with a value."""
        standings = [standing(trial) for trial in trials]
        self._valued = [
            trial
            for trial, means in zip(trials, standings, strict=True)
            if means is Standing.VALUE and self._point_of(trial) is not None
        ]
        outcomes = sum(means in (Standing.VALUE, Standing.BAD) for means in standings)
        self._share = 1 / (1 + outcomes * SHRINK.of(self.config))

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        stream = f"anneal/{self.seed}/{ordinal}"
        if not self._valued:
            return draw_unused(self.cube, used, f"{stream}/startup")
        if used.full:
            return None
        for attempt in range(REDRAWS):
            point = self._drawn(f"{stream}/{attempt}")
            if point not in used:
                return point
        drawn = draw_unused(self.cube, used, f"{stream}/random")
        return None if drawn is None else Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"})

    def _drawn(self, stream: str) -> Assignment:
        which, *draws = uniforms(stream, 1 + 2 * len(self.cube.axes))
        rank = geometric(which, self._chance, most=len(self._valued) - 1)
        # The best of equal values is the earliest.
        chosen = nsmallest(rank + 1, self._valued, key=self._rank)[-1]
        around = self._point_of(chosen) or []
        return self.cube.decode(
            [
                self._coordinate(position, u, draws[2 * position], draws[2 * position + 1], chosen.assignment)
                for position, u in enumerate(around)
            ]
        )

    def _coordinate(self, position: int, u: float, draw: float, keep: float, chosen: Assignment) -> float:
        parameter = self.space.parameters[position]
        if parameter.name not in chosen:
            return draw
        if parameter.type is ParameterType.CATEGORICAL:
            return u if keep >= self._share else draw
        return within(u, self._share, draw)

    def _rank(self, trial: Trial) -> tuple[float, int]:
        return self._sign * (trial.value or 0.0), trial.ordinal

    def _point_of(self, trial: Trial) -> list[float] | None:
        """Its coordinates; None when it is not in the space (any more)."""
        known = self._points.get(trial.ordinal)
        if known is None or known[0] is not trial.assignment:
            try:
                point = self.cube.encode(trial.assignment)
            except (KeyError, ValueError):
                point = None
            known = self._points[trial.ordinal] = (trial.assignment, point)
        return known[1]


def geometric(draw: float, chance: float, *, most: int) -> int:
    """How many failures come before the first success of the given chance, for a uniform draw; `most` at most."""
    return 0 if chance >= 1 else int(min(math.log1p(-draw) / math.log1p(-chance), most))


def within(middle: float, share: float, draw: float) -> float:
    """The point at `draw` of a window of size `share` around `middle`, shifted into [0, 1]."""
    low = min(max(middle - share / 2, 0.0), 1.0 - share)
    return low + share * draw
