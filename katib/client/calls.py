"""What can be asked of a desk, as data: the same call goes to a server or to the engine in this process."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

_STUDY = "/studies/{study}"
_TRIAL = f"{_STUDY}/trials/{{ordinal}}"

ROUTES: Mapping[str, tuple[str, str]] = {
    "create_study": ("POST", "/studies"),
    "list_studies": ("GET", "/studies"),
    "get_study": ("GET", _STUDY),
    "change_budget": ("PATCH", _STUDY),
    "pause": ("POST", f"{_STUDY}/pause"),
    "resume": ("POST", f"{_STUDY}/resume"),
    "stop": ("POST", f"{_STUDY}/stop"),
    "delete_study": ("DELETE", _STUDY),
    "clone": ("POST", f"{_STUDY}/clone"),
    "suggest": ("POST", f"{_STUDY}/suggest"),
    "best": ("GET", f"{_STUDY}/best"),
    "hypervolume": ("GET", f"{_STUDY}/hypervolume"),
    "create_trial": ("POST", f"{_STUDY}/trials"),
    "list_trials": ("GET", f"{_STUDY}/trials"),
    "get_trial": ("GET", _TRIAL),
    "list_measurements": ("GET", f"{_TRIAL}/measurements"),
    "report": ("POST", f"{_TRIAL}/measurements"),
    "complete": ("POST", f"{_TRIAL}/complete"),
    "infeasible": ("POST", f"{_TRIAL}/infeasible"),
    "fail": ("POST", f"{_TRIAL}/fail"),
    "stop_trial": ("POST", f"{_TRIAL}/stop"),
    "heartbeat": ("POST", f"{_TRIAL}/heartbeat"),
    "should_stop": ("POST", f"{_TRIAL}/should-stop"),
}
"""Operation -> method and path under /api/v1."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        operation: one of ROUTES.
        body: what it carries; None for nothing.
        query: of a list: which part of it.
        key: sent again with the same key, it is not done again.
    """

    operation: str
    study: str = ""
    ordinal: int = 0
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return ROUTES[self.operation][0]

    @property
    def path(self) -> str:
        """The path on a server."""
        path = ROUTES[self.operation][1].format(study=quote(self.study, safe=""), ordinal=self.ordinal)
        return f"/api/v1{path}"


class Desk(Protocol):
    """Whoever answers calls."""

    def call(self, call: Call) -> Any:
        """What REST answers to it, as plain data. Raises KatibError."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...
