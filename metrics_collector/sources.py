"""From an Experiment's metricsCollectorSpec to the source of one run's points."""

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

__all__ = ["Source", "open_sources"]


def open_sources(collector: Mapping[str, Any], *, metrics: tuple[str, ...], log: Path, reports: Path) -> Source:
    """Everything that points of one run come from: what its collector's kind says, and its pushed reports, always.

    Args:
        collector: the Experiment's effective metricsCollectorSpec, as plain data.
        metrics: the metrics to collect.
        log: the run's output, stdout and stderr together.
        reports: the file that `katib.report` writes to.

    Raises:
        InvalidInput: an unknown kind, a filter that cannot be used, or a port that is no number.
    """
    kind = (collector.get("collector") or {}).get("kind") or "StdOut"
    push = LogSource(reports, ReportParser(metrics), name="pushed reports", expected=False)
    if kind in ("Push", "None"):
        return Sources([push], metrics=metrics)
    if kind == "Custom":
        return Sources(
            [push], metrics=metrics, note="a collector of kind Custom does not run here; only reports are read"
        )
    return Sources([_open(kind, collector.get("source") or {}, metrics=metrics, log=log), push], metrics=metrics)


def _open(kind: str, source: Mapping[str, Any], *, metrics: tuple[str, ...], log: Path) -> Source:
    where = source.get("fileSystemPath") or {}
    match kind:
        case "StdOut":
            return LogSource(log, TextParser(metrics, _filters(source)), name="the output")
        case "File":
            path = Path(where.get("path") or "/var/log/katib/metrics.log")
            json = where.get("format") == "JSON"
            parser: LineParser = JsonParser(metrics) if json else TextParser(metrics, _filters(source))
            return LogSource(path, parser, name=f"the file {path}")
        case "TensorFlowEvent":
            return EventFiles(Path(where.get("path") or "/var/log/katib/tfevent"), metrics)
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
