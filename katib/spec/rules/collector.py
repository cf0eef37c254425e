"""How metrics are collected."""

import re
import warnings
from collections.abc import Iterator

from katib.errors import Fault
from katib.spec.experiment import Experiment, FileSystemPath
from katib.spec.rules.table import Cluster, Rule, by_type

PATH = "spec.metricsCollectorSpec"
FILE = f"{PATH}.source.fileSystemPath"
HTTP = f"{PATH}.source.httpGet"
FORMATS = f"{PATH}.source.filter.metricsFormat"


def _kind(experiment: Experiment) -> str:
    return experiment.spec.metrics_collector_spec.collector.kind


def _path(experiment: Experiment) -> FileSystemPath | None:
    source = experiment.spec.metrics_collector_spec.source
    return source.file_system_path if source is not None else None


def _formats(experiment: Experiment) -> list[str]:
    source = experiment.spec.metrics_collector_spec.source
    return source.filter.metrics_format if source is not None and source.filter is not None else []


def _absolute(at: FileSystemPath) -> Iterator[Fault]:
    if not at.path.startswith("/"):
        yield Fault(path=f"{FILE}.path", given=at.path, wanted="an absolute path")


def _file(experiment: Experiment) -> Iterator[Fault]:
    at = _path(experiment)
    if _kind(experiment) != "File" or at is None:
        return
    yield from _absolute(at)
    if at.kind != "File":
        yield Fault(path=f"{FILE}.kind", given=at.kind, wanted="`File` for the collector kind File")
    if at.format == "JSON" and _formats(experiment):
        yield Fault(path=FORMATS, wanted="no patterns for format JSON, whose keys name the metrics")


def _events(experiment: Experiment) -> Iterator[Fault]:
    at = _path(experiment)
    if _kind(experiment) != "TensorFlowEvent" or at is None:
        return
    yield from _absolute(at)
    if at.kind != "Directory":
        yield Fault(path=f"{FILE}.kind", given=at.kind, wanted="`Directory` for the collector kind TensorFlowEvent")
    if at.format:
        yield Fault(path=f"{FILE}.format", given=at.format, wanted="no format for the collector kind TensorFlowEvent")


def _prometheus(experiment: Experiment) -> Iterator[Fault]:
    source = experiment.spec.metrics_collector_spec.source
    if _kind(experiment) != "PrometheusMetric" or source is None or source.http_get is None:
        return
    port = str(source.http_get.port)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        yield Fault(path=f"{HTTP}.port", given=port, wanted="a port from 1 to 65535")
    if not source.http_get.path.startswith("/"):
        yield Fault(path=f"{HTTP}.path", given=source.http_get.path, wanted="a path that begins with /")


def _custom(experiment: Experiment) -> Iterator[Fault]:
    if _kind(experiment) != "Custom":
        return
    if not experiment.spec.metrics_collector_spec.collector.custom_collector:
        yield Fault(path=f"{PATH}.collector.customCollector", wanted="the container that collects")
    at = _path(experiment)
    if at is not None:
        yield from _absolute(at)
        if at.kind not in ("File", "Directory"):
            yield Fault(path=f"{FILE}.kind", given=at.kind, wanted="`File` or `Directory`")


def _patterns(experiment: Experiment) -> Iterator[Fault]:
    for index, pattern in enumerate(_formats(experiment)):
        path = f"{FORMATS}[{index}]"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                groups = re.compile(pattern).groups
        except (re.error, RecursionError, OverflowError, Warning) as error:
            hint = f"Python's `re` says: {error}"
            yield Fault(path=path, given=pattern, wanted="a pattern that Python's `re` and Go's RE2 share", hint=hint)
            continue
        if groups < 2:
            wanted = "two groups: the metric's name, and its value"
            yield Fault(path=path, given=pattern, wanted=wanted, hint=r"for example `([\w-]+)\s*=\s*(\S+)`")


RULES = (
    Rule(
        id="collector-installed",
        refuses="a collector kind that the installation has no image for",
        check=None,
        cluster=Cluster.OPERATOR,
        katib=29,
    ),
    Rule(
        id="file",
        refuses="for File: a path that is not absolute, a kind other than File, patterns together with format JSON",
        check=_file,
        cluster=Cluster.CRD,
        katib=30,
    ),
    Rule(
        id="tensorflow-event",
        refuses="for TensorFlowEvent: a path that is not absolute, a kind other than Directory, a format",
        check=_events,
        cluster=Cluster.CRD,
        katib=31,
    ),
    Rule(
        id="prometheus",
        refuses="for PrometheusMetric: a port that is not from 1 to 65535, a path that does not begin with /",
        check=_prometheus,
        cluster=Cluster.CRD,
        katib=32,
    ),
    Rule(
        id="custom",
        refuses="for Custom: no customCollector, a path that is not absolute, a kind other than File or Directory",
        check=_custom,
        cluster=Cluster.CRD,
        katib=33,
    ),
    Rule(
        id="collector-kind",
        refuses="any other collector kind, the old `None` included",
        check=by_type,
        cluster=Cluster.CRD,
        katib=34,
    ),
    Rule(
        id="patterns",
        refuses="a metricsFormat that does not compile, or has fewer than two groups, for any collector kind",
        check=_patterns,
        cluster=Cluster.OPERATOR,
        katib=35,
    ),
)
