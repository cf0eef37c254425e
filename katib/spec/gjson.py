"""Conditions of trial templates: the part of GJSON's path syntax that they are written in. Pure.

    status.conditions.#(type=="Complete")#|#(status=="True")#

`.` and `|` go down; `#` is an array's length; `#(…)` its first item that fits and `#(…)#` all that do; after `#` and
`#(…)#` a `.` goes on within each item, and a `|` with the whole array; `[a,b]` puts values into an array, and `@this`
is the value itself. What else GJSON has (wildcards in names, other modifiers, objects made of paths) is refused.
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_NOTHING: Any = object()
"""The value of a path that leads nowhere."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERATOR = re.compile(r"==|!=|!%|<=|>=|[=<>%]")
_OPENING, _CLOSING = "([", ")]"


@dataclass(frozen=True)
class Said:
    """What the object says that met a condition."""

    reason: str = ""
    message: str = ""


class Condition:
    """A condition on an object, as Katib's controller judges it. Raises ValueError where it cannot be read."""

    def __init__(self, text: str) -> None:
        self._path = _Reader(text).path()

    def met_by(self, document: Mapping[str, Any]) -> Said | None:
        """What the object says of it; None while it is not met: it is by an object, and by an array that begins with
        one. A truth value, a number or a text never counts.
        """
        found = self._path.of(document)
        if isinstance(found, list):
            found = found[0] if found else _NOTHING
        if not isinstance(found, Mapping):
            return None
        return Said(reason=str(found.get("reason") or ""), message=str(found.get("message") or ""))


class _Step(Protocol):
    def of(self, value: Any) -> Any:
        """What it leads to from a value; _NOTHING for nothing."""
        ...


@dataclass(frozen=True)
class _Path:
    steps: tuple[_Step, ...]

    def of(self, value: Any) -> Any:
        for step in self.steps:
            value = step.of(value)
            if value is _NOTHING:
                break
        return value


@dataclass(frozen=True)
class _Key:
    name: str

    def of(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value.get(self.name, _NOTHING)
        if isinstance(value, list) and self.name.isascii() and self.name.isdigit() and int(self.name) < len(value):
            return value[int(self.name)]
        return _NOTHING


@dataclass(frozen=True)
class _Count:
    def of(self, value: Any) -> Any:
        return len(value) if isinstance(value, list) else _NOTHING


@dataclass(frozen=True)
class _Together:
    paths: tuple[_Path, ...]

    def of(self, value: Any) -> Any:
        return [found for path in self.paths if (found := path.of(value)) is not _NOTHING]


@dataclass(frozen=True)
class _Test:
    """What an item is asked: whether there is something at `path`, or how that compares."""

    path: _Path
    sign: str = ""
    text: str = ""

    def fits(self, item: Any) -> bool:
        found = self.path.of(item)
        if found is _NOTHING or not self.sign:
            return found is not _NOTHING
        if isinstance(found, bool):
            # `true` is more than `false`.
            return self.sign in _ORDER and self.text in _BOOLEANS and self._compare(found, _BOOLEANS[self.text])
        if isinstance(found, str):
            if self.sign in ("%", "!%"):
                return bool(_pattern(self.text).fullmatch(found)) is (self.sign == "%")
            return self._compare(found, self.text)
        if isinstance(found, int | float) and self.sign in _ORDER:
            try:
                return self._compare(found, float(self.text))
            except ValueError:
                return False
        return False

    def _compare(self, one: Any, other: Any) -> bool:
        return _ORDER[self.sign](one, other)


_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class _First:
    test: _Test

    def of(self, value: Any) -> Any:
        items = value if isinstance(value, list) else ()
        return next((item for item in items if self.test.fits(item)), _NOTHING)


@dataclass(frozen=True)
class _Each:
    """Of all items, or those that fit, what `path` leads to."""

    test: _Test | None
    path: _Path

    def of(self, value: Any) -> Any:
        if not isinstance(value, list):
            return _NOTHING
        fitting = [item for item in value if self.test is None or self.test.fits(item)]
        return [found for item in fitting if (found := self.path.of(item)) is not _NOTHING]


def _pattern(text: str) -> re.Pattern[str]:
    """`*` stands for anything, `?` for one character."""
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def path(self) -> _Path:
        """The whole text as a path."""
        steps = list(self._steps(dotted=False))
        return _Path(tuple(steps))

    def _steps(self, *, dotted: bool) -> list[_Step]:
        """The steps from here on; with `dotted`, up to the next `|`."""
        steps = [self._step()]
        while self._at < len(self._text) and not (dotted and self._text[self._at] == "|"):
            self._at += 1
            steps.append(self._step())
        return steps

    def _step(self) -> _Step:
        rest = self._text[self._at :]
        if rest.startswith("#"):
            return self._hash()
        if rest.startswith("["):
            inner = self._enclosed()
            self._must_end(rest)
            return _Together(tuple(_Reader(each.strip()).path() for each in _split(inner)))
        if rest.startswith("@"):
            word = re.split(r"[.|]", rest, maxsplit=1)[0]
            if word != "@this":
                raise ValueError(f"the modifier {word} is not known here: only @this is")
            self._at += len(word)
            return _Path(())
        return self._key()

    def _key(self) -> _Step:
        name, begun = "", self._at
        while self._at < len(self._text) and self._text[self._at] not in ".|":
            char = self._text[self._at]
            if char in "*?#{}()=<>":
                raise ValueError(f"{char!r} in a name, at {self._text[begun:]!r}: write \\{char} if it is part of it")
            if char == "\\":
                self._at += 1
                char = self._text[self._at : self._at + 1]
            name += char
            self._at += 1
        if not name:
            raise ValueError(f"a name is missing, at {self._text[begun:] or 'its end'!r}")
        return _Key(name)

    def _hash(self) -> _Step:
        rest = self._text[self._at :]
        self._at += 1
        test = None
        if rest[1:2] in ("(", "["):
            test = _test(self._enclosed())
            if self._text[self._at : self._at + 1] != "#":
                self._must_end(rest)
                return _First(test)
            self._at += 1
        self._must_end(rest)
        if self._text[self._at : self._at + 1] == ".":
            self._at += 1
            return _Each(test, _Path(tuple(self._steps(dotted=True))))
        return _Count() if test is None else _Each(test, _Path(()))

    def _must_end(self, begun: str) -> None:
        if self._text[self._at : self._at + 1] not in ("", ".", "|"):
            raise ValueError(f"`.` or `|` is missing after {begun[: len(begun) - len(self._text) + self._at]!r}")

    def _enclosed(self) -> str:
        """What is between the bracket here and its other one, which is left behind."""
        begun = self._at
        depth = 0
        for at, char in _bare(self._text, begun):
            depth += (char in _OPENING) - (char in _CLOSING)
            if depth == 0:
                self._at = at + 1
                return self._text[begun + 1 : at]
        raise ValueError(f"a closing bracket is missing, at {self._text[begun:]!r}")


def _bare(text: str, begin: int = 0) -> list[tuple[int, str]]:
    """The characters that are not within quotes, with their positions."""
    found = []
    quoted = False
    at = begin
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 2
            continue
        if char == '"':
            quoted = not quoted
        elif not quoted:
            found.append((at, char))
        at += 1
    return found


def _split(text: str) -> list[str]:
    """The parts between commas that are in no brackets."""
    depth, parts, begun = 0, [], 0
    for at, char in _bare(text):
        depth += (char in _OPENING) - (char in _CLOSING)
        if char == "," and depth == 0:
            parts.append(text[begun:at])
            begun = at + 1
    return [*parts, text[begun:]]


def _test(text: str) -> _Test:
    depth = 0
    for at, char in _bare(text):
        depth += (char in _OPENING) - (char in _CLOSING)
        sign = _OPERATOR.match(text, at) if depth == 0 else None
        if sign is not None:
            left, right = text[:at].strip(), text[sign.end() :].strip()
            return _Test(_Reader(left).path() if left else _Path(()), sign[0], _literal(right))
    return _Test(_Reader(text.strip()).path())


def _literal(text: str) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            raise ValueError(f"a value in quotes that cannot be read: {text}") from None
    if not text or text[0] in "'~`":
        raise ValueError(f"a value in double quotes, a number, true or false is wanted in the place of {text!r}")
    return text
