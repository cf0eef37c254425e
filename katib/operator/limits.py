"""How large objects may get: an API server takes 1.5 MB at most, and who watches objects is sent them whole, each time.

Counted in bytes of JSON. With what else is in them no object of ours has more than 100 kB.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

RUN_SPEC_BYTES = 60_000
NAMES_BYTES = 50_000
SUGGESTIONS_BYTES = 60_000

TRIMMED = "Trimmed"
"""The condition, the first of all, that says what was left out."""

T = TypeVar("T", bound=Any)


def newest(items: Iterable[T], *, limit: int) -> list[T]:
    """As many of `items`, the newest first, as have at most `limit` bytes together; the oldest first again."""
    kept: list[T] = []
    for item in items:
        limit -= len(json.dumps(item)) + 1
        if limit < 0:
            break
        kept.append(item)
    return kept[::-1]
