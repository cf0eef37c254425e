"""Launched runs that wait for a place: one that becomes free is taken at once, whatever the engine is busy with."""

from collections.abc import Iterable, Mapping
from typing import Any

from .lines import Key, key_of, pack

Order = dict[str, Any]


class Queue:
    """Orders to begin, in the order in which they came.

    Attributes:
        most: so many runs may go on at a time; None for any number.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._waiting: dict[Key, tuple[Order, Mapping[str, str]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting

    def said(self, key: Key) -> bytes:
        """The line about a run; empty when it does not wait here."""
        if key not in self._waiting:
            return b""
        return pack({"run": key, "is": "queued", "message": f"it waits for one of {self.most} places"})

    def room(self, busy: int) -> int | None:
        """How many may begin beside `busy` that go on; None for any number."""
        return None if self.most is None else max(self.most - busy, 0)

    def add(self, orders: Iterable[Order], env: Mapping[str, str]) -> None:
        """Let them wait, behind the others."""
        self._waiting.update((key_of(order), (order, env)) for order in orders)

    def take(self, number: int | None) -> tuple[list[Order], Mapping[str, str]]:
        """The first so many (None: all) that are in the same environment; they wait no more."""
        taken: list[Order] = []
        (_, env), *_ = self._waiting.values()
        for key, (order, its) in list(self._waiting.items())[:number]:
            if its is not env:
                break
            taken.append(order)
            del self._waiting[key]
        return taken, env

    def put_back(self, orders: Iterable[Order], env: Mapping[str, str]) -> None:
        """Let them wait before the others."""
        self._waiting = {**{key_of(order): (order, env) for order in orders}, **self._waiting}

    def drop(self, key: Key) -> bool:
        """Let a run wait no more; whether it did."""
        return self._waiting.pop(key, None) is not None

    def clear(self) -> list[Key]:
        """Let none wait; those that did."""
        waited = list(self._waiting)
        self._waiting.clear()
        return waited
