"""Dominated trials: one that others beat in every objective at the same step is stopped.

A trial's standing at a step are the values that it would have had it ended there: of each objective the least, the
greatest or the latest by then, as its metric strategy says. One trial dominates another at a step when its standing is
at least as good in every objective and better in one. What is not finite is worse than any number.

The number of trials that dominate a point is how C. M. Fonseca and P. J. Fleming, Genetic Algorithms for Multiobjective
Optimization, ICGA 1993, rank it.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import ClassVar

from algorithms.options import Option
from algorithms.stopping.base import StoppingRule, shadow, start_step
from algorithms.stopping.kept import COMPLETED, Kept
from katib.core.curves import Curve, Record
from katib.core.pareto import Costs, dominates
from katib.core.stopping import Comparison, EarlyStop, Report, StoppingAbilities
from katib.core.study import StudyConfig

Standing = tuple[Costs, int]
"""Of a trial at a step: what it would have, to be minimised, and the trial's ordinal."""

DOMINATING: Option[int] = Option(
    name="dominating",
    accepts="an integer > 0",
    default="3",
    what="Other trials that must dominate a trial at a step before it is stopped.",
    absent=3,
    parse=int,
    allows=lambda value: value > 0,
)
SHARE: Option[float] = Option(
    name="share",
    accepts="a number >= 0, at most 1",
    default="0.25",
    what="They must also be at least this share of the others that came to the step.",
    absent=0.25,
    parse=float,
    allows=lambda value: 0 <= value <= 1,
)
START_STEP = start_step(4, 1)


class Dominated(StoppingRule):
    """The standings of trials that are completed are kept sorted; those of running ones are few."""

    about = """\
Stops a trial that others beat in every objective at the same step. Trials are compared by the values that they would
have had they ended at that step (of each objective the least, the greatest or the latest by then, as its metric
strategy says): one that is at least as good in every objective and better in one dominates the other. A trial goes on
unless `dominating` others dominate it, and these are at least `share` of all others that came to the step. So one that
leads in any objective goes on, and so does one that is a compromise nobody else has found.

The others are trials that succeeded, were stopped early or run. A trial is judged at each step from `start_step` on for
which it has reported every objective; one that reports some objective at its end only is never stopped. nan and
infinite values are worse than any number. With one objective it stops what is behind a quarter of the others."""
    paper = """The number of trials that dominate a point is its rank in C. M. Fonseca, P. J. Fleming, *Genetic
Algorithms for Multiobjective Optimization: Formulation, Discussion and Generalization*, ICGA 1993"""
    abilities: ClassVar = StoppingAbilities(several_objectives=True)
    settings = (DOMINATING, SHARE, START_STEP, shadow())

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._dominating, self._share = DOMINATING.of(config), SHARE.of(config)
        self._start = START_STEP.of(config)
        self._completed = Kept[Standing](self._completed_at)

    @property
    def metrics(self) -> frozenset[str]:
        return frozenset(objective.metric for objective in self.config.objectives)

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:
        step = report.step
        if report.metric not in self.metrics or step < self._start:
            return None
        own = self._standing(trial, step)
        if own is None:
            return None
        completed = self._completed.at(step, record)
        # What dominates a point comes before it in this order.
        candidates = completed[: bisect_right(completed, (own[0], trial.ordinal))]
        running = list(self._running(trial, step, record))
        better = [each for each in (*candidates, *running) if dominates(each[0], own[0])]
        others = len(completed) + len(running)
        enough = max(self._dominating, math.ceil(self._share * others))
        if len(better) < enough:
            return None
        costs, ordinal = min(better)
        said = (
            f"at step {step}, {self._values(own[0])} is dominated by {len(better)} of the {others} others that came "
            f"there, and {enough} are enough; one is trial {ordinal}, with {self._values(costs)}"
        )
        return self.stop(report, float(len(better)), Comparison.GREATER, float(enough), said)

    def _running(self, trial: Curve, step: int, record: Record) -> Iterator[Standing]:
        for curve in record.running.values():
            standing = None if curve is trial else self._standing(curve, step)
            if standing is not None:
                yield standing

    def _completed_at(self, curve: Curve, step: int) -> Standing | None:
        return self._standing(curve, step) if curve.state in COMPLETED else None

    def _standing(self, curve: Curve, step: int) -> Standing | None:
        """None while it has not come to the step with every objective."""
        costs = []
        for objective in self.config.objectives:
            value = curve.value_at(objective, step)
            if value is None:
                return None
            costs.append(objective.cost(value) if math.isfinite(value) else math.inf)
        return tuple(costs), curve.ordinal

    def _values(self, costs: Costs) -> str:
        pairs = zip(self.config.objectives, costs, strict=True)
        return ", ".join(
            f"{objective.metric} {objective.cost(cost):.6g}" if math.isfinite(cost) else f"{objective.metric} no number"
            for objective, cost in pairs
        )
