"""What the engine's side knows of runs: what the supervisor said, and what their metrics were."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from katib.core.observation import MetricPoint
from katib.core.run import NOT_LAUNCHED, Cause, Phase, RunKey, RunReport
from katib.runners.contract import LaunchOrder
from katib.runners.local.supervisor.lines import key_of

OVER = frozenset({Phase.ENDED, Phase.REFUSED, Phase.LOST})
GONE = "the runner's journal does not know it any more; somebody removed the journal while it ran"


@dataclass
class LocalRun:
    """A run that was asked for.

    Attributes:
        report: what `observe` says.
        final: when it is over and its metrics are not read yet, the report to come.
        points: not observed yet.
        news: whether something became of it that `wake` was not called for yet.
        queued: whether it waits for a place, so that nobody has begun it.
    """

    order: LaunchOrder
    report: RunReport = NOT_LAUNCHED
    news: bool = False
    queued: bool = False
    final: RunReport | None = None
    points: list[MetricPoint] = field(default_factory=list)

    @property
    def key(self) -> RunKey:
        return self.order.key

    @property
    def over(self) -> bool:
        """Whether it will not go on; its metrics may still be on their way."""
        return self.final is not None or self.report.phase in OVER

    @property
    def active(self) -> bool:
        """Whether it was accepted and goes on."""
        return self.report.phase is not Phase.UNKNOWN and not self.over

    def take(self, line: Mapping[str, Any]) -> None:
        """Learn what became of it. Old news after newer changes nothing."""
        if self.over:
            return
        self.news = True
        self.queued = line["is"] == "queued"
        self.final = _final(line, self.report)
        running = self.report.phase is Phase.RUNNING
        # An end is told together with the last points: how long ago it was must not make them late. A run that ended
        # while no engine looked would else be judged before its log has been read.
        if self.final is None and line["is"] == "started":
            self.report = RunReport(phase=Phase.RUNNING, started_at=line["at"])
        elif self.final is None and line["is"] == "stopping" and not running:
            self.report = RunReport(phase=Phase.RUNNING, started_at=line["started"])
        elif line["is"] in ("intended", "waiting", "queued") and not running:
            self.report = RunReport(phase=Phase.STARTING, message=line.get("message", ""))
        elif self.final is not None and self.report is NOT_LAUNCHED:
            self.report = RunReport(phase=Phase.STARTING)

    def drained(self, points: list[MetricPoint], *, message: str, tail: str, trouble: str) -> None:
        """It is over, and everything that it reported has been read."""
        final = self.final or self.report
        self.points += points
        self.report = replace(final, message=final.message or message, tail=tail, trouble=trouble, drained=True)
        self.final = None


def _final(line: Mapping[str, Any], before: RunReport) -> RunReport | None:
    """The report of a run that is over by this line; None when it goes on."""
    match line["is"]:
        case "ended":
            return RunReport(
                phase=Phase.ENDED,
                code=line["code"],
                signal=line["signal"],
                cause=Cause(line["cause"]) if line["cause"] else None,
                started_at=line["started"],
                ended_at=line["at"],
            )
        case "refused":
            return RunReport(phase=Phase.REFUSED, message=line["message"], ended_at=line["at"])
        case "lost":
            return RunReport(phase=Phase.LOST, message=line["message"], started_at=line["started"], ended_at=line["at"])
        case "unknown" if before.phase is not Phase.UNKNOWN:
            return RunReport(phase=Phase.LOST, message=GONE, started_at=before.started_at)
    return None


class Board:
    """The runs of one runner, safe to use from several threads. Its lock is held for moments only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[RunKey, LocalRun] = {}
        self.withdrew = False
        """Whether runs were withdrawn that `wake` was not called for yet."""

    def admit(self, orders: Sequence[LaunchOrder]) -> list[LocalRun]:
        """Add the runs that are not there, and return them."""
        with self._lock:
            fresh = {order.key: LocalRun(order) for order in orders if order.key not in self._runs}
            self._runs.update(fresh)
        return list(fresh.values())

    def accept(self, runs: Iterable[LocalRun]) -> None:
        """They are on their way to the supervisor."""
        with self._lock:
            for run in runs:
                if run.report is NOT_LAUNCHED and not run.over:
                    run.report = RunReport(phase=Phase.STARTING)

    def forget(self, keys: Iterable[RunKey]) -> None:
        """Drop runs; those that are not there are no matter."""
        with self._lock:
            for key in keys:
                self._runs.pop(key, None)

    def take(self, line: Mapping[str, Any]) -> None:
        """Learn what became of a run; one that was not asked for is no matter."""
        with self._lock:
            run = self._runs.get(key_of(line))
            if run is None:
                return
            # A queue is in its supervisor's memory only, and ends with it.
            if line["is"] == "withdrawn" or (line["is"] == "unknown" and run.queued):
                del self._runs[run.key]
                self.withdrew = True
            else:
                run.take(line)

    def observe(self) -> tuple[dict[RunKey, RunReport], dict[RunKey, tuple[MetricPoint, ...]]]:
        """Every accepted run's report, and the points since the last call."""
        points = {}
        with self._lock:
            reports = {key: run.report for key, run in self._runs.items() if run.report.phase is not Phase.UNKNOWN}
            for key, run in self._runs.items():
                if run.points:
                    points[key] = tuple(run.points)
                    run.points = []
        return reports, points

    def select(self, test: Callable[[LocalRun], bool]) -> list[LocalRun]:
        """The runs that pass a test."""
        with self._lock:
            return [run for run in self._runs.values() if test(run)]

    def active(self, key: RunKey | None = None) -> list[RunKey]:
        """Accepted runs that go on: all, or the one asked for if it is such."""
        return [run.key for run in self.select(lambda run: run.active and key in (None, run.key))]

    def undrained(self) -> list[LocalRun]:
        """The runs that are over, and whose metrics are not read yet."""
        return self.select(lambda run: run.over and not run.report.drained)

    def looked(self, run: LocalRun, points: list[MetricPoint]) -> bool:
        """Add points of a run that goes on, and return whether there is news of it, once."""
        with self._lock:
            run.points += points
            news, run.news = run.news or bool(points), False
        return news

    def drained(self, run: LocalRun, points: list[MetricPoint], *, message: str, tail: str, trouble: str = "") -> None:
        """The last points of a run that is over."""
        with self._lock:
            run.drained(points, message=message, tail=tail, trouble=trouble)

    def trouble(self, message: str) -> None:
        """Say with each run that goes on why nothing can be learnt of it; empty when it can again."""
        with self._lock:
            for run in self._runs.values():
                if run.active and run.report.phase is Phase.RUNNING:
                    run.report = replace(run.report, message=message)
