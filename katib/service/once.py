"""Requests that carry a key: an operation is written together with the receipt that it was done.

Operations that change nothing when they are done twice (a completed trial stays as it was) need no receipt.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from katib.stores.contract import Receipt


@dataclass(frozen=True, kw_only=True)
class Once:
    """A request to be done once.

    Attributes:
        key: names it in the store, which has a claim of that key.
        before: the text of its receipt; empty when it was not done yet.
    """

    key: str
    before: str = ""

    @property
    def done(self) -> bool:
        """Whether it was done, by a server that was not heard of afterwards."""
        return bool(self.before)

    @property
    def ordinals(self) -> tuple[int, ...]:
        """The trials that came of it."""
        return tuple(json.loads(self.before))

    @property
    def number(self) -> int:
        """Where what it reports without steps is counted from: the same each time, so it may be reported again."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:7])

    def receipt(self, ordinals: Iterable[int]) -> Receipt:
        """What to write together with these trials."""
        return Receipt(key=self.key, text=json.dumps(list(ordinals)))
