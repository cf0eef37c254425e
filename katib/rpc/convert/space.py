"""Parameters and assignments: ParameterSpec <-> Range or Choice, and the texts of values."""

from collections.abc import Iterable, Mapping
from typing import Any

from katib.core.space import Assignment, Choice, Distribution, Parameter, ParameterType, SearchSpace, as_text
from katib.rpc import api

_TYPES: Mapping[ParameterType, api.ParameterType] = {
    ParameterType.DOUBLE: api.DOUBLE,
    ParameterType.INT: api.INT,
    ParameterType.DISCRETE: api.DISCRETE,
    ParameterType.CATEGORICAL: api.CATEGORICAL,
}
_DISTRIBUTIONS: Mapping[Distribution, api.Distribution] = {
    Distribution.UNIFORM: api.UNIFORM,
    Distribution.LOG_UNIFORM: api.LOG_UNIFORM,
    Distribution.NORMAL: api.NORMAL,
    Distribution.LOG_NORMAL: api.LOG_NORMAL,
}
_TYPE_NAMES = {int(number): kind.value for kind, number in _TYPES.items()}
_DISTRIBUTION_NAMES = {int(number): law.value for law, number in _DISTRIBUTIONS.items()}


def write_parameter(parameter: Parameter) -> api.ParameterSpec:
    """The message of a parameter."""
    if isinstance(parameter, Choice):
        # Katib's defaults put a distribution on every parameter, so that is what its services are used to.
        space = api.FeasibleSpace(list=parameter.values, distribution=api.UNIFORM)
    else:
        text = _int_text if parameter.type is ParameterType.INT else repr
        space = api.FeasibleSpace(
            min=text(parameter.low),
            max=text(parameter.high),
            step="" if parameter.step is None else text(parameter.step),
            distribution=_DISTRIBUTIONS[parameter.distribution],
        )
    when = parameter.condition
    condition = api.ParameterCondition(parameter=when.parameter, values=map(as_text, when.values)) if when else None
    return api.ParameterSpec(
        name=parameter.name, parameter_type=_TYPES[parameter.type], feasible_space=space, condition=condition
    )


def parameter_document(spec: api.ParameterSpec) -> dict[str, Any]:
    """The parameter as an Experiment has it."""
    space = spec.feasible_space
    feasible: dict[str, Any] = {"min": space.min, "max": space.max, "step": space.step, "list": list(space.list)}
    # A distribution means nothing to a list, and Katib sends one all the same.
    feasible["distribution"] = "uniform" if space.list else _DISTRIBUTION_NAMES.get(space.distribution, "uniform")
    document = {
        "name": spec.name,
        "parameterType": _TYPE_NAMES.get(spec.parameter_type, ""),
        "feasibleSpace": feasible,
    }
    if spec.HasField("condition"):
        document["condition"] = {"parameter": spec.condition.parameter, "values": list(spec.condition.values)}
    return document


def write_assignment(assignment: Assignment) -> list[api.ParameterAssignment]:
    """The messages of an assignment."""
    return [api.ParameterAssignment(name=name, value=as_text(value)) for name, value in assignment.items()]


def read_assignment(space: SearchSpace, given: Iterable[api.ParameterAssignment]) -> Assignment:
    """The assignment, in the order of the space. Raises ValueError when it is no point of the space."""
    texts = {each.name: each.value for each in given}
    if unknown := [name for name in texts if name not in space.names]:
        raise ValueError(f"it has values for {', '.join(unknown)}, which are no parameters")
    found = {each.name: each.parse(texts[each.name]) for each in space.parameters if each.name in texts}
    active = [parameter.name for parameter in space.active(found)]
    if list(found) != active:
        raise ValueError(f"its parameters are {', '.join(found) or 'none'}, not {', '.join(active)}")
    return found


def _int_text(number: float) -> str:
    return str(int(number))
