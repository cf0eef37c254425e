"""Conditions of Katib's objects, in their order: the last one of a list is the newest. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Condition = dict[str, Any]


def stamp(seconds: float | None) -> str | None:
    """Seconds since the epoch as the API's times are: RFC 3339 in UTC, whole seconds."""
    return None if not seconds else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Conditions:
    """A list of conditions, to be brought up to date."""

    def __init__(self, before: Sequence[Condition] = ()) -> None:
        self._list = [dict(each) for each in before]

    def put(self, kind: str, status: str, reason: str, message: str, *, at: float | None) -> None:
        """Set a condition. One of the same status and reason stays where it is; any other goes to the end."""
        old = self.find(kind)
        if old is not None and (old.get("status"), old.get("reason")) == (status, reason):
            old["message"] = message
            return
        self.drop(kind)
        time = stamp(at)
        unchanged = old is not None and old.get("status") == status
        since = old.get("lastTransitionTime") if old is not None and unchanged else time
        times = {"lastUpdateTime": time, "lastTransitionTime": since}
        said = {"type": kind, "status": status, "reason": reason, "message": message}
        self._list.append(said | {field: value for field, value in times.items() if value})

    def end(self, kind: str, *, at: float | None) -> None:
        """Say that a condition does not hold any more; why it did stays. Nothing happens to one that never did."""
        old = self.find(kind)
        if old is not None:
            self.put(kind, "False", old.get("reason", ""), old.get("message", ""), at=at)

    def drop(self, *kinds: str) -> None:
        """Leave conditions out."""
        self._list = [each for each in self._list if each["type"] not in kinds]

    def note(self, kind: str, message: str) -> None:
        """Put something before all conditions that is no state of the object; nothing when there is no message."""
        self.drop(kind)
        if message:
            said = {"type": kind, "status": "True", "reason": kind, "message": message}
            self._list.insert(0, said)

    def find(self, kind: str) -> Condition | None:
        """The condition of that type."""
        return next((each for each in self._list if each["type"] == kind), None)

    @property
    def all(self) -> list[Condition]:
        """All of them, the newest last."""
        return self._list
