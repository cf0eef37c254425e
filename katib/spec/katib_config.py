"""Katib's configuration (`kind: KatibConfig`, in its ConfigMap `katib-config`): what of it means something here."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from katib.errors import Fault, InvalidInput, cut
from katib.spec import yamltext
from katib.spec.shape import plain, shown

API_VERSION, KIND, KEY = "config.kubeflow.org/v1beta1", "KatibConfig", "katib-config.yaml"
COLLECTOR_KINDS = ("StdOut", "File", "TensorFlowEvent", "PrometheusMetric")

REQUESTS = {"cpu": "50m", "memory": "10Mi", "ephemeral-storage": "500Mi"}
LIMITS = {"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "5Gi"}
"""Katib's, where an entry says nothing; a negative quantity takes one away."""


@dataclass(frozen=True, kw_only=True)
class CollectorEntry:
    """A collector's image. One that is named here is started as Katib does.

    Attributes:
        wait_all: whether it waits for all processes of the trial; None where the entry does not say.
    """

    image: str
    pull_policy: str = "IfNotPresent"
    resources: Mapping[str, Any] = field(default_factory=dict)
    wait_all: bool | None = None
    copies_security_context: bool = False


@dataclass(frozen=True, kw_only=True)
class KatibConfig:
    """What is used of a KatibConfig.

    Attributes:
        endpoints, stopping_endpoints: algorithms, and early stopping, that a server answers for: name -> host:port.
        images: algorithms, of both kinds, with an image and no endpoint.
        collectors: kind -> what collects its metrics.
    """

    endpoints: Mapping[str, str] = field(default_factory=dict)
    stopping_endpoints: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    collectors: Mapping[str, CollectorEntry] = field(default_factory=dict)


def read_katib_config(path: Path) -> KatibConfig:
    """Read a file with a KatibConfig, or with the ConfigMap that holds one. Raises InvalidInput with all its faults."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fault = Fault(path="--katib-config", given=str(path), wanted=f"a file that can be read ({error})")
        raise InvalidInput([fault], what="the command line") from error
    data = _data(text, str(path))
    if data.get("kind") == "ConfigMap":
        data = _data(str((data.get("data") or {}).get(KEY) or ""), f"{path}, {KEY}")
    reader = _Reader()
    found = reader.read(data)
    if reader.faults:
        raise InvalidInput(reader.faults, what=str(path))
    return found


def unused(config: KatibConfig, installed: Collection[str]) -> list[str]:
    """What a person should know of it. What is installed needs no entry; one without an endpoint changes nothing."""
    missing = [name for name in config.images if name not in installed]
    if not missing:
        return []
    return [
        f"no Experiment can use {', '.join(missing)}: images of algorithms are not run here; serve them elsewhere, and "
        "give their entries in Katib's configuration an `endpoint: HOST:PORT`"
    ]


def _data(text: str, source: str) -> dict[str, Any]:
    read, _lines, faults = yamltext.read(text, source=source)
    data, more = plain(read)
    if not isinstance(data, dict):
        more = [*more, Fault(path=KEY, given=cut(text.strip(), 60), wanted=f"a {KIND} of {API_VERSION}")]
    if faults or more:
        raise InvalidInput([*faults, *more], what=source)
    return dict(data)


class _Reader:
    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def read(self, data: dict[str, Any]) -> KatibConfig:
        for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
            if data.get(name) != wanted:
                self._fault(name, data.get(name), f"`{wanted}`")
        self._known("", data, ("apiVersion", "kind", "metadata", "init", "runtime"))
        controller = self._mapping("init.controller", self._mapping("init", data.get("init")).get("controller"))
        copies = controller.get("injectSecurityContext") is True
        runtime = self._mapping("runtime", data.get("runtime"))
        self._known("runtime", runtime, ("suggestions", "earlyStoppings", "metricsCollectors"))
        endpoints, images = self._services("suggestions", runtime)
        stopping, more = self._services("earlyStoppings", runtime)
        collectors = dict(self._collectors(runtime, copies))
        return KatibConfig(
            endpoints=endpoints, stopping_endpoints=stopping, images=(*images, *more), collectors=collectors
        )

    def _services(self, of: str, runtime: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
        endpoints, images = {}, []
        for path, entry in self._entries(of, runtime):
            name = self._text(path, entry, "algorithmName")
            if "endpoint" in entry:
                endpoints[name] = self._text(path, entry, "endpoint")
            elif self._text(path, entry, "image"):
                images.append(name)
        return endpoints, images

    def _collectors(self, runtime: Mapping[str, Any], copies: bool) -> Iterator[tuple[str, CollectorEntry]]:
        fields = ("kind", "image", "imagePullPolicy", "resources", "waitAllProcesses")
        for path, entry in self._entries("metricsCollectors", runtime):
            self._known(path, entry, fields)
            kind = self._text(path, entry, "kind")
            if kind and kind not in COLLECTOR_KINDS:
                self._fault(f"{path}.kind", kind, f"one of {', '.join(COLLECTOR_KINDS)}")
            wait = entry.get("waitAllProcesses")
            if wait is not None and not isinstance(wait, bool):
                self._fault(f"{path}.waitAllProcesses", wait, "true or false")
            yield (
                kind,
                CollectorEntry(
                    image=self._text(path, entry, "image"),
                    pull_policy=entry.get("imagePullPolicy") or "IfNotPresent",
                    resources=_resources(self._mapping(f"{path}.resources", entry.get("resources"))),
                    wait_all=wait,
                    copies_security_context=copies,
                ),
            )

    def _entries(self, of: str, runtime: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        listed = runtime.get(of) or []
        if not isinstance(listed, list):
            self._fault(f"runtime.{of}", listed, "a list")
            return
        for index, entry in enumerate(listed):
            path = f"runtime.{of}[{index}]"
            yield path, self._mapping(path, entry)

    def _mapping(self, path: str, value: Any) -> dict[str, Any]:
        if value is not None and not isinstance(value, dict):
            self._fault(path, value, "a mapping")
        return value if isinstance(value, dict) else {}

    def _text(self, path: str, entry: Mapping[str, Any], name: str) -> str:
        value = entry.get(name)
        if not isinstance(value, str) or not value.strip():
            self._fault(f"{path}.{name}", value, "a text")
            return ""
        return value.strip()

    def _known(self, path: str, value: Mapping[str, Any], fields: tuple[str, ...]) -> None:
        for name in value:
            if name not in fields:
                self._fault(".".join(filter(None, (path, name))), None, f"one of {', '.join(fields)}")

    def _fault(self, path: str, given: Any, wanted: str) -> None:
        self.faults.append(Fault(path=path, given="" if given is None else shown(given), wanted=wanted))


def _resources(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The entry's, over Katib's defaults."""
    found = {}
    for field_name, defaults in (("requests", REQUESTS), ("limits", LIMITS)):
        own = given.get(field_name)
        merged = {**defaults, **{key: str(value) for key, value in (own if isinstance(own, dict) else {}).items()}}
        found[field_name] = {key: value for key, value in merged.items() if not value.startswith("-")}
    return found
