"""The resource of a multi-fidelity algorithm: the parameter that says how much a trial may use.

Amounts are fractions, so that 3^5 is 243 and the number of rungs never depends on how a logarithm is rounded.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from algorithms.options import Option, path
from katib.core.space import Choice, Parameter, ParameterType, Value
from katib.core.study import StudyConfig
from katib.errors import Fault

LEAST_FACTOR = 2
"""Below it neighbouring rungs differ too little to tell anything, and an integer resource may give two the same."""


def amount(text: str) -> Fraction:
    """A number as it is written, exactly: 0.1 is a tenth. Raises ValueError."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text.strip()} is not finite")
    # Written out, what is next to nothing may have more digits than there is memory.
    return Fraction(text.strip()) if number else Fraction(0)


RESOURCE_NAME: Option[str] = Option(
    name="resource_name",
    accepts="the name of a parameter that is int, double or discrete",
    default="",
    what="The parameter that says how much a trial may use: epochs, samples, seconds.",
    absent="",
    parse=str,
    allows=bool,
    refusal="value of resource_name setting must be in parameters.",
)


ETA: Option[Fraction] = Option(
    name="eta",
    accepts="a number >= 2",
    default="3",
    what="One of so many goes on to the next rung, with so many times the resource.",
    absent=Fraction(3),
    type="number",
    parse=amount,
    allows=lambda value: value >= LEAST_FACTOR,
)


class Resource:
    """A parameter as an amount that can be given out.

    Attributes:
        least, most: the lowest and the highest amount that it allows.
    """

    def __init__(self, parameter: Parameter) -> None:
        """Raises ValueError when the parameter's values are no amounts."""
        self.parameter = parameter
        if isinstance(parameter, Choice):
            if parameter.type is ParameterType.CATEGORICAL:
                raise ValueError(f"{parameter.name} is categorical")
            # By amount, each with the text that the trial gets.
            self._listed = sorted((Fraction(float(text)), text) for text in parameter.values)
            self.least, self.most = self._listed[0][0], self._listed[-1][0]
        else:
            self._listed = []
            self.least, self.most = _exact(parameter.low), _exact(parameter.high)

    def at(self, wanted: Fraction) -> Value:
        """The highest allowed value that is not above `wanted`; the lowest one when all are."""
        wanted = min(max(wanted, self.least), self.most)
        parameter = self.parameter
        if isinstance(parameter, Choice):
            return next(text for value, text in reversed(self._listed) if value <= wanted)
        if parameter.size is None or parameter.grid_step is None:
            return float(wanted)
        position = (wanted - self.least) // _exact(parameter.grid_step)
        return parameter.at(min(int(position), parameter.size - 1))


def _exact(number: float) -> Fraction:
    """The number that was written, of which a float is only the nearest one."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def rungs_between(least: Fraction, most: Fraction, factor: Fraction) -> int:
    """The highest k for which least * factor^k <= most; -1 when there is none. Exact."""
    k = -1
    while least <= most:
        least *= factor
        k += 1
    return k


def resource_faults(config: StudyConfig) -> list[Fault]:
    """What is wrong with the parameter that `resource_name` names; nothing when the setting is absent."""
    name = RESOURCE_NAME.of(config)
    if not name:
        return []
    where = path(RESOURCE_NAME.name)
    if name not in config.space.names:
        hint = f"the parameters are {', '.join(config.space.names)}"
        return [Fault(path=where, given=name, wanted=RESOURCE_NAME.refusal, hint=hint, verbatim=True)]
    try:
        resource = Resource(config.space[name])
    except ValueError as error:
        wanted = f"the resource must be a parameter of type int, double or discrete; {error}"
        return [Fault(path=where, given=name, wanted=wanted)]
    if resource.most <= 0:
        wanted = f"the resource must be able to be more than 0; {name} is at most {float(resource.most):g}"
        return [Fault(path=where, given=name, wanted=wanted)]
    tied = [
        each.name
        for each in config.space.parameters
        if each.condition and name in (each.name, each.condition.parameter)
    ]
    if tied:
        wanted = (
            f"the resource is always active, and nothing depends on it; {', '.join(tied)} must have no such condition"
        )
        return [Fault(path="spec.parameters", given=name, wanted=wanted)]
    if len(config.space.parameters) == 1:
        wanted = f"there must be a parameter to search beside the resource {name}"
        return [Fault(path="spec.parameters", given=name, wanted=wanted)]
    return []


def rung_faults(setting: str, values: Sequence[Value], amounts: Sequence[Fraction]) -> list[Fault]:
    """Whether each rung of a ladder has a value of its own: a coarse parameter may have one value for two."""
    if len(set(values)) == len(values):
        return []
    wanted = f"the rungs {', '.join(f'{float(each):g}' for each in amounts)} must be different values of the resource"
    given = ", ".join(str(each) for each in values)
    return [Fault(path=path(setting), given=given, wanted=wanted, hint="give the parameter a finer step, or raise eta")]
