"""What clients send, as values of the core: assignments, final metrics."""

import math
from collections.abc import Mapping, Sequence

from katib.core.objective import Objective
from katib.core.observation import MetricPoint, Metrics
from katib.core.space import Assignment, Parameter, ParameterType, SearchSpace, Value
from katib.errors import Fault, InvalidInput

NANOSECONDS = 1_000_000_000


def assignment_of(space: SearchSpace, given: Mapping[str, object]) -> Assignment:
    """An assignment that a person wrote: whole numbers may stand for doubles, numbers for items of a list.

    Raises InvalidInput with every fault.
    """
    faults = [
        Fault(path=f"parameters.{name}", wanted=f"a parameter of the study: {', '.join(space.names)}")
        for name in given
        if name not in space.names
    ]
    values: dict[str, Value] = {}
    for parameter in space.parameters:
        if parameter.name not in given:
            continue
        try:
            values[parameter.name] = _value(parameter, given[parameter.name])
        except ValueError as error:
            path = f"parameters.{parameter.name}"
            faults.append(Fault(path=path, given=repr(given[parameter.name]), wanted=str(error)))
    if not faults:
        active = [parameter.name for parameter in space.active(values)]
        faults += [Fault(path=f"parameters.{name}", wanted="a value") for name in active if name not in values]
        faults += [
            Fault(path=f"parameters.{name}", given=repr(given[name]), wanted="no value: its condition does not hold")
            for name in values
            if name not in active
        ]
    if faults:
        raise InvalidInput(faults, what="the assignment")
    return values


def _value(parameter: Parameter, given: object) -> Value:
    """Raises ValueError with what was wanted."""
    if parameter.type is ParameterType.CATEGORICAL:
        return parameter.parse(str(given))
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise ValueError("a number")
    if parameter.type is ParameterType.DISCRETE:
        return _listed(parameter, given)
    try:
        return parameter.parse(str(given))
    except OverflowError as error:
        raise ValueError(str(error)) from error


def _listed(parameter: Parameter, given: float | str) -> Value:
    """The item of a list of numbers that equals `given`, in the words of the list."""
    for text in getattr(parameter, "values", ()):
        if text == given or float(text) == float(given):
            return str(text)
    return parameter.parse(str(given))


def final_points(metrics: Mapping[str, float], *, step: int | None, now: float) -> tuple[MetricPoint, ...]:
    """The values with which a trial was completed, as observations.

    Without a step their place among the others is the time: completing twice at different times is two reports.
    """
    seq = int(now * NANOSECONDS)
    return tuple(
        MetricPoint(metric=name, value=float(value), text=repr(float(value)), seq=seq, step=step, time=now)
        for name, value in metrics.items()
    )


def final_values(
    objectives: Sequence[Objective], metrics: Mapping[str, float] | None, folded: Metrics, ordinal: int
) -> tuple[float, ...] | str:
    """A value per objective: the one it was completed with, else what was reported; or why it has none.

    Raises InvalidInput when nothing was given or reported for an objective.
    """
    values, faults, diverged = [], [], ""
    for objective in objectives:
        name = objective.metric
        reported = folded.get(name)
        given = metrics.get(name) if metrics else None
        if given is None and (reported is None or reported.latest is None):
            wanted = f"a value for {name}, the study's objective"
            faults.append(Fault(path=f"metrics.{name}", wanted=wanted, hint="or report one before completing"))
            continue
        latest = given if given is not None else reported.latest if reported is not None else math.nan
        if latest is None or not math.isfinite(latest):
            diverged = diverged or f"{name} ended as {latest}"
            continue
        value = given if given is not None else objective.value(folded)
        values.append(float(value if value is not None else latest))
    if faults:
        raise InvalidInput(faults, what=f"completing trial {ordinal}")
    return diverged or tuple(values)
