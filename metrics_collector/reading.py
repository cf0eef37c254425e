"""What every parser agrees on: a reading, which texts are numbers, which times are times, and the names passed over."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from katib.errors import cut

TEXT_LIMIT = 200
"""Characters of a value's text that are kept; a longer one is not a number anybody meant."""

SEEN_LIMIT = 20
"""Names passed over that are remembered, to be named beside "metric not found"."""

LATEST_TIME = 253402300800.0
"""The year 10000, in seconds since the epoch: what lies beyond is not a time (milliseconds, for instance)."""

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf(?:inity)?)", re.ASCII | re.IGNORECASE)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Reading(NamedTuple):
    """One value as a parser found it.

    `value` is None when `text` is not a number; `time` is 0.0 and `step` None when none was given.
    """

    metric: str
    text: str
    value: float | None
    time: float = 0.0
    step: int | None = None


def number(text: str) -> float | None:
    """The number that `text` is, or None.

    Decimal notation, nan and inf(inity) in any case. Unlike `float`, no underscores, no other scripts' digits. A number
    too large for a float is infinite.
    """
    return float(text) if len(text) <= TEXT_LIMIT and _NUMBER.fullmatch(text) else None


def seconds(value: float | None) -> float:
    """A time in seconds since the epoch; 0.0 (no time) for what cannot be one."""
    return value if value is not None and 0.0 < value < LATEST_TIME else 0.0


def rfc3339(text: str) -> float:
    """The time that `text` is, in seconds since the epoch; 0.0 (no time) when it is none."""
    if not _RFC3339.fullmatch(text):
        return 0.0
    try:
        return seconds(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return 0.0


def shown(text: str) -> str:
    """A text from outside, as it may be kept: short, and without what a terminal or a database cannot take."""
    kept = cut(text, TEXT_LIMIT)
    return kept if kept.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in kept)


class Written(str):
    """A JSON number as it was written, so that no digit of the text is lost."""

    __slots__ = ()


def json_object(line: str) -> dict[str, Any] | None:
    """The JSON object on this line, its numbers as `Written`; None when the line is anything else."""
    try:
        found = json.loads(line, parse_float=Written, parse_int=Written, parse_constant=Written)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def json_readings(values: Mapping[str, Any], metrics: Iterable[str], *, time: float, step: object) -> list[Reading]:
    """The readings of `metrics` in one object; numbers and strings are values alike."""
    at = int(step) if isinstance(step, Written) and re.fullmatch(r"\d{1,18}", step, re.ASCII) else None
    return [_json_reading(metric, values[metric], time, at) for metric in metrics if metric in values]


def _json_reading(metric: str, given: object, time: float, step: int | None) -> Reading:
    text = given.strip() if isinstance(given, str) else json.dumps(given)
    return Reading(metric, shown(text), number(text), time, step)


class Names:
    """The first few names that were found and not asked for, in order."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, name: str) -> None:
        if not self.full:
            self._names[shown(name)] = None

    @property
    def full(self) -> bool:
        return len(self._names) >= SEEN_LIMIT

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self._names)
