"""Data -> the Experiment model, with every fault of shape: unknown fields, wrong types, words that are not allowed."""

import copy
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from katib.errors import Fault, cut
from katib.spec import schema
from katib.spec.experiment import Experiment
from katib.spec.paths import Parts, show
from katib.spec.yamltext import would_be_read

GIVEN_LIMIT = 80

_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list (lines that begin with `-`)",
    "dict_type": "a mapping (`key: value` lines)",
    "model_type": "a mapping (`key: value` lines)",
    "greater_than_equal": f"a whole number from {-(2**31)} to {2**31 - 1}",
    "less_than_equal": f"a whole number from {-(2**31)} to {2**31 - 1}",
}

_RENAMED = {"None": "since Katib 0.18 it is called `Push`", "unknown": "say which"}

_MEANT = {
    "double": ("float", "real", "number"),
    "int": ("integer", "long"),
    "categorical": ("choice", "string", "str", "enum", "bool", "boolean"),
    "logUniform": ("log", "loguniform"),
    "minimize": ("min",),
    "maximize": ("max",),
}
"""Our words, and those that other tools have for the same."""


def plain(value: Any, parts: Parts = ()) -> tuple[Any, list[Fault]]:
    """A copy made of dicts, lists and the scalars that JSON has; faults for the rest."""
    if isinstance(value, bool) or value is None:
        return value, []
    if isinstance(value, str):
        return str(value), []
    if isinstance(value, int):
        return int(value), []
    if isinstance(value, float) and math.isfinite(value):
        return float(value), []
    if isinstance(value, Mapping):
        return _plain_mapping(value, parts)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        pairs = [plain(item, (*parts, index)) for index, item in enumerate(value)]
        return [item for item, _faults in pairs], [fault for _item, faults in pairs for fault in faults]
    return None, [Fault(path=show(parts), wanted="a value that JSON has", given=cut(repr(value), GIVEN_LIMIT))]


def _plain_mapping(value: Mapping[Any, Any], parts: Parts) -> tuple[dict[str, Any], list[Fault]]:
    data: dict[str, Any] = {}
    faults: list[Fault] = []
    for key, item in value.items():
        if isinstance(key, str):
            data[str(key)], found = plain(item, (*parts, str(key)))
            faults += found
        else:
            faults.append(Fault(path=show(parts) or "document", wanted="texts as keys", given=repr(key)))
    return data, faults


def parse(data: dict[str, Any]) -> tuple[Experiment, list[Fault]]:
    """The Experiment, and every fault of shape. What is at fault is left out, so that the rules can judge the rest."""
    faults: list[Fault] = []
    while True:
        try:
            return Experiment.model_validate(data), faults
        except ValidationError as error:
            placed = {_resolve(data, details["loc"]): details for details in reversed(error.errors(include_url=False))}
            faults += [_fault(parts, details) for parts, details in reversed(placed.items())]
            data = copy.deepcopy(data)
            for parts in placed:
                _leave_out(data, parts)


def _resolve(data: Any, location: tuple[int | str, ...]) -> Parts:
    # pydantic adds the names of a union's members to the path; what is not in the data is no part of it.
    parts: Parts = ()
    for part in location:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if not inside:
            break
        data = data[part]
        parts = (*parts, part)
    return parts


def _leave_out(data: Any, parts: Parts) -> None:
    for part in parts[:-1]:
        data = data[part]
    last = parts[-1]
    place = schema.bare(schema.place_at(parts))
    if isinstance(data, dict) and schema.origin(place) is list:
        # That there is a list was said: no rule shall miss it, or what may stand in its place.
        data[last] = []
    elif isinstance(data, dict):
        del data[last]
    else:
        # Its place is kept: the positions of the others are in the paths of their faults.
        data[last] = {} if schema.fields_of(schema.place_at(parts)) else ""


def _fault(parts: Parts, details: ErrorDetails) -> Fault:
    path, kind, given = show(parts), details["type"], details["input"]
    if kind == "extra_forbidden":
        known = schema.fields_of(schema.place_at(parts[:-1]))
        hint = schema.closest(str(parts[-1]), known) or f"known here: {', '.join(known)}"
        return Fault(path=path, wanted="unknown field", hint=hint)
    if kind == "literal_error":
        options = [word for word in re.findall(r"'([^']*)'", details.get("ctx", {}).get("expected", "")) if word]
        hint = _RENAMED.get(str(given)) or (_meant(given, options) if isinstance(given, str) else "")
        return Fault(path=path, wanted=f"one of {', '.join(options)}", given=shown(given), hint=hint)
    quoted = isinstance(given, str) and kind in ("int_type", "float_type", "bool_type") and would_be_read(given)
    hint = "write it without quotes" if quoted else ""
    return Fault(path=path, wanted=_WANTED.get(kind, details["msg"]), given=shown(given), hint=hint)


def _meant(given: str, options: Sequence[str]) -> str:
    """Which of the options a word stands for."""
    same = [option for option in options if given.lower() in _MEANT.get(option, ())]
    return f"did you mean `{same[0]}`?" if same else schema.closest(given, options)


def shown(value: Any) -> str:
    """A value as a fault shows it."""
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else cut(json.dumps(value, ensure_ascii=False), GIVEN_LIMIT)
