"""What is wrong with a request's path, query or body: where, what was given, what is wanted, what to do."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from katib.errors import Fault, cut
from katib.spec.paths import Parts, show
from katib.spec.schema import closest

GIVEN_LIMIT = 80

Details = Mapping[str, Any]
"""An error as pydantic tells it."""

_WHOLE, _NUMBER, _TEXT = "a whole number", "a number", "a text"

_WANTED: Mapping[str, str] = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": f"{_WHOLE} of at most 64 bits",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": f"{_NUMBER} that is finite",
    "string_type": _TEXT,
    "string_unicode": "a text in Unicode: not half of a surrogate pair",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def faults_of(
    error: RequestValidationError, body: type[BaseModel] | None = None, *, content_type: str = ""
) -> list[Fault]:
    """Every fault, each place once.

    Args:
        body: what the request's body is to be: what it knows is told to one who gives what it does not know.
        content_type: of the request.
    """
    if isinstance(error.body, bytes):
        hint = "with curl: -H 'Content-Type: application/json', or --json instead of -d"
        return [Fault(path="Content-Type", given=_shown(content_type), wanted="application/json", hint=hint)]
    places: dict[Parts, list[Details]] = {}
    for each in error.errors():
        if each["type"] == "json_invalid":
            return [_no_json(each, str(error.body))]
        places.setdefault(_place(each, error.body), []).append(each)
    return [_fault(parts, found, body) for parts, found in places.items()]


def _place(error: Details, body: Any) -> Parts:
    """The path without what pydantic adds to it: members of unions, and what it calls keys."""
    source, *location = error["loc"]
    if source != "body":
        return tuple(location)
    parts: Parts = ()
    inside: Any = body
    for part in location:
        known = part in inside if isinstance(inside, dict) else isinstance(inside, list) and part in range(len(inside))
        if not known:
            return (*parts, part) if error["type"] == "missing" else parts or ("body",)
        inside = inside[part]
        parts = (*parts, part)
    return parts or ("body",)


def _fault(parts: Parts, found: list[Details], body: type[BaseModel] | None) -> Fault:
    first = found[0]
    kind, given = first["type"], _shown(first.get("input"))
    if kind == "missing":
        if parts == ("body",):
            hint = "send it with `Content-Type: application/json`"
            return Fault(path="body", wanted="a JSON object, and there is no body", hint=hint)
        return Fault(path=show(parts), wanted="required")
    if kind == "extra_forbidden":
        known = _fields_at(body, parts[:-1])
        hint = closest(str(parts[-1]), known) or (f"known here: {', '.join(known)}" if known else "leave it out")
        return Fault(path=show(parts), wanted="no such field", given=given, hint=hint)
    wanted = " or ".join(dict.fromkeys(_wanted(each) for each in found))
    key = first["loc"][-1] == "[key]"
    if key:
        given = _shown(str(parts[-1]) if parts else "")
    return Fault(path=show(parts), wanted=f"as a name {wanted}" if key else wanted, given=given)


def _wanted(error: Details) -> str:
    kind, limits = error["type"], error.get("ctx", {})
    words: Mapping[str, Callable[[], str]] = {
        "greater_than_equal": lambda: f"{_plain(limits['ge'])} or more",
        "greater_than": lambda: f"more than {_plain(limits['gt'])}",
        "less_than_equal": lambda: f"at most {_plain(limits['le'])}",
        "less_than": lambda: f"less than {_plain(limits['lt'])}",
        "string_too_short": lambda: f"at least {_many(limits['min_length'], 'character')}",
        "string_too_long": lambda: f"at most {_many(limits['max_length'], 'character')}",
        "too_short": lambda: f"at least {_many(limits['min_length'], 'item')}",
        "too_long": lambda: f"at most {_many(limits['max_length'], 'item')}",
        "string_pattern_mismatch": lambda: _PATTERNS.get(limits["pattern"], f"a text like {limits['pattern']}"),
        "literal_error": lambda: f"one of {limits['expected']}",
        "enum": lambda: f"one of {limits['expected']}",
    }
    return words[kind]() if kind in words else _WANTED.get(kind, str(error["msg"]))


NO_NUL = r"^[^\x00]*$"
"""Names: no database keeps a NUL."""

_PATTERNS = {NO_NUL: "a text without NUL characters", "^(json|csv)$": "json or csv"}


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _plain(limit: float) -> str:
    return str(int(limit)) if float(limit).is_integer() and abs(limit) < 1e15 else str(limit)


def _no_json(error: Details, text: str) -> Fault:
    """Where the body stops to be JSON. FastAPI keeps the place as the last piece of the path, counted from 0."""
    position = int(error["loc"][-1])
    line, column = text.count("\n", 0, position) + 1, position - (text.rfind("\n", 0, position) + 1) + 1
    said = str(error.get("ctx", {}).get("error", "")).lower()
    around = text[max(position - 20, 0) : position + 20]
    hint = "in a shell, put the whole body in single quotes"
    return Fault(path="body", given=_shown(around), wanted=f"JSON: {said} at line {line}, column {column}", hint=hint)


def _fields_at(body: type[BaseModel] | None, parts: Parts) -> list[str]:
    """The fields that a body knows at a place."""
    place: Any = body
    for part in parts:
        if isinstance(part, str):
            field = getattr(place, "model_fields", {}).get(part)
            place = None if field is None else _model_in(field.annotation)
    return list(getattr(place, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    """The model in a type such as `list[Model]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in getattr(annotation, "__args__", ()) if (found := _model_in(each))), None)


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object" if value else "{}"
    if isinstance(value, list):
        return "a list" if value else "[]"
    return cut(json.dumps(value, ensure_ascii=bool(re.search("[\ud800-\udfff]", str(value)))), GIVEN_LIMIT)
