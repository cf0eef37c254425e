"""What the runner keeps of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from katib.core.observation import MetricPoint
from katib.core.run import Phase, RunReport
from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes import states
from katib.runners.kubernetes.objects import job_name
from katib.runners.kubernetes.podlog import PodLog
from katib.runners.kubernetes.running import RunsAs
from katib.runners.kubernetes.templates import has_pods
from katib.runners.local.supervisor import layout
from metrics_collector.sources import Source, open_sources

SENT_BY_ITSELF = {"collector": {"kind": "Push"}}
"""What is read here of a run with a collector beside it: nothing."""

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

    def __init__(self, order: LaunchOrder, runs_as: RunsAs) -> None:
        self.order = order
        self.key = order.key
        self.report = RunReport(phase=Phase.STARTING)
        self.seen = states.Seen(
            container=order.container,
            kind=runs_as.kind[1],
            success=runs_as.success,
            failure=runs_as.failure,
            has_pod=has_pods(dict(order.manifest), order.container),
        )
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

    def opened_source(self, run_dir: Path) -> Source:
        """Where its points are read, in the study's folder."""
        if self.source is None:
            self.source = open_sources(
                SENT_BY_ITSELF if self.collected else self.order.collector,
                metrics=self.order.metrics,
                log=layout.log(run_dir, *self.key),
                reports=layout.reports(run_dir, *self.key),
            )
        return self.source

    def see_pod(self, pod: dict[str, Any], gone: bool, pod_labels: Mapping[str, str]) -> None:
        """Take in how a pod of it is now."""
        if not states.is_primary(self.seen, pod, pod_labels):
            return
        if states.takes_its_place(self.seen, pod):
            self.seen = replace(self.seen, pod=None, pod_gone=False, deleted_at=None)
            if self.log is not None:
                self.log.close()
                self.log = None
        known = self.seen.pod
        # A Job's run has one pod. Another one would be a replacement that it made for what the cluster took.
        if known is None or known["metadata"]["uid"] == pod["metadata"]["uid"]:
            wished = self.seen.deleted_at or states.deleted_at(pod)
            self.seen = replace(self.seen, pod=pod, pod_gone=gone, deleted_at=wished)

    def see_event(self, about: str, reason: str, message: str) -> bool:
        """Take in an event about the object of that name; whether it is one of its own."""
        pod = (self.seen.pod or {}).get("metadata", {}).get("name")
        mine = about in (pod, job_name(self.key))
        if mine:
            self.seen = replace(self.seen, events=(*self.seen.events[-9:], (reason, message)))
        return mine

    def close(self) -> None:
        """Let go of files and connections."""
        if self.source is not None:
            self.source.close()
            self.source = None
        if self.log is not None:
            self.log.close()
