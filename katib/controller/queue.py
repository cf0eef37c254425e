"""A queue of names to look at: each name at most once, now or after a delay, with back-off for those that fail."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class WorkQueue:
    """Names that want a look. Safe to use from any thread.

    Adding a name that is queued already only makes it due earlier: a look is level-triggered, one covers all news.

    Attributes:
        first_delay, longest_delay: seconds a failed name waits, doubled at each failure in a row.
        clock: monotonic seconds.
    """

    first_delay: float = 0.1
    longest_delay: float = 10.0
    clock: Callable[[], float] = time.monotonic
    _due: dict[str, float] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def add(self, name: str, *, after: float = 0.0) -> None:
        """Look at `name` in `after` seconds, or earlier if that was asked for already."""
        due = self.clock() + after
        with self._news:
            if due < self._due.get(name, float("inf")):
                self._due[name] = due
                self._news.notify()

    def failed(self, name: str) -> float:
        """Look at `name` again after its back-off, and return the seconds until then."""
        failures = self._failures.get(name, 0)
        self._failures[name] = failures + 1
        delay = float(min(self.first_delay * 2.0 ** min(failures, 60), self.longest_delay))
        self.add(name, after=delay)
        return delay

    def succeeded(self, name: str) -> None:
        """A look went well: the next failure starts with the shortest delay again."""
        self._failures.pop(name, None)

    def get(self, timeout: float) -> str | None:
        """The next name that is due, waiting up to `timeout` seconds; None when none came due."""
        end = self.clock() + timeout
        with self._news:
            while True:
                now = self.clock()
                name = min(self._due, key=self._due.__getitem__, default=None)
                due = self._due[name] if name is not None else float("inf")
                if name is not None and due <= now:
                    del self._due[name]
                    return name
                if now >= end:
                    return None
                self._news.wait(min(due, end) - now)
