"""The port: something that metric points come from."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Protocol

from katib.core.observation import MetricPoint


class Source(Protocol):
    """Where points come from. One thread at a time; no method raises because of what a trial wrote.

    Reading anew from the start gives the same points with the same identities. Sequence numbers grow.
    """

    def poll(self) -> list[MetricPoint]:
        """What came since the last call. Takes bounded time: a long backlog comes in parts."""
        ...

    def drain(self) -> list[MetricPoint]:
        """All that is left; the trial has ended. An unfinished last line counts as a line."""
        ...

    def close(self) -> None:
        """Let go of files and connections. Twice does no harm."""
        ...

    @property
    def seen(self) -> tuple[str, ...]:
        """Names that were reported but not asked for; the first few."""
        ...

    def describe(self) -> str:
        """Where and how metrics were looked for, and what stood in the way: for a person whose metric is missing."""
        ...


class Sources:
    """Several sources as one: the n-th of them gets the sequence numbers that leave remainder n.

    Args:
        metrics: the names that are looked for.
    """

    def __init__(self, sources: Iterable[Source], *, metrics: Sequence[str] = (), note: str = "") -> None:
        self._sources = tuple(sources)
        self._metrics = metrics
        self._note = note

    def poll(self) -> list[MetricPoint]:
        return [self._numbered(point, i) for i, source in enumerate(self._sources) for point in source.poll()]

    def drain(self) -> list[MetricPoint]:
        return [self._numbered(point, i) for i, source in enumerate(self._sources) for point in source.drain()]

    def close(self) -> None:
        for source in self._sources:
            source.close()

    @property
    def seen(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for source in self._sources for name in source.seen))

    def describe(self) -> str:
        names = self.seen
        also = f"other names seen: {', '.join(names)}{self._alike(names)}" if names else ""
        return "; ".join(filter(None, (self._note, also, *(source.describe() for source in self._sources))))

    def _alike(self, names: Sequence[str]) -> str:
        """A name that was reported and looks like one that is looked for."""
        by_lower = {name.lower(): name for name in names}
        for metric in self._metrics:
            for found in difflib.get_close_matches(metric.lower(), by_lower, n=1, cutoff=0.8):
                return f" (is {by_lower[found]} meant by {metric}? Write both alike)"
        return ""

    def _numbered(self, point: MetricPoint, index: int) -> MetricPoint:
        return MetricPoint(
            metric=point.metric,
            value=point.value,
            text=point.text,
            seq=point.seq * len(self._sources) + index,
            step=point.step,
            time=point.time,
        )
