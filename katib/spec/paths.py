"""Where in a document something stands: `spec.parameters[0].feasibleSpace.min` and back."""

import json
import re
from collections.abc import Iterator, Mapping

Parts = tuple[str | int, ...]
"""A path in pieces: keys of mappings and positions in lists."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PIECE = re.compile(
    r'(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\.(\d+)(?=[.\[]|\Z)|\["((?:[^"\\]|\\.)*)"\]|\[([^\[\]"]+)\]'
)


def show(parts: Parts) -> str:
    """The path as text; a key that is no plain word stands quoted in brackets."""
    return "".join(_piece(part, first=position == 0) for position, part in enumerate(parts))


def _piece(part: str | int, *, first: bool) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if _PLAIN_KEY.fullmatch(part):
        return part if first else f".{part}"
    return f"[{json.dumps(part, ensure_ascii=False)}]"


def parse(text: str) -> Parts:
    """The pieces of a path. `[word]` without quotes is a key too, and `.0` a position.

    Raises ValueError when it is not a path.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None:
            raise ValueError(f"not a path: {text!r}, from {text[position:]!r} on")
        key, index, dotted, quoted, bare = found.groups()
        if index or dotted:
            parts.append(int(index or dotted))
        else:
            parts.append(key or bare or json.loads(f'"{quoted}"'))
        position = found.end()
    if not parts or text.startswith("."):
        raise ValueError(f"not a path: {text!r}")
    return tuple(parts)


def nearest_line(path: str, lines: Mapping[str, int]) -> int | None:
    """The line of the path, or of the closest thing around it that stands in the file."""
    return next((lines[around] for around in _outwards(path) if around in lines), None)


def within(path: str, around: str) -> bool:
    """Whether `path` is `around` or lies in it."""
    return path == around or path.startswith((f"{around}.", f"{around}["))


def _outwards(path: str) -> Iterator[str]:
    parts = parse(path)
    for length in range(len(parts), 0, -1):
        yield show(parts[:length])
