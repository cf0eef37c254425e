"""A file of lines as a source: output, log files, push reports."""

from pathlib import Path

from katib.core.observation import MetricPoint
from metrics_collector.lines import LineSplitter
from metrics_collector.parse import LineParser
from metrics_collector.reading import Reading
from metrics_collector.tail import FileTail

CHUNK = 1 << 18
"""Bytes read at a time."""

POLL_LIMIT = 4 << 20
"""Bytes read in one poll at most: a fraction of a second's parsing."""


class LogSource:
    """Follows one file. A point's sequence number says that it is the n-th of this file, from 0.

    After a truncation the numbers go on, while a reader that starts then would begin with 0: points of a file that is
    truncated may be taken for others that were stored before a restart.

    Args:
        path: the file; it need not be there yet.
        parser: what its lines mean.
        name: what to call it in `describe`.
        expected: whether it is worth telling that the file is not there.
    """

    def __init__(self, path: Path, parser: LineParser, *, name: str, expected: bool = True) -> None:
        self._tail = FileTail(path)
        self._parser = parser
        self._name = name
        self._expected = expected
        self._lines = LineSplitter()
        self._count = 0
        self._restarts = 0

    def poll(self) -> list[MetricPoint]:
        return self._read(POLL_LIMIT)

    def drain(self) -> list[MetricPoint]:
        points = self._read(CHUNK)
        # What is there now and no more: a process that got away may be writing still.
        points += self._read(self._tail.size())
        return points + self._points(self._lines.flush())

    def close(self) -> None:
        self._tail.close()

    @property
    def seen(self) -> tuple[str, ...]:
        return self._parser.seen

    def describe(self) -> str:
        problem = f" ({self._tail.problem})" if self._tail.problem and self._expected else ""
        return f"{self._name}{problem}: {self._parser.describe()}"

    def _read(self, limit: int) -> list[MetricPoint]:
        points: list[MetricPoint] = []
        while limit > 0 and (data := self._tail.read(min(limit, CHUNK))):
            limit -= len(data)
            lines = self._lines.flush() if self._tail.restarts != self._restarts else []
            self._restarts = self._tail.restarts
            points += self._points(lines + self._lines.feed(data))
        return points

    def _points(self, lines: list[str]) -> list[MetricPoint]:
        return [self._point(reading) for line in lines for reading in self._parser.feed(line)]

    def _point(self, reading: Reading) -> MetricPoint:
        seq = self._count
        self._count += 1
        return MetricPoint(
            metric=reading.metric,
            value=reading.value,
            text=reading.text,
            seq=seq,
            step=reading.step,
            time=reading.time,
        )
