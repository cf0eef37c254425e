"""Patience: a trial that has not improved for some steps is stopped.

A value improves on the best so far when it is better by more than `min_delta`; the first one is an improvement. Values
that are not finite never are. The trial is judged by its own values only.
"""

import math
from array import array
from collections import OrderedDict
from typing import ClassVar

from algorithms.options import Option
from algorithms.stopping.base import StoppingRule, shadow, start_step
from katib.core.curves import Curve, Record
from katib.core.stopping import EarlyStop, Report, StoppingAbilities
from katib.core.study import StudyConfig

KEPT = 1024
"""Trials whose last improvement is kept at hand; it is looked for again when another one is asked about."""

PATIENCE: Option[int] = Option(
    name="patience",
    accepts="an integer > 0",
    default="10",
    what="Steps without improvement after which a trial is stopped.",
    absent=10,
    parse=int,
    allows=lambda value: value > 0,
)
MIN_DELTA: Option[float] = Option(
    name="min_delta",
    accepts="a number >= 0",
    default="0",
    what="A value that is better by this or less is no improvement.",
    absent=0.0,
    parse=float,
    allows=lambda value: 0 <= value < math.inf,
)
START_STEP = start_step(1, 0)


class Patience(StoppingRule):
    """Steps since the last improvement are counted as steps, so a trial that reports at every tenth is judged alike."""

    about = """\
Stops a trial that has not improved for some steps. A value improves on the best so far when it is better by more than
`min_delta`; nan and infinite values never do. Steps are counted as steps, so that a trial that reports at every tenth
is judged alike."""
    abilities: ClassVar = StoppingAbilities(oblivious=True)
    settings = (PATIENCE, MIN_DELTA, START_STEP, shadow())

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._patience, self._delta = PATIENCE.of(config), MIN_DELTA.of(config)
        self._start = START_STEP.of(config)
        self._looked: OrderedDict[tuple[int, int], _Looked] = OrderedDict()

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:  # noqa: ARG002 - the port's
        metric, step = self.objective.metric, report.step
        if report.metric != metric or step < self._start:
            return None
        cost, since = self._improved(trial, step)
        if step - since < self._patience:
            return None
        sign = 1.0 if self.cost(1.0) > 0 else -1.0
        wanted = f" by more than {self._delta:.6g}" if self._delta else ""
        reached = f"{sign * cost:.6g}" if math.isfinite(cost) else "no number"
        said = f"{metric} has not improved{wanted} on {reached} since step {since}, {step - since} steps ago"
        return self.stop(report, report.value, self.worse, sign * (cost - self._delta), said)

    def _improved(self, trial: Curve, step: int) -> tuple[float, int]:
        """The best cost up to `step`, and the step of the last improvement."""
        series, key = trial.of(self.objective.metric), (trial.ordinal, trial.attempt)
        count = series.last_upto(step) + 1
        looked = self._looked.pop(key, None)
        if looked is None or not looked.goes_on_with(trial, count, series.steps):
            looked = _Looked(trial, since=series.steps[0])
        for index in range(looked.count, count):
            cost = self.cost(series.values[index])
            if cost < looked.cost - self._delta:
                looked.cost, looked.since = cost, series.steps[index]
        looked.count, looked.last = count, series.steps[count - 1]
        self._looked[key] = looked
        if len(self._looked) > KEPT:
            self._looked.popitem(last=False)
        return looked.cost, looked.since


class _Looked:
    """How far a trial's series was looked through."""

    __slots__ = ("cost", "count", "curve", "last", "since")

    def __init__(self, curve: Curve, *, since: int) -> None:
        self.curve = curve
        self.cost, self.since = math.inf, since
        self.count, self.last = 0, since

    def goes_on_with(self, curve: Curve, count: int, steps: "array[int]") -> bool:
        """Whether the first reports are those that were looked through; one that came late is put in before them."""
        return self.curve is curve and self.count <= count and steps[self.count - 1] == self.last
