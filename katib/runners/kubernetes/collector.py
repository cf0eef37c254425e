"""Puts the metrics collector into a trial's pod: beside the primary container, whose command is not touched but led.

An init container copies a small static program, the launcher, to a volume. The primary container's command becomes that
program and, behind it, the words as they were written. So it runs in images without a shell, too.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes.foreign import put_foreign
from katib.spec.katib_config import CollectorEntry
from katib.spec.kubelet import escape
from metrics_collector.task import Task

SIDECAR = "metrics-logger-and-collector"
"""Katib's name: its clients read a trial's output there."""
INSTALLER, VOLUME, FOLDER = "katib-launcher", "metrics-volume", "/katib-collector"
LAUNCHER = f"{FOLDER}/launcher"
IN_IMAGE = "/usr/local/bin/launcher"

COLLECTED = frozenset({"StdOut", "File", "TensorFlowEvent", "PrometheusMetric"})
"""Kinds that the sidecar reads."""
ONLY_BESIDE = COLLECTED - {"StdOut"}
"""Kinds that can be read nowhere else."""

CUSTOM = "Custom"
"""The kind that is a container of the user's own."""

NATIVE_SINCE = (1, 29)
"""From this version of Kubernetes on an init container may run beside the others."""

RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESOURCES = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}


@dataclass(frozen=True, kw_only=True)
class Collector:
    """How metrics are collected in pods.

    Attributes:
        image: with the launcher and the collector; empty where only foreign ones collect.
        address: where the DB manager is, as pods reach it: HOST:PORT.
        native: whether the cluster has sidecars of its own; else it is an ordinary container, and ends by itself.
        foreign: kind -> what collects its metrics instead.
    """

    image: str
    address: str
    native: bool = True
    foreign: Mapping[str, CollectorEntry] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[str]:
        """Those that are read in pods."""
        return COLLECTED if self.image else COLLECTED & frozenset(self.foreign)

    def collects(self, order: LaunchOrder, container: Mapping[str, Any]) -> bool:
        """Whether it goes beside a run: where its command is known, and its metrics are to be read in its pod."""
        kind = order.collector["collector"]["kind"]
        return kind in self.kinds and bool(container.get("command"))

    def put_into(self, pod: dict[str, Any], container: dict[str, Any], order: LaunchOrder, *, direction: str) -> None:
        """Change the pod, and its primary container. `direction`: minimize or maximize."""
        entry = self.foreign.get(order.collector["collector"]["kind"])
        if entry is not None:
            put_foreign(pod, container, order, name=SIDECAR, entry=entry, address=self.address, direction=direction)
            return
        shared = [{"name": VOLUME, "mountPath": FOLDER}]
        seen = [{"name": f"{VOLUME}-data", "mountPath": place}] if (place := _place(order.collector)) else []
        volumes = [*shared, *seen]
        pod["volumes"] = [*(pod.get("volumes") or ()), *({"name": each["name"], "emptyDir": {}} for each in volumes)]
        container["command"] = [LAUNCHER, FOLDER, *container["command"]]
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), *volumes]
        installer = self._container(INSTALLER, [IN_IMAGE, "--install", LAUNCHER], shared)
        task = Task(
            trial=order.trial,
            attempt=order.attempt,
            metrics=order.metrics,
            collector=dict(order.collector),
            address=self.address,
            folder=FOLDER,
            stays=self.native,
        )
        sidecar = self._container(SIDECAR, [], volumes) | {"args": [escape(task.write())]}
        before = [*(pod.get("initContainers") or ()), installer]
        if self.native:
            pod["initContainers"] = [*before, sidecar | {"restartPolicy": "Always"}]
        else:
            pod["initContainers"] = before
            pod["containers"] = [*pod["containers"], sidecar]

    def _container(self, name: str, command: list[str], mounts: list[dict[str, str]]) -> dict[str, Any]:
        return {
            "name": name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            **({"command": command} if command else {}),
            "volumeMounts": mounts,
            "securityContext": RESTRICTED,
            "resources": RESOURCES,
        }


def sidecar_name(collector: Mapping[str, Any]) -> str:
    """What the container is called that collects a trial's metrics."""
    own = collector["collector"].get("customCollector") or {}
    return str(own.get("name")) if collector["collector"]["kind"] == CUSTOM else SIDECAR


def put_own(pod: dict[str, Any], container: dict[str, Any], collector: Mapping[str, Any]) -> None:
    """Put the user's own collector into the pod, as Katib does: as it is written, with the place that it is to read; it
    sees the processes of the trial. It reports to the DB manager by itself.
    """
    own = deepcopy(dict(collector["collector"]["customCollector"]))
    if place := _place(collector):
        volume = f"{VOLUME}-data"
        pod["volumes"] = [*(pod.get("volumes") or ()), {"name": volume, "emptyDir": {}}]
        for each in (container, own):
            each["volumeMounts"] = [*(each.get("volumeMounts") or ()), {"name": volume, "mountPath": place}]
    pod["shareProcessNamespace"] = True
    pod["containers"] = [*pod["containers"], own]


def _place(collector: Mapping[str, Any]) -> str:
    """The folder that both containers see, beside the launcher's; empty for none."""
    kind = collector["collector"]["kind"]
    where = (collector.get("source") or {}).get("fileSystemPath") or {}
    if kind == "File" or (kind == CUSTOM and where.get("kind") == "File"):
        return str(PurePosixPath(where["path"]).parent)
    return str(where["path"]).rstrip("/") if kind == "TensorFlowEvent" or (kind == CUSTOM and where) else ""
