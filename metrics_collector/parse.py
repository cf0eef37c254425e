"""Lines of text or JSON into readings. Pure: no I/O, no clock."""

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from katib.errors import Fault, InvalidInput
from metrics_collector.reading import (
    TEXT_LIMIT,
    Names,
    Reading,
    Written,
    json_object,
    json_readings,
    number,
    rfc3339,
    seconds,
    shown,
)

DEFAULT_FILTER = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"
"""Katib's filter for text: group 1 is the name, group 2 the value."""

FILTER_REACH = 4096
"""Characters of a line that a custom filter looks at: an expression may take time quadratic in them, or worse."""

GLANCES = 10_000
"""Lines without any metric's name in which other names are looked for, to be named beside "metric not found"."""

# The default filter, in parts that take time linear in the line: a search must not start within a word, unless the
# last match ended there.
_PAIR_HERE = re.compile(r"([\w|-]++)\s*+=\s*+([+-]?\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)", re.ASCII)
_PAIR = re.compile(r"(?<![\w|-])" + _PAIR_HERE.pattern, re.ASCII)

# What may not follow a number that the default filter found: it would be the beginning of another number.
_GOES_ON = re.compile(r"[_'’^×.,]\d|\.[eE#]|\*{1,2}\d|[xX][\da-fA-F]|[eE](?![A-Za-z])", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)(?!\w)", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(rf"(?:[^\s,;]|,(?=\d)){{0,{TEXT_LIMIT + 1}}}", re.ASCII)
_TRAILING = ".,:!?%)]}>\"'|"
_COLOUR = re.compile(r"\x1b\[[\d;]*m", re.ASCII)
_NAME_CHARACTERS = re.compile(r"[\w|-]+", re.ASCII)


class LineParser(Protocol):
    """Lines in, readings of the requested metrics out."""

    def feed(self, line: str) -> list[Reading]:
        """The readings on this line, in order. Never raises."""
        ...

    @property
    def seen(self) -> tuple[str, ...]:
        """Names that had a value but were not asked for; the first few."""
        ...

    def describe(self) -> str:
        """How metrics are looked for, and what could not be read, in words."""
        ...


class TextParser:
    """Reads `name=value` pairs, or what custom filters capture, out of free text.

    A line is looked at only if it contains the name of some metric. Every match of every filter counts; the name must
    be a metric's exactly. With the default filter a metric whose name has other characters than that filter knows
    (`val/loss`) is found too.

    Args:
        metrics: the metrics to read.
        filters: regular expressions with two groups, name and value; none for Katib's own.

    Raises:
        InvalidInput: a filter that does not compile, or has fewer than two groups.
    """

    def __init__(self, metrics: tuple[str, ...], filters: Sequence[str] = ()) -> None:
        self._metrics = frozenset(metrics)
        self._needles = tuple(self._metrics)
        self._first = metrics[0] if metrics else ""
        self._long_names = sorted((m for m in metrics if not _NAME_CHARACTERS.fullmatch(m)), key=len, reverse=True)
        self._filters = tuple(filters) or (DEFAULT_FILTER,)
        self._expressions = _compiled(self._filters)
        self._names = Names()
        self._glances = GLANCES

    @property
    def seen(self) -> tuple[str, ...]:
        return self._names.all

    def describe(self) -> str:
        example = f", as in {self._first}=0.5" if self._filters == (DEFAULT_FILTER,) and self._first else ""
        return f"filter {' and '.join(self._filters)}{example}"

    def feed(self, line: str) -> list[Reading]:
        """The readings on this line, in order."""
        for needle in self._needles:
            if needle in line:
                return self._read(line)
        if self._glances:
            self._glance(line)
        return []

    def _read(self, line: str) -> list[Reading]:
        if "\x1b" in line:
            line = _COLOUR.sub("", line)
        found = [
            Reading(name, shown(text), value)
            for name, text, value in self._matches(line)
            if name in self._metrics or self._passed_over(name, text)
        ]
        time = rfc3339(line.split(" ", 1)[0]) if found else 0.0
        return [reading._replace(time=time) for reading in found] if time else found

    def _glance(self, line: str) -> None:
        self._glances = 0 if self._names.full else self._glances - 1
        for name, text, _ in self._matches(line):
            self._passed_over(name, text)

    def _passed_over(self, name: str, text: str) -> bool:
        if number(text) is not None:
            self._names.add(name)
        return False

    def _matches(self, line: str) -> Iterator[tuple[str, str, float | None]]:
        for expression in self._expressions:
            if expression.pattern == DEFAULT_FILTER:
                yield from self._default_matches(line)
            else:
                yield from _custom_matches(expression, line)

    def _default_matches(self, line: str) -> Iterator[tuple[str, str, float | None]]:
        position = 0
        while match := (_PAIR_HERE.match(line, position) if position else None) or _PAIR.search(line, position):
            position = match.end()
            text = match[2]
            value = None if _GOES_ON.match(line, position) else number(text)
            if value is None:
                text, value = _standing(line, match.start(2))
            yield self._full_name(line, match), text, value

    def _full_name(self, line: str, match: re.Match[str]) -> str:
        """The name before the equals sign: the filter's, or a metric's that the filter knows only the end of."""
        end = match.end(1)
        for name in self._long_names:
            start = end - len(name)
            if line.endswith(name, 0, end) and not _NAME_CHARACTERS.match(line, max(start - 1, 0), start):
                return name
        return match[1]


def _custom_matches(expression: re.Pattern[str], line: str) -> Iterator[tuple[str, str, float | None]]:
    for match in expression.finditer(line, 0, FILTER_REACH):
        if match.end() == FILTER_REACH < len(line):
            return  # what stands at the edge may go on beyond it
        name, text = (match[1] or "").strip(), (match[2] or "").strip()
        value = number(text)
        if not text and match[2] is not None:
            # A filter made for digits captures nothing of "nan": look at what stands there.
            text, value = _standing(line, match.start(2))
        yield name, text, value


def _standing(line: str, start: int) -> tuple[str, float | None]:
    """What really stands where a value should: nan or infinity, a number, or the text that is none."""
    if special := _NOT_FINITE.match(line, start):
        return special[0], float(special[0])
    if _PAIR_HERE.match(line, start):
        return "", None  # the next name stands there: this value is empty
    token = _TOKEN.match(line, start)
    text = token[0] if token else ""
    value = number(text.rstrip(_TRAILING))
    return (text, None) if value is None else (text.rstrip(_TRAILING), value)


@lru_cache(maxsize=64)
def _compiled(filters: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    faults, compiled = [], []
    for text in filters:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # Python warns where it reads an expression otherwise than RE2 does
                expression = re.compile(text, re.ASCII)
        except (re.error, Warning, OverflowError, RecursionError) as error:
            faults.append(_filter_fault(text, f"a regular expression that Python reads ({error})"))
            continue
        if expression.groups < 2:
            faults.append(_filter_fault(text, "two groups, the name and the value"))
        compiled.append(expression)
    if faults:
        hint = r"for example ([\w-]+)\s*:\s*(\S+); classes like [[:digit:]] are written \d"
        raise InvalidInput(faults, what="the metrics filter", hint=hint)
    return tuple(compiled)


def _filter_fault(text: str, wanted: str) -> Fault:
    return Fault(path="spec.metricsCollectorSpec.source.filter.metricsFormat", wanted=wanted, given=text)


class JsonParser:
    """Reads one JSON object per line: metric names are keys, values are numbers or strings.

    `timestamp` is an RFC 3339 string or a number of seconds since the epoch; `step` is an integer >= 0. A line that is
    no object is passed over and counted.
    """

    def __init__(self, metrics: tuple[str, ...]) -> None:
        self._metrics = metrics
        self._names = Names()
        self.bad = 0
        self._bad_line = ""

    @property
    def seen(self) -> tuple[str, ...]:
        return self._names.all

    def describe(self) -> str:
        bad = f"; {self.bad} lines were not, the first: {self._bad_line!r}" if self.bad else ""
        return f"one JSON object per line{bad}"

    def feed(self, line: str) -> list[Reading]:
        """The readings on this line, in the order of the metrics."""
        if not line.strip():
            return []
        found = json_object(line)
        if found is None:
            self._bad_line = self._bad_line or shown(line)
            self.bad += 1
            return []
        if not self._names.full:
            self._pass_over(found)
        return json_readings(found, self._metrics, time=_timestamp(found.get("timestamp")), step=found.get("step"))

    def _pass_over(self, found: dict[str, object]) -> None:
        for name, given in found.items():
            known = name in (*self._metrics, "timestamp", "step")
            if not known and isinstance(given, str) and number(given) is not None:
                self._names.add(name)


def _timestamp(given: object) -> float:
    if isinstance(given, Written):
        return seconds(number(given))
    return rfc3339(given) if isinstance(given, str) else 0.0
