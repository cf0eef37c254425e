"""From an Experiment's metricsCollectorSpec to the source of one run's points."""

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from katib.errors import Fault, InvalidInput
from metrics_collector.log import LogSource
from metrics_collector.parse import JsonParser, LineParser, TextParser
from metrics_collector.prometheus import PrometheusSource
from metrics_collector.push import ReportParser
from metrics_collector.source import Source, Sources
from metrics_collector.tfevents import EventFiles

__all__ = ["Source", "local_path", "open_sources"]

CONTAINER_FOLDER = "/var/log/katib"
"""Katib's folder for metrics in a container. On this machine the trial's own folder stands for it."""


def local_path(path: str, root: Path) -> Path:
    """Where a path of the collector's specification is on this machine.

    `/var/log/katib` and what is below it is in `root`, the trial's own folder: most users may not write there, and
    trials that run at the same time would write into the same files. Other absolute paths are used as they are;
    relative ones are in `root`, too.
    """
    clean = os.path.normpath(path)
    if clean == CONTAINER_FOLDER or clean.startswith(f"{CONTAINER_FOLDER}/"):
        return root / clean[len(CONTAINER_FOLDER) :].lstrip("/")
    return root / clean


def open_sources(
    collector: Mapping[str, Any], *, metrics: tuple[str, ...], log: Path, reports: Path, root: Path
) -> Source:
    """Everything that points of one run come from: what its collector's kind says, and its pushed reports, always.

    Args:
        collector: the Experiment's effective metricsCollectorSpec, as plain data.
        metrics: the metrics to collect.
        log: the run's output, stdout and stderr together.
        reports: the file that `katib.report` writes to.
        root: the trial's own folder, see `local_path`.

    Raises:
        InvalidInput: an unknown kind, a filter that cannot be used, or a port that is no number.
    """
    kind = (collector.get("collector") or {}).get("kind") or "StdOut"
    push = LogSource(reports, ReportParser(metrics), name="pushed reports", expected=False)
    if kind in ("Push", "None"):
        return Sources([push])
    if kind == "Custom":
        return Sources([push], note="a collector of kind Custom does not run here; only reports are read")
    return Sources([_open(kind, collector.get("source") or {}, metrics=metrics, log=log, root=root), push])


def _open(kind: str, source: Mapping[str, Any], *, metrics: tuple[str, ...], log: Path, root: Path) -> Source:
    where = source.get("fileSystemPath") or {}
    match kind:
        case "StdOut":
            return LogSource(log, TextParser(metrics, _filters(source)), name="the output")
        case "File":
            path = local_path(where.get("path") or f"{CONTAINER_FOLDER}/metrics.log", root)
            json = where.get("format") == "JSON"
            parser: LineParser = JsonParser(metrics) if json else TextParser(metrics, _filters(source))
            return LogSource(path, parser, name=f"the file {path}")
        case "TensorFlowEvent":
            return EventFiles(local_path(where.get("path") or f"{CONTAINER_FOLDER}/tfevent", root), metrics)
        case "PrometheusMetric":
            return _prometheus(source.get("httpGet") or {}, metrics)
        case _:
            wanted = "StdOut, File, TensorFlowEvent, PrometheusMetric, Push, Custom or None"
            fault = Fault(path="spec.metricsCollectorSpec.collector.kind", wanted=wanted, given=str(kind))
            raise InvalidInput([fault], what="the metrics collector")


def _prometheus(get: Mapping[str, Any], metrics: tuple[str, ...]) -> Source:
    path = str(get.get("path") or "/metrics")
    return PrometheusSource(
        host=str(get.get("host") or "localhost"),
        port=_port(get.get("port") or 8080),
        path=path if path.startswith("/") else f"/{path}",
        metrics=metrics,
    )


def _filters(source: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple((source.get("filter") or {}).get("metricsFormat") or ())


def _port(given: object) -> int:
    text = str(given)
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    path = "spec.metricsCollectorSpec.source.httpGet.port"
    wanted = "a port number from 1 to 65535 (names of ports mean nothing on this machine)"
    raise InvalidInput([Fault(path=path, wanted=wanted, given=text)], what="the metrics collector")
