"""Vizier's search space: a tree of parameters, where ours is a list whose members may depend on another one.

A child that its specification repeats for several values of its parent is one parameter. Two children of the same id
that differ become two parameters, of which the second has another name here; they must not be active together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from katib.core.space import ParameterType, SearchSpace, Value
from katib.errors import Fault, InvalidInput
from katib.rpc import vizier

Spec = vizier.StudySpec.ParameterSpec

GRID_POINTS = 10
"""Points of a double on a grid, as Vizier's grid search has them."""

EXACT = 2**53
"""Whole numbers up to here are exact as doubles."""


@dataclass(kw_only=True)
class Flat:
    """One parameter of the list.

    Attributes:
        name: ours; the id, where no other parameter has it.
        spec: its message, children included.
        parent: ours; None when it is always active.
        values: of the parent, as texts.
    """

    name: str
    spec: Spec
    parent: "Flat | None" = None
    values: list[str] = field(default_factory=list)

    def conditions(self) -> dict[str, frozenset[str]]:
        """What holds when it is active: the values that each parameter above it may have."""
        if self.parent is None:
            return {}
        return {**self.parent.conditions(), self.parent.name: frozenset(self.values)}


def flatten(parameters: Iterable[Spec]) -> list[Flat]:
    """The tree as a list, parents first. Raises InvalidInput for twins that may be active together."""
    flats: list[Flat] = []
    for spec in parameters:
        _add(flats, spec, None, [])
    faults = [
        Fault(path=_path(one.spec), wanted="each parameter_id once, or in children of different values of one parent")
        for one, other in combinations(flats, 2)
        if one.spec.parameter_id == other.spec.parameter_id and not _exclusive(one, other)
    ]
    if faults:
        raise InvalidInput(faults, what="the search space")
    return flats


def _add(flats: list[Flat], spec: Spec, parent: Flat | None, values: list[str]) -> None:
    for known in flats:
        if parent is not None and known.parent is parent and known.spec == spec:
            known.values += [value for value in values if value not in known.values]
            return
    name = spec.parameter_id
    if parent is not None and name in {flat.name for flat in flats}:
        name = f"{name} ({parent.name}={','.join(values)})"
    flat = Flat(name=name, spec=spec, parent=parent, values=list(values))
    flats.append(flat)
    for child in spec.conditional_parameter_specs:
        _add(flats, child.parameter_spec, flat, _parent_values(child))


def _exclusive(one: Flat, other: Flat) -> bool:
    first, second = one.conditions(), other.conditions()
    return any(first[name].isdisjoint(second[name]) for name in first.keys() & second.keys())


def _parent_values(child: Spec.ConditionalParameterSpec) -> list[str]:
    match child.WhichOneof("parent_value_condition"):
        case "parent_discrete_values":
            return [number_text(value) for value in child.parent_discrete_values.values]
        case "parent_int_values":
            return [str(value) for value in child.parent_int_values.values]
        case "parent_categorical_values":
            return list(child.parent_categorical_values.values)
    return []


def number_text(value: float) -> str:
    """A number as an item of a list: whole ones without a fraction."""
    return str(int(value)) if value.is_integer() and abs(value) <= EXACT else repr(value)


def parameter_document(flat: Flat, *, grid: bool) -> dict[str, Any]:
    """A parameter as an Experiment has it.

    Args:
        grid: a double gets a step, because a grid cannot do without.

    Raises InvalidInput for what cannot be searched here.
    """
    spec = flat.spec
    kind = spec.WhichOneof("parameter_value_spec")
    if kind is None:
        wanted = "one of double_value_spec, integer_value_spec, discrete_value_spec, categorical_value_spec"
        raise InvalidInput([Fault(path=_path(spec), wanted=wanted)], what="the search space")
    document: dict[str, Any] = {"name": flat.name, **_KINDS[kind](spec, grid)}
    if flat.parent is not None:
        document["condition"] = {"parameter": flat.parent.name, "values": list(flat.values)}
    return document


def _double(spec: Spec, grid: bool) -> dict[str, Any]:
    low, high = spec.double_value_spec.min_value, spec.double_value_spec.max_value
    space = {"min": repr(low), "max": repr(high), "distribution": _distribution(spec)}
    if grid and high > low:
        space["step"] = repr((high - low) / (GRID_POINTS - 1))
    return {"parameterType": "double", "feasibleSpace": space}


def _integer(spec: Spec, _grid: bool) -> dict[str, Any]:
    bounds = spec.integer_value_spec
    space = {"min": str(bounds.min_value), "max": str(bounds.max_value), "distribution": _distribution(spec)}
    return {"parameterType": "int", "feasibleSpace": space}


def _discrete(spec: Spec, _grid: bool) -> dict[str, Any]:
    values = [number_text(value) for value in spec.discrete_value_spec.values]
    return {"parameterType": "discrete", "feasibleSpace": {"list": values}}


def _categorical(spec: Spec, _grid: bool) -> dict[str, Any]:
    return {"parameterType": "categorical", "feasibleSpace": {"list": list(spec.categorical_value_spec.values)}}


_KINDS = {
    "double_value_spec": _double,
    "integer_value_spec": _integer,
    "discrete_value_spec": _discrete,
    "categorical_value_spec": _categorical,
}


def _distribution(spec: Spec) -> str:
    if spec.scale_type == Spec.UNIT_REVERSE_LOG_SCALE:
        fault = Fault(
            path=f"{_path(spec)}.scale_type",
            given="UNIT_REVERSE_LOG_SCALE",
            wanted="a linear or a logarithmic scale: no algorithm here searches a reversed one",
            hint="search min + max - x on a logarithmic scale, and turn it back in the trial",
        )
        raise InvalidInput([fault], what="the search space")
    return "logUniform" if spec.scale_type == Spec.UNIT_LOG_SCALE else "uniform"


def _path(spec: Spec) -> str:
    return f"study.study_spec.parameters[{spec.parameter_id}]"


@dataclass(frozen=True, kw_only=True)
class Names:
    """Parameters' names here, and their ids on the wire."""

    ids: Mapping[str, str]

    @classmethod
    def of(cls, parameters: Iterable[Spec]) -> "Names":
        """Those of a study's specification."""
        return cls(ids={flat.name: flat.spec.parameter_id for flat in flatten(parameters)})

    def write(self, assignment: Mapping[str, Value], space: SearchSpace) -> list[vizier.Trial.Parameter]:
        """An assignment as Vizier has it; whole numbers travel as doubles there."""
        found = []
        for name, value in assignment.items():
            message = vizier.Trial.Parameter(parameter_id=self.ids.get(name, name))
            if space[name].type is ParameterType.CATEGORICAL:
                message.value.string_value = str(value)
            else:
                message.value.number_value = float(value)
            found.append(message)
        return found

    def read(self, parameters: Iterable[vizier.Trial.Parameter], space: SearchSpace) -> dict[str, float | str]:
        """An assignment by our names, not yet checked against the space. Raises InvalidInput."""
        given: dict[str, float | str] = {}
        faults = []
        for each in parameters:
            path = f"trial.parameters[{each.parameter_id}]"
            kind = each.value.WhichOneof("kind")
            if each.parameter_id in given:
                faults.append(Fault(path=path, wanted="each parameter once"))
            elif kind == "number_value":
                given[each.parameter_id] = each.value.number_value
            elif kind == "string_value":
                given[each.parameter_id] = each.value.string_value
            elif kind == "bool_value":
                given[each.parameter_id] = str(each.value.bool_value)
            else:
                faults.append(Fault(path=path, given=kind or "nothing", wanted="a number or a string"))
        if faults:
            raise InvalidInput(faults, what="the trial")
        return self._ours(given, space)

    def _ours(self, given: Mapping[str, float | str], space: SearchSpace) -> dict[str, float | str]:
        """By our names: of twins, the one that is active beside the other values."""
        twins = {name: each for name, each in self.ids.items() if name != each}
        found = dict(given)
        for name, each in twins.items():
            condition = space[name].condition
            parent = condition and self.ids.get(condition.parameter, condition.parameter)
            if condition is None or each not in found or parent not in given:
                continue
            wanted = {str(value) for value in condition.values}
            if _as_item(given[str(parent)]) in wanted:
                found[name] = found.pop(each)
        return found


def _as_item(value: float | str) -> str:
    return value if isinstance(value, str) else number_text(value)
