"""Median stopping.

D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro, D. Sculley, Google Vizier: A Service for Black-Box
Optimization, KDD 2017, section 3.2.2: a trial is stopped at step s if its best objective value by step s is strictly
worse than the median value of the running averages of all completed trials' objectives reported up to step s.

Completed are trials that succeeded, and those that were stopped early: without the latter the median would be one of
survivors, and rise until nothing passes. Only those that reached step s count at it, so like is compared with like.
Values that are not finite are left out of averages and bests; a trial that has no other is worse than any median.

As a rule in Katib's form, which is tested once, it is the median of the running averages at the first step judged.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

from algorithms.options import Option
from algorithms.stopping.base import StoppingRule, shadow, start_step
from algorithms.stopping.kept import COMPLETED, Kept
from katib.core.curves import Curve, Record
from katib.core.stopping import EarlyStop, Report, StoppingAbilities, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import Trial

MIN_TRIALS: Option[int] = Option(
    name="min_trials_required",
    accepts="an integer > 0",
    default="3",
    what="Completed trials that must have reached a step before anything is stopped at it.",
    absent=3,
    parse=int,
    allows=lambda value: value > 0,
    refusal="min_trials_required must be greater than zero (>0)",
)
START_STEP = start_step(4, 1, "start_step must be greater or equal than one (>=1)")


class MedianStop(StoppingRule):
    """The median at a step is the middle of what is kept sorted."""

    about = """\
Stops a trial whose best value so far is worse than the median of what the others had on average by that step. At step s
that is the median, over the completed trials that reached s, of the averages of their values up to s; equal is not
worse. Every step from `start_step` on is judged.

Completed are trials that succeeded, and those that were stopped early, as far as they came: a median of survivors alone
would rise until nothing passes. nan and infinite values are left out of averages and of the best so far; a trial that
has no other is worse than any median.

Katib's service of this name compares with the arithmetic mean of the averages of each trial's first `start_step`
values, once, at that report, by a threshold that was fixed when the trial began; one very bad trial then lets
everything pass. As a rule for Katib's controller it is the median at `start_step`, tested once."""
    paper = """D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro, D. Sculley, *Google Vizier: A Service for
Black-Box Optimization*, KDD 2017, section 3.2.2"""
    abilities: ClassVar = StoppingAbilities(rules=True)
    settings = (MIN_TRIALS, START_STEP, shadow())

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._required = MIN_TRIALS.of(config)
        self._start = START_STEP.of(config)
        self._averages = Kept[float](lambda curve, step: _average(curve, self.objective.metric, step))

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:
        metric, step = self.objective.metric, report.step
        if report.metric != metric or step < self._start:
            return None
        averages = self._averages.at(step, record)
        if len(averages) < self._required:
            return None
        median = _median(averages)
        series = trial.of(metric)
        best = series.bests[series.last_upto(step)]
        if self.cost(best) <= self.cost(median):
            return None
        middle = f"the median of the running averages of {len(averages)} trials up to that step"
        said = f"the best {metric} by step {step}, {best:.6g}, is worse than {median:.6g}, {middle}"
        return self.stop(report, best, self.worse, median, said)

    def rules(self, trials: Sequence[Trial], record: Record) -> Sequence[StopRule]:  # noqa: ARG002 - curves say it all
        """One, once enough trials have reached the first step; see the base."""
        averages = self._averages.at(self._start, record)
        if len(averages) < self._required:
            return ()
        metric, median = self.objective.metric, _median(averages)
        return (StopRule(name=metric, value=median, comparison=self.worse, start_step=self._start),)


def _average(curve: Curve, metric: str, step: int) -> float | None:
    """The running average of a completed trial at a step; None when it did not reach it or had no number by then."""
    series = curve.series.get(metric)
    if curve.state not in COMPLETED or series is None or not series.reached(step):
        return None
    index = series.last_upto(step)
    average = series.means[index] if index >= 0 else math.nan
    return None if math.isnan(average) else average


def _median(values: Sequence[float]) -> float:
    middle = len(values) // 2
    # Halved first: the sum of two large numbers may be infinite.
    return values[middle] if len(values) % 2 else values[middle - 1] / 2 + values[middle] / 2
