"""Keeps a copy of a container's log in the study's folder, as if the trial had run here.

The copy is what metrics are read from and what `katib logs` prints, also when the pod is long gone. Beside it stands
how far it goes: after a restart it goes on from there, and what was written beyond that is cut off first.
"""

import json
import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from katib.errors import RunnerUnavailable
from katib.runners.kubernetes.cluster import Cluster
from katib.runners.kubernetes.faults import NoLog

PAUSE = 0.5
"""Seconds before a log that broke off is read again."""
OVERLAP = 2
"""Seconds that are read twice after a break: the API server counts in whole ones, by its own clock. Lines that were
read before are left out by their own times."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a copy goes.

    Attributes:
        pod: whose log it is.
        last: the time before its last line, as the API server wrote it; empty at the start.
        size: bytes of the copy.
    """

    pod: str = ""
    last: str = ""
    size: int = 0

    @classmethod
    def read(cls, path: Path) -> "Place":
        """What was saved; the start when nothing was."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        """Save it, whole or not at all."""
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(json.dumps({"pod": self.pod, "last": self.last, "size": self.size}))
        fresh.replace(path)


class PodLog:
    """Follows one container's log in a thread of its own.

    Attributes:
        done: set when the copy is complete, or nothing more can be had.
        problem: what stands in the way at the moment; empty when nothing does.
    """

    def __init__(self, cluster: Cluster, pod: str, container: str, path: Path) -> None:
        self._cluster, self._pod, self._container, self._path = cluster, pod, container, path
        self._beside = path.with_name(f"{path.name}.place")
        self._over = threading.Event()
        self._closing = threading.Event()
        self.done = threading.Event()
        self.problem = ""
        self._thread = threading.Thread(target=self._work, daemon=True, name=f"katib-log-{pod}")
        self._thread.start()

    def over(self) -> None:
        """The container has ended: one more look, and the copy is complete."""
        self._over.set()

    def close(self) -> None:
        """Follow no more."""
        self._closing.set()

    def _work(self) -> None:
        try:
            self._copy()
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
        finally:
            self.done.set()

    def _copy(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        place = Place.read(self._beside)
        if place.pod != self._pod:
            # What another pod of the run has printed before stays.
            place = Place(pod=self._pod, size=place.size)
        with self._path.open("ab") as copy:
            copy.truncate(place.size)
            while not self._closing.is_set():
                last_look = self._over.is_set()
                try:
                    place = self._look(copy.fileno(), place, follow=not last_look)
                    self.problem = ""
                    if last_look:
                        return
                except NoLog as error:
                    self.problem = str(error)
                    return
                except RunnerUnavailable as error:
                    # Read again, as long as the run's owner has the patience.
                    self.problem = str(error)
                # What ended by itself is looked at once more as soon as the container is known to be over.
                (self._closing if last_look else self._over).wait(PAUSE)

    def _look(self, copy: int, place: Place, *, follow: bool) -> Place:
        """Read what there is beyond `place`, and how far that is."""
        since = None
        if place.last:
            since = int(time.time() - _instant(place.last)[0]) + OVERLAP
        lines = _Lines(place.last)
        with self._cluster.log(self._pod, self._container, follow=follow, since=since) as pieces:
            for piece in pieces:
                place = self._append(copy, place, lines, lines.feed(piece))
                if self._closing.is_set():
                    return place
        return self._append(copy, place, lines, lines.rest() if not follow else b"")

    def _append(self, copy: int, place: Place, lines: "_Lines", text: bytes) -> Place:
        if not text:
            return place
        os.write(copy, text)
        place = Place(pod=self._pod, last=lines.last, size=place.size + len(text))
        place.write(self._beside)
        return place


class _Lines:
    """Takes the times off whole lines, and leaves out those that are known."""

    def __init__(self, last: str) -> None:
        self.last = last
        self._known = _instant(last) if last else None
        self._left = b""

    def feed(self, data: bytes) -> bytes:
        """The new lines that `data` completes."""
        *whole, self._left = (self._left + data).split(b"\n")
        return b"".join(self._line(line) + b"\n" for line in whole if self._is_new(line))

    def rest(self) -> bytes:
        """The last line, which has no end."""
        line, self._left = self._left, b""
        return self._line(line) if line and self._is_new(line) else b""

    def _is_new(self, line: bytes) -> bool:
        return self._known is None or _instant(_time(line)) > self._known

    def _line(self, line: bytes) -> bytes:
        self.last = _time(line)
        return line.partition(b" ")[2]


def _time(line: bytes) -> str:
    return line.partition(b" ")[0].decode(errors="replace")


def _instant(text: str) -> tuple[float, str]:
    """A time in nanoseconds: whole seconds since the epoch, and nine digits. Python's own times have six."""
    whole, _, fraction = text.partition(".")
    digits = "".join(takewhile(str.isdigit, fraction))
    zone = fraction[len(digits) :] if fraction else ""
    return datetime.fromisoformat(whole + zone).timestamp(), digits.ljust(9, "0")
