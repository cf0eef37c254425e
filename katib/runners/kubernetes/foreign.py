"""Collectors of others, started as Katib starts its own: its flags, its wrapping of the command, one process namespace.

The command is wrapped in a shell; what the shell is told are the words as they were written, quoted.
"""

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from katib.runners.contract import LaunchOrder
from katib.spec.katib_config import CollectorEntry
from katib.spec.kubelet import escape

METRICS_FILE = "/var/log/katib/metrics.log"
"""Where a foreign collector reads what a trial prints."""
VOLUME = "metrics-volume"
WRAPPED = ("StdOut", "File", "TensorFlowEvent")


def put_foreign(
    pod: dict[str, Any],
    container: dict[str, Any],
    order: LaunchOrder,
    *,
    name: str,
    entry: CollectorEntry,
    address: str,
    direction: str,
) -> None:
    """Change the pod, and its primary container.

    Args:
        name: the collector's container.
        address: the DB manager's, HOST:PORT.
        direction: minimize or maximize.
    """
    kind, path = order.collector["collector"]["kind"], _path(order.collector)
    mounts = []
    if path:
        folder = path.rstrip("/") if kind == "TensorFlowEvent" else str(PurePosixPath(path).parent)
        mounts = [{"name": VOLUME, "mountPath": folder}]
        pod["volumes"] = [*(pod.get("volumes") or ()), {"name": VOLUME, "emptyDir": {}}]
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), *mounts]
        _wrap(container, folder, redirected=kind == "StdOut")
    sidecar: dict[str, Any] = {
        "name": name,
        "image": entry.image,
        "imagePullPolicy": entry.pull_policy,
        "args": [escape(word) for word in _flags(order, path, entry, address, direction)],
        "resources": dict(entry.resources),
        **({"volumeMounts": mounts} if mounts else {}),
    }
    if entry.copies_security_context and container.get("securityContext"):
        sidecar["securityContext"] = container["securityContext"]
    pod["shareProcessNamespace"] = True
    pod["containers"] = [*pod["containers"], sidecar]


def _path(collector: Mapping[str, Any]) -> str:
    kind = collector["collector"]["kind"]
    if kind == "StdOut":
        return METRICS_FILE
    where = (collector.get("source") or {}).get("fileSystemPath") or {}
    return str(where.get("path", "")) if kind in WRAPPED else ""


def _flags(order: LaunchOrder, path: str, entry: CollectorEntry, address: str, direction: str) -> list[str]:
    """Katib's, in its order."""
    source = order.collector.get("source") or {}
    words = ["-t", order.trial, "-m", ";".join(order.metrics), "-o-type", direction, "-s-db", address]
    words += ["-path", path] if path else []
    patterns = (source.get("filter") or {}).get("metricsFormat") or ()
    words += ["-f", ";".join(patterns)] if patterns else []
    kind = order.collector["collector"]["kind"]
    form = {"StdOut": "TEXT", "File": (source.get("fileSystemPath") or {}).get("format") or "TEXT"}.get(kind)
    words += ["-format", form] if form else []
    if entry.wait_all is not None:
        words += ["-w", "true" if entry.wait_all else "false"]
    return words


def _wrap(container: dict[str, Any], folder: str, *, redirected: bool) -> None:
    """Let a shell run the words, and leave word that they have ended well: the collector knows the shell by that."""
    words = shlex.join([*container["command"], *(container.get("args") or ())])
    output = f" 1>{METRICS_FILE} 2>&1" if redirected else ""
    # The kubelet makes `$$` of it, and the shell its own process id of that.
    container["command"] = ["sh", "-c"]
    container["args"] = [f"{words}{output} && echo completed > {folder}/$$$$.pid"]
