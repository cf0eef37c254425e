"""What the runner keeps of a run."""

from dataclasses import dataclass

from katib.core.observation import MetricPoint
from katib.core.run import Phase, RunReport
from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes import states
from katib.runners.kubernetes.podlog import PodLog
from metrics_collector.sources import Source

OVER = frozenset({Phase.ENDED, Phase.REFUSED, Phase.LOST})


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What a collector said at its end: points that it could not send, and how metrics were looked for."""

    points: tuple[MetricPoint, ...] = ()
    looked: str = ""


class Run:
    """A run that was asked for.

    Attributes:
        wanted: its Job is to be created as long as this is so.
        created: its Job is there, or was.
        collected: whether a collector is beside it, which sends its metrics itself.
        rest: what that could not send, once it has been asked; None before.
        undecided_since: since when its pod is going away without anybody having said why; None when it is not.
    """

    def __init__(self, order: LaunchOrder) -> None:
        self.order = order
        self.key = order.key
        self.report = RunReport(phase=Phase.STARTING)
        self.seen = states.Seen(container=order.container)
        self.points: list[MetricPoint] = []
        self.wanted = False
        self.created = False
        self.log: PodLog | None = None
        self.source: Source | None = None
        self.fault = ""
        self.collected = False
        self.rest: Rest | None = None
        self.asked_for_rest = False
        self.undecided_since: float | None = None
        self.over_since: float | None = None

    @property
    def over(self) -> bool:
        return self.report.phase in OVER

    def close(self) -> None:
        """Let go of files and connections."""
        if self.source is not None:
            self.source.close()
            self.source = None
        if self.log is not None:
            self.log.close()
