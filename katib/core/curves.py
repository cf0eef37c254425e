"""Learning curves: what trials reported, step by step, in the form that early stopping compares.

Built from observations alone, so it can be lost and built again. Points may come twice and in any order.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace

from katib.core.objective import Direction, Objective, Strategy
from katib.core.observation import MetricPoint
from katib.core.stopping import Report, StopRule
from katib.core.trial import TrialState

NAN = math.nan


class Series:
    """One metric of one attempt, ordered by step.

    Attributes:
        steps, values: as reported; values may be nan or infinite.
        means: of the finite values up to each step; nan while there are none.
        bests: the best finite value up to each step, likewise.
    """

    __slots__ = ("_finite", "_minimize", "_total", "bests", "means", "steps", "values")

    def __init__(self, direction: Direction = Direction.MINIMIZE) -> None:
        self._minimize = direction is Direction.MINIMIZE
        # Arrays: a study of ten thousand trials has millions of points.
        self.steps, self.values = array("q"), array("d")
        self.means, self.bests = array("d"), array("d")
        self._total, self._finite = 0.0, 0

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: int, value: float) -> bool:
        """Put in a report; False when the step has one already: the first one stands."""
        index = bisect_left(self.steps, step)
        if index < len(self.steps):
            if self.steps[index] == step:
                return False
            self.steps.insert(index, step)
            self.values.insert(index, value)
            self._rebuild()
        else:
            self.steps.append(step)
            self.values.append(value)
            self._extend(value)
        return True

    def reached(self, step: int) -> bool:
        """Whether there is a report at or after `step`."""
        return bool(self.steps) and self.steps[-1] >= step

    def last_upto(self, step: int) -> int:
        """The index of the last report at or before `step`; -1 when there is none."""
        return bisect_right(self.steps, step) - 1

    def first_from(self, step: int) -> int:
        """The index of the first report at or after `step`; -1 when there is none."""
        index = bisect_left(self.steps, step)
        return index if index < len(self.steps) else -1

    def _extend(self, value: float) -> None:
        best = self.bests[-1] if self.bests else NAN
        if math.isfinite(value):
            self._total += value
            self._finite += 1
            if math.isnan(best) or (value < best if self._minimize else value > best):
                best = value
        self.means.append(self._total / self._finite if self._finite else NAN)
        self.bests.append(best)

    def _rebuild(self) -> None:
        self.means, self.bests = array("d"), array("d")
        self._total, self._finite = 0.0, 0
        for value in self.values:
            self._extend(value)


@dataclass(kw_only=True)
class Curve:
    """What one attempt of a trial reported of the metrics that matter.

    Attributes:
        objective: the objective, or the first of several.
        state: what became of the trial; RUNNING until it is finished.
        rules: those that were attached to it.
        further: the objectives after the first.
    """

    ordinal: int
    attempt: int
    objective: Objective
    state: TrialState = TrialState.RUNNING
    rules: tuple[StopRule, ...] = ()
    further: tuple[Objective, ...] = ()
    series: dict[str, Series] = field(default_factory=dict)
    _numbered: dict[str, set[int]] = field(default_factory=dict)

    def of(self, metric: str) -> Series:
        """The metric's series; an empty one when it was never reported."""
        known = self.series.get(metric)
        if known is None:
            its = next((each for each in self.further if each.metric == metric), self.objective)
            known = self.series[metric] = Series(its.direction)
        return known

    def value_at(self, objective: Objective, step: int) -> float | None:
        """What the attempt would have as an objective's value had it ended at `step`: nan when its latest value by then
        is not finite; None when it did not come to the step.
        """
        series = self.series.get(objective.metric)
        index = -1 if series is None or not series.reached(step) else series.last_upto(step)
        if series is None or index < 0:
            return None
        latest, strategy = series.values[index], objective.strategy(objective.metric)
        if not math.isfinite(latest):
            return NAN
        if strategy is Strategy.LATEST:
            return latest
        if (strategy is Strategy.MIN) == (objective.direction is Direction.MINIMIZE):
            return series.bests[index]
        finite = [value for value in series.values[: index + 1] if math.isfinite(value)]
        return min(finite) if strategy is Strategy.MIN else max(finite)

    def add(self, point: MetricPoint) -> Report | None:
        """Put in a point: where it stands, or None when it is no number or was there already."""
        if point.value is None:
            return None
        series = self.of(point.metric)
        step = point.step
        if step is None:
            seen = self._numbered.setdefault(point.metric, set())
            if point.seq in seen:
                return None
            seen.add(point.seq)
            # Without steps this is the number of the report; among others it comes after them.
            step = max(len(series) + 1, series.steps[-1] + 1 if len(series) else 1)
        if not series.add(step, point.value):
            return None
        return Report(metric=point.metric, value=point.value, step=step, number=len(series))

    def latest(self) -> list[Report]:
        """The last report of each metric."""
        return [
            Report(metric=metric, value=series.values[-1], step=series.steps[-1], number=len(series))
            for metric, series in self.series.items()
            if len(series)
        ]


@dataclass(kw_only=True)
class Record:
    """The curves of a study: those of running attempts, and of finished trials in the order of their ends.

    Attributes:
        objective, further: the study's objectives: the first, and those after it.
        metrics: what is kept; other metrics are left out.
        finished: only ever appended to, so that whoever reads it can go on where he was.
    """

    objective: Objective
    metrics: frozenset[str]
    running: dict[int, Curve] = field(default_factory=dict)
    finished: list[Curve] = field(default_factory=list)
    further: tuple[Objective, ...] = ()
    _over: set[int] = field(default_factory=set)

    def curve(self, ordinal: int, attempt: int, rules: tuple[StopRule, ...] = ()) -> Curve | None:
        """The curve of a running attempt, begun when it is new; None when the trial is finished or further on."""
        known = self.running.get(ordinal)
        if ordinal in self._over or (known is not None and known.attempt > attempt):
            return None
        if known is None or known.attempt < attempt:
            known = Curve(ordinal=ordinal, attempt=attempt, objective=self.objective, rules=rules, further=self.further)
            self.running[ordinal] = known
        return known

    def add(self, curve: Curve, points: Iterable[MetricPoint]) -> Iterable[Report]:
        """Put points in, one at a time: a report is yielded when the curve ends with it."""
        for point in points:
            if point.metric in self.metrics:
                report = curve.add(point)
                if report is not None:
                    yield report

    def copied(self) -> "Record":
        """The record as it is now, for another thread: finished curves do not change, running ones do."""
        return replace(self, running=deepcopy(self.running), finished=list(self.finished), _over=set(self._over))

    def finish(self, ordinal: int, state: TrialState) -> Curve | None:
        """The trial is finished: its last attempt's curve stays; None when that was known, or it reported nothing."""
        if ordinal in self._over:
            return None
        self._over.add(ordinal)
        curve = self.running.pop(ordinal, None)
        if curve is None or not any(len(series) for series in curve.series.values()):
            return None
        curve.state = state
        self.finished.append(curve)
        return curve
