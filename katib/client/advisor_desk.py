"""Advisor's operations, as data: of the engine in this process, or of a server."""

import math
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from katib.client.wire import Wire


class AdvisorDesk(Protocol):
    """Advisor's operations: `katib.service.advisor.AdvisorDesk` in this process, or a server."""

    def list_studies(self) -> list[dict[str, Any]]: ...
    def create_study(self, name: str, configuration: Any, algorithm: str) -> dict[str, Any]: ...
    def study(self, name: str) -> dict[str, Any]: ...
    def study_exists(self, name: str) -> bool: ...
    def set_study_status(self, name: str, status: str | None) -> dict[str, Any]: ...
    def delete_study(self, name: str) -> None: ...
    def suggestions(self, name: str, number: int) -> list[dict[str, Any]]: ...
    def trials(self, name: str) -> list[dict[str, Any]]: ...
    def trial(self, name: str, number: int) -> dict[str, Any]: ...
    def update_trial(
        self,
        name: str,
        number: int,
        *,
        status: str | None = None,
        value: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> dict[str, Any]: ...
    def metrics(self, name: str, number: int) -> list[dict[str, Any]]: ...
    def add_metric(self, name: str, number: int, step: int | None, value: float) -> dict[str, Any]: ...


class RemoteAdvisor:
    """The same operations at a server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_studies(self) -> list[dict[str, Any]]:
        return list(self._data("GET", ""))

    def create_study(self, name: str, configuration: Any, algorithm: str) -> dict[str, Any]:
        body = {"name": name, "study_configuration": configuration, "algorithm": algorithm}
        return dict(self._data("POST", "", body))

    def study(self, name: str) -> dict[str, Any]:
        return dict(self._data("GET", _path(name)))

    def study_exists(self, name: str) -> bool:
        return bool(self._call("GET", _path(name, "exist"))["exist"])

    def set_study_status(self, name: str, status: str | None) -> dict[str, Any]:
        return dict(self._data("PUT", _path(name), {"status": status}))

    def delete_study(self, name: str) -> None:
        self._call("DELETE", _path(name))

    def suggestions(self, name: str, number: int) -> list[dict[str, Any]]:
        return list(self._data("POST", _path(name, "suggestions"), {"trials_number": number}))

    def trials(self, name: str) -> list[dict[str, Any]]:
        return list(self._data("GET", _path(name, "trials")))

    def trial(self, name: str, number: int) -> dict[str, Any]:
        return dict(self._data("GET", _path(name, "trials", number)))

    def update_trial(
        self,
        name: str,
        number: int,
        *,
        status: str | None = None,
        value: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        written = None if metrics is None else {name: _written(each) for name, each in metrics.items()}
        body = {"status": status, "objective_value": _written(value), "metrics": written}
        given = {key: each for key, each in body.items() if each is not None}
        return dict(self._data("PUT", _path(name, "trials", number), given))

    def metrics(self, name: str, number: int) -> list[dict[str, Any]]:
        return list(self._data("GET", _path(name, "trials", number, "metrics")))

    def add_metric(self, name: str, number: int, step: int | None, value: float) -> dict[str, Any]:
        body = {"training_step": step, "objective_value": _written(value)}
        return dict(self._data("POST", _path(name, "trials", number, "metrics"), body))

    def _data(self, method: str, path: str, body: Any = None) -> Any:
        return self._call(method, path, body)["data"]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return self._wire.call(method, f"/suggestion/v1/studies{path}", body)


def _written(value: float | None) -> float | str | None:
    """A number as JSON has it: nan and the infinities are texts there."""
    return value if value is None or math.isfinite(value) else str(value)


def _path(*parts: str | int) -> str:
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)
