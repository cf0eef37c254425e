"""What v1beta1 has at a path: for hints on unknown fields, for `--set`, and for keeping texts as they were written."""

import difflib
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from katib.spec.experiment import Experiment, Model
from katib.spec.paths import Parts

Place = Any
"""The type that stands at a path: a Model, `list[...]`, `dict[...]`, a scalar's type, or Any where all is allowed."""

ROOT: Place = Experiment


def step(place: Place, key: str | int) -> Place:
    """The place of `key` within `place`; None when there can be no such key."""
    place = bare(place)
    if fields := fields_of(place):
        return fields.get(str(key))
    if origin(place) in (list, dict):
        return get_args(place)[-1]
    return Any if place is Any else None


def place_at(parts: Parts) -> Place:
    """The place at a path from the root; None when v1beta1 has no such field."""
    place = ROOT
    for part in parts:
        place = None if place is None else step(place, part)
    return place


def bare(place: Place) -> Place:
    """The type without Optional and Annotated."""
    kind = origin(place)
    if kind is Annotated:
        return bare(get_args(place)[0])
    if kind in (Union, types.UnionType):
        options = [option for option in get_args(place) if option is not type(None)]
        return bare(options[0]) if len(options) == 1 else place
    return place


def fields_of(place: Place) -> dict[str, Place]:
    """The fields of a model, as users write them; empty for anything else."""
    place = bare(place)
    if not (isinstance(place, type) and issubclass(place, Model)):
        return {}
    return {str(field.alias): field.annotation for field in place.model_fields.values()}


def is_text(place: Place, parts: Parts) -> bool:
    """Whether v1beta1 (or, within a trial's object, a Kubernetes container or its metadata) wants a string here."""
    place = bare(place)
    return place is str or origin(place) is Literal or (place is Any and (is_container_text(parts) or _is_label(parts)))


def origin(place: Place) -> Any:
    """`list` of `list[int]`, and so on; None for a plain type."""
    return get_origin(place)


def closest(word: str, options: Iterable[str]) -> str:
    """`did you mean …?` for the option that looks most like `word`; empty when none does."""
    by_lower = {option.lower(): option for option in options}
    word = word.lower().replace("_", "")
    found = difflib.get_close_matches(word, by_lower, n=1, cutoff=0.6)
    if not found and len(word) > 2:
        found = [option for option in by_lower if word in option]
    return f"did you mean `{by_lower[found[0]]}`?" if len(found) == 1 else ""


def is_container_text(parts: Parts) -> bool:
    """Whether a path within a trial's object is one of the texts that the kubelet expands in a container."""
    match parts:
        case (*_, "containers" | "initContainers", int(), "command" | "args", int()):
            return True
        case (*_, "containers" | "initContainers", int(), "env", int(), "value"):
            return True
        case (*_, "trainer" | "container", "command" | "args", int()):  # a TrainJob's, an Argo template's
            return True
        case (*_, "trainer" | "container", "env", int(), "value"):
            return True
        case _:
            return False


def is_container_word(parts: Parts) -> bool:
    """Whether a path within a trial's object is an item of a container's command or args."""
    return is_container_text(parts) and isinstance(parts[-1], int)


def _is_label(parts: Parts) -> bool:
    return len(parts) > 2 and parts[-3] == "metadata" and parts[-2] in ("labels", "annotations")
