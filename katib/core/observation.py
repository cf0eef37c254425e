"""What trials report, and the summary of it that decisions are made from.

An observation's identity is (trial, attempt, metric, step) or, where the reporter gives no step, (trial, attempt,
metric, the reporter's sequence number): reporting twice is reporting once, and equal values stay two rows.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricPoint:
    """One reported value.

    Attributes:
        metric: its name.
        value: the number, which may be nan or infinite; None when the text is not a number.
        text: the value as reported, kept because a malformed one must be shown and min/max keep their original text.
        seq: the reporter's sequence number, growing within (trial, attempt); its position in the log or report file.
        step: the training step, when the reporter gave one.
        time: when it was reported, seconds since the epoch; 0.0 when the reporter gave no time (Katib's zero time).
    """

    metric: str
    value: float | None
    text: str
    seq: int
    step: int | None = None
    time: float = 0.0

    @property
    def identity(self) -> tuple[str, int, int]:
        """(metric, 0, step) with a step, (metric, 1, seq) without."""
        return (self.metric, 0, self.step) if self.step is not None else (self.metric, 1, self.seq)


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricSummary:
    """One metric of one attempt, folded. Folding the same points again, in any order, changes nothing but `malformed`.

    Attributes:
        min, max: over the finite values; None when there are none.
        latest: the value with the greatest (time, seq), which may be nan or infinite; None when no text was a number.
        latest_at: that (time, seq).
        step: the step of the latest value, when it had one.
        malformed: the text folded last that was not a number, if any.
    """

    min: float | None = None
    max: float | None = None
    latest: float | None = None
    latest_at: tuple[float, int] = (-1.0, -1)
    step: int | None = None
    malformed: str | None = None

    def with_point(self, point: MetricPoint) -> "MetricSummary":
        """This summary with one more point folded in."""
        return self.with_points((point,))

    def with_points(self, points: Iterable[MetricPoint]) -> "MetricSummary":
        """This summary with more points of its metric folded in."""
        least, greatest, latest, latest_at = self.min, self.max, self.latest, self.latest_at
        step, malformed = self.step, self.malformed
        for point in points:
            value, at = point.value, (point.time, point.seq)
            if value is None:
                malformed = point.text
                continue
            if math.isfinite(value):
                least = value if least is None or value < least else least
                greatest = value if greatest is None or value > greatest else greatest
            if at >= latest_at:
                latest, latest_at, step = value, at, point.step
        return MetricSummary(
            min=least, max=greatest, latest=latest, latest_at=latest_at, step=step, malformed=malformed
        )


Metrics = Mapping[str, MetricSummary]
"""Metric name -> its summary."""


def fold(metrics: Metrics, points: Iterable[MetricPoint]) -> dict[str, MetricSummary]:
    """`metrics` with `points` folded in."""
    given: dict[str, list[MetricPoint]] = {}
    for point in points:
        given.setdefault(point.metric, []).append(point)
    return {**metrics, **{name: metrics.get(name, MetricSummary()).with_points(new) for name, new in given.items()}}
