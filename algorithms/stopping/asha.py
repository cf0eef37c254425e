"""Asynchronous successive halving, as a stopping rule.

L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht, A. Talwalkar, A System for Massively
Parallel Hyperparameter Tuning, MLSys 2020. There a trial is paused at a rung and promoted when it is among the best
1/eta; here it runs on until it comes to a rung at which it is not, which needs no checkpoints.

    r       the first rung's step (min_resource)
    eta     of the trials that come to a rung, one in eta is to pass (reduction_factor)
    rung k  the step r * eta^k, rounded up, for k = 0, 1, 2 …

At a rung the trial's value is the one of its first report at or after the rung's step. With n values at the rung, its
own among them, it passes if it is no worse than the best floor(n / eta)-th; the first eta - 1 trials always pass. What
is not finite is worse than any number. Every trial that came to a rung counts there, whatever became of it.
"""

import math
from bisect import bisect_left

from algorithms.options import Option
from algorithms.stopping.base import StoppingRule, path, shadow
from algorithms.stopping.kept import Kept
from katib.core.curves import Curve, Record, Series
from katib.core.stopping import EarlyStop, Report
from katib.core.study import StudyConfig
from katib.errors import Fault


def _factor(name: str, default: str, what: str) -> Option[float | None]:
    return Option(
        name=name,
        accepts="a number > 1",
        default=default,
        what=what,
        absent=None,
        parse=float,
        allows=lambda value: value is None or 1 < value < math.inf,
    )


def _resource(name: str, default: str, what: str) -> Option[int | None]:
    return Option(
        name=name,
        accepts="an integer > 0",
        default=default,
        what=what,
        absent=None,
        parse=int,
        allows=lambda value: value is None or value > 0,
    )


ETA = _factor("eta", "3", "Of the trials that come to a rung, one in eta passes; each rung is eta times the last.")
REDUCTION_FACTOR = _factor("reduction_factor", "", "Another name of eta.")
MIN_RESOURCE = _resource("min_resource", "1", "The step of the first rung.")
GRACE_PERIOD = _resource("grace_period", "", "Another name of min_resource.")
MAX_RESOURCE = _resource("max_resource", "", "The step at which trials end by themselves: no rung is there or later.")
DOUBLE_NAMES = ((ETA, REDUCTION_FACTOR), (MIN_RESOURCE, GRACE_PERIOD))
MOST_RUNGS = 64
NO_STEP = 2**62
"""No trial reports so late a step."""


class Asha(StoppingRule):
    """The costs at a rung of trials that are finished are kept sorted; those of running ones are few."""

    about = """\
Stops a trial that is not among the best of those that came to a rung; rungs are further and further apart. They are at
the steps `min_resource`, `min_resource` * `eta`, `min_resource` * `eta`^2 … At its first report at or after a rung's
step a trial goes on if its value is among the best 1/`eta` (rounded down) of all that were seen at this rung, whatever
became of their trials. The first `eta` - 1 trials at a rung always go on.

The search algorithm [`asha`](../asha.md) is another thing: it gives promising points more steps."""
    paper = """L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht, A. Talwalkar,
*A System for Massively Parallel Hyperparameter Tuning*, MLSys 2020, in its stopping variant"""
    settings = (ETA, REDUCTION_FACTOR, MIN_RESOURCE, GRACE_PERIOD, MAX_RESOURCE, shadow())

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._eta = ETA.of(config) or REDUCTION_FACTOR.of(config) or 3.0
        self._rungs = rungs(MIN_RESOURCE.of(config) or GRACE_PERIOD.of(config) or 1, self._eta, MAX_RESOURCE.of(config))
        self._costs = Kept[float](self._cost_at)

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate(config)
        for one, other in DOUBLE_NAMES:
            if {one.name, other.name} <= config.settings.keys():
                wanted = f"only one of {one.name} and {other.name} may be set, which mean the same"
                given = ", ".join(f"{each.name} {config.settings[each.name]}" for each in (one, other))
                faults.append(Fault(path=path(other.name), given=given, wanted=wanted))
        return faults

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:
        metric = self.objective.metric
        rung = self._reached(trial.of(metric), report.step) if report.metric == metric else None
        if rung is None:
            return None
        own = self.cost(report.value)
        better, number = self._standing(own, rung, trial, record)
        passing = math.floor(number / self._eta)
        if passing == 0 or better < passing:
            return None
        threshold = self._best(passing, rung, record)
        place = f"at step {report.step}, rung {rung}, {metric} is {report.value:.6g}"
        said = f"{place}: not among the best {passing} of {number} trials there, which have {threshold:.6g} or better"
        return self.stop(report, report.value, self.worse, threshold, said)

    def _reached(self, series: Series, step: int) -> int | None:
        """The highest rung that the trial came to with the report at `step`; None when that is none."""
        index = series.last_upto(step)
        before = series.steps[index - 1] if index > 0 else -math.inf
        return next((rung for rung in reversed(self._rungs) if before < rung <= step), None)

    def _standing(self, own: float, rung: int, trial: Curve, record: Record) -> tuple[int, int]:
        """How many others at the rung are strictly better, and how many values are there with this one."""
        finished = self._costs.at(rung, record)
        others = self._running(rung, record, but=trial)
        better = bisect_left(finished, own) + sum(cost < own for cost in others)
        return better, len(finished) + len(others) + 1

    def _running(self, rung: int, record: Record, but: Curve | None = None) -> list[float]:
        costs = (self._cost_at(curve, rung) for curve in record.running.values() if curve is not but)
        return [cost for cost in costs if cost is not None]

    def _best(self, place: int, rung: int, record: Record) -> float:
        """The value on `place` at the rung, of all."""
        finished = self._costs.at(rung, record)
        cost = sorted([*finished[:place], *self._running(rung, record)])[place - 1]
        return cost if self.cost(1.0) > 0 else -cost

    def _cost_at(self, curve: Curve, rung: int) -> float | None:
        series = curve.series.get(self.objective.metric)
        index = -1 if series is None else series.first_from(rung)
        return None if series is None or index < 0 else self.cost(series.values[index])


def rungs(first: int, eta: float, last: int | None) -> list[int]:
    """The steps of the rungs, growing: first * eta^k, rounded up, below `last`."""
    end = NO_STEP if last is None else min(last, NO_STEP)
    steps: list[int] = []
    for power in range(MOST_RUNGS if first < end else 0):
        reached = first * eta**power
        # What is a whole number but for rounding is not rounded up.
        if reached >= end or (step := math.ceil(reached - 1e-9)) >= end:
            break
        if not steps or step > steps[-1]:
            steps.append(step)
    return steps
