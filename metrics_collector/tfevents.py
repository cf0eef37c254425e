"""TensorFlow event files as a source: TF1, TF2, torch and tensorboardX write them."""

import os
import stat
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from katib.core.observation import MetricPoint
from metrics_collector.event_wire import RecordReader, Scalar, scalars
from metrics_collector.reading import Names, seconds

CHUNK = 1 << 20
"""Bytes read at a time."""

POLL_LIMIT = 8 << 20
"""Bytes read in one poll at most."""


@dataclass
class _File:
    """How far one file has been read."""

    folder: str
    number: int
    offset: int = 0
    scalars: int = 0
    damaged_records: int = 0
    records: RecordReader = field(default_factory=RecordReader)


class EventFiles:
    """Every event file in a folder and below it, the ones that appear later too.

    A metric `m` stands for the tag `m`, wherever it is; and, as `folder/tag`, for the tags of files whose folder is, or
    ends with, `folder`. If there is no such tag when the trial has ended, it stands for the tags that begin with its
    last part, as in Katib (`accuracy` finds TF1's `accuracy_1`): not before, since one like `loss_weights` would pass
    for `loss`.

    A point keeps its step when that is beyond all earlier steps of its metric. Otherwise several files or tags feed the
    metric, or the writer gives no steps, and the point stands by its place in its file, so that none replaces another.
    """

    def __init__(self, folder: Path, metrics: tuple[str, ...], *, prefixes: bool = False) -> None:
        self._folder = folder
        self._metrics = metrics
        self._prefixes = prefixes
        self._files: dict[Path, _File] = {}
        self._steps: dict[str, int] = {}
        self._names = Names()
        self._tags: set[str] = set()

    def poll(self) -> list[MetricPoint]:
        return self._read(POLL_LIMIT)

    def drain(self) -> list[MetricPoint]:
        points = self._read(None)
        missing = tuple(metric for metric in self._metrics if metric not in self._steps)
        if missing and not self._prefixes:
            points += EventFiles(self._folder, missing, prefixes=True).drain()
        return points

    def close(self) -> None:
        """Files are open only while they are read."""

    @property
    def seen(self) -> tuple[str, ...]:
        return self._names.all

    def describe(self) -> str:
        read = [file for file in self._files.values() if not file.records.damaged]
        damaged = [str(path) for path, file in self._files.items() if file.records.damaged]
        bad = sum(file.damaged_records for file in read)
        parts = [f"TensorFlow event files in {self._folder}: {len(read)} found"]
        parts += [f"{len(damaged)} damaged or of another kind, such as {damaged[0]}"] if damaged else []
        parts += [f"{bad} records could not be read"] if bad else []
        return ", ".join(parts)

    def _read(self, limit: int | None) -> list[MetricPoint]:
        points: list[MetricPoint] = []
        left = limit
        for path in self._paths():
            file = self._files.get(path) or self._files.setdefault(path, self._new(path))
            while not file.records.damaged and (left is None or left > 0) and (data := _next_bytes(path, file)):
                left = None if left is None else left - len(data)
                points += self._points(file, data)
        return points

    def _paths(self) -> list[Path]:
        found = os.walk(self._folder)
        return sorted(Path(folder, name) for folder, _, names in found for name in names)

    def _new(self, path: Path) -> _File:
        relative = path.relative_to(self._folder).as_posix()
        return _File(folder=path.parent.as_posix(), number=zlib.crc32(relative.encode(errors="replace")) >> 1)

    def _points(self, file: _File, data: bytes) -> list[MetricPoint]:
        points = []
        for record in file.records.feed(data):
            try:
                found = scalars(record)
            except ValueError:
                file.damaged_records += 1
                continue
            for scalar in found:
                points += [self._point(metric, file, scalar) for metric in self._matching(file, scalar.tag)]
                file.scalars += 1
        return points

    def _matching(self, file: _File, tag: str) -> list[str]:
        found = [metric for metric in self._metrics if self._matches(metric, file.folder, tag)]
        if not found and tag not in self._tags and not self._names.full:
            self._tags.add(tag)
            self._names.add(tag)
        return found

    def _matches(self, metric: str, folder: str, tag: str) -> bool:
        below, _, last = metric.rpartition("/")
        here = not below or f"{folder}/".endswith(f"/{below}/")
        return tag == metric or (here and (tag.startswith(last) if self._prefixes else tag == last))

    def _point(self, metric: str, file: _File, scalar: Scalar) -> MetricPoint:
        step = scalar.step or 0
        beyond = step > self._steps.get(metric, -1)
        self._steps[metric] = max(step, self._steps.get(metric, -1))
        return MetricPoint(
            metric=metric,
            value=scalar.value,
            text=repr(scalar.value),
            # 31 bits for the file, 31 for the place in it: the same whenever and in whatever order files are read.
            seq=file.number << 31 | file.scalars,
            step=step if beyond else None,
            time=seconds(scalar.time),
        )


def _next_bytes(path: Path, file: _File) -> bytes:
    """What follows in the file; empty at its end, or when it cannot be read now."""
    try:
        found = path.stat()
        if found.st_size < file.offset:  # written anew
            file.offset, file.records = 0, RecordReader()
        if found.st_size == file.offset or not stat.S_ISREG(found.st_mode):
            return b""
        with path.open("rb") as stream:
            stream.seek(file.offset)
            data = stream.read(CHUNK)
    except OSError:
        return b""
    file.offset += len(data)
    return data
