"""A search space as a unit cube: the one place that turns coordinates into values and back.

A coordinate u, uniform in [0, 1), gives a value with the parameter's own distribution. A stepped parameter is the
continuous one over its bounds widened by half a step, rounded to the nearest allowed value: under a uniform
distribution every allowed value, the end points included, then has the same share. List values have equal shares;
those of a discrete parameter lie in numeric order, those of a categorical one in the order the user wrote.

Every parameter has a coordinate, active or not. That of an inactive one has no meaning: decoding ignores it, encoding
gives it `NEUTRAL`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Protocol

from katib.core.space import Assignment, Choice, Distribution, Parameter, ParameterType, Range, SearchSpace, Value

_LEAST, _MOST = 1e-300, 1 - 2.0**-53
"""The probabilities next to 0 and 1 whose normal quantile is finite."""


NEUTRAL = 0.5
"""The coordinate of a parameter that is not active: the middle, from which no value is far."""


class Axis(Protocol):
    """One parameter as a coordinate."""

    def decode(self, u: float) -> Value:
        """The value at coordinate `u`, 0 <= u <= 1."""
        ...

    def encode(self, value: Value) -> float:
        """The coordinate of `value`: the middle of those that decode to it. Raises ValueError when it has none."""
        ...


class Shares:
    """Equal shares: a uniform stepped parameter, or a list."""

    def __init__(self, parameter: Parameter, size: int) -> None:
        self.parameter = _ordered(parameter)
        self.size = size

    def decode(self, u: float) -> Value:
        return self.parameter.at(min(int(u * self.size), self.size - 1))

    def encode(self, value: Value) -> float:
        return (self.parameter.index(value) + 0.5) / self.size


class Curve:
    """A continuous parameter of any distribution."""

    def __init__(self, parameter: Range) -> None:
        self.parameter = parameter
        self._spread = _Spread(parameter, parameter.low, parameter.high)

    def decode(self, u: float) -> Value:
        return self.parameter.nearest(self._spread.number(u))

    def encode(self, value: Value) -> float:
        if isinstance(value, str):
            raise ValueError(f"{self.parameter.name}: {value!r} is not a number")
        return self._spread.share(value)


class Stairs:
    """A stepped parameter that is not uniform."""

    def __init__(self, parameter: Range, size: int) -> None:
        self.parameter = parameter
        self.size = size
        self._step = parameter.grid_step or 1.0
        bottom = parameter.low - self._step / 2
        if parameter.log:
            # The logarithm needs a positive edge; low / 2 is where half a step below 1 lies for integers from 1.
            bottom = max(bottom, parameter.low / 2)
        self._spread = _Spread(parameter, bottom, self._edge(size))

    def decode(self, u: float) -> Value:
        position = math.floor((self._spread.number(u) - self.parameter.low) / self._step + 0.5)
        return self.parameter.at(min(max(position, 0), self.size - 1))

    def encode(self, value: Value) -> float:
        position = self.parameter.index(value)
        below = 0.0 if position == 0 else self._spread.share(self._edge(position))
        return (below + self._spread.share(self._edge(position + 1))) / 2

    def _edge(self, position: int) -> float:
        """The lower edge of the share of grid position `position`."""
        return self.parameter.low + (position - 0.5) * self._step


class _Spread:
    """A distribution cut to [bottom, top]: the share of it below a number, and back."""

    def __init__(self, parameter: Range, bottom: float, top: float) -> None:
        self._log = parameter.log
        low, high = self._warped(parameter.low), self._warped(parameter.high)
        bell = parameter.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL)
        # Halves and sixths are taken before they are added: high - low may be too large for a float.
        self._normal = NormalDist(low / 2 + high / 2, high / 6 - low / 6) if bell else None
        self._start, self._end = self._risen(self._warped(bottom)), self._risen(self._warped(top))

    def number(self, u: float) -> float:
        at = self._start * (1 - u) + self._end * u
        # An edge many deviations away has a share of exactly 0 or 1, where the inverse is infinite.
        x = at if self._normal is None else self._normal.inv_cdf(min(max(at, _LEAST), _MOST))
        return math.exp(x) if self._log else x

    def share(self, number: float) -> float:
        # Divided by two on both sides, again because of the largest floats.
        part = self._risen(self._warped(number)) / 2 - self._start / 2
        return min(max(part / (self._end / 2 - self._start / 2), 0.0), 1.0)

    def _warped(self, number: float) -> float:
        return math.log(number) if self._log else number

    def _risen(self, x: float) -> float:
        return x if self._normal is None else self._normal.cdf(x)


def axis(parameter: Parameter) -> Axis:
    """The coordinate of one parameter."""
    if isinstance(parameter, Choice):
        return Shares(parameter, parameter.size)
    if parameter.size is None:
        return Curve(parameter)
    even = parameter.size == 1 or parameter.distribution is Distribution.UNIFORM
    return Shares(parameter, parameter.size) if even else Stairs(parameter, parameter.size)


class Cube:
    """A search space as coordinates, one per parameter in the order of the space."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.axes = tuple(axis(parameter) for parameter in space.parameters)
        self._places = {parameter.name: place for place, parameter in enumerate(space.parameters)}

    def decode(self, point: Sequence[float]) -> dict[str, Value]:
        """The assignment at `point`, as many coordinates in [0, 1] as the space has parameters."""
        if len(point) != len(self.axes):
            raise ValueError(f"expected {len(self.axes)} coordinates, got {len(point)}")
        places = self._places
        return self.space.assign(lambda each: self.axes[places[each.name]].decode(point[places[each.name]]))

    def encode(self, assignment: Assignment) -> list[float]:
        """The point of `assignment`; the coordinate of an inactive parameter is NEUTRAL.

        Raises ValueError when it is not in the space, KeyError when an active parameter has no value.
        """
        point = [NEUTRAL] * len(self.axes)
        for parameter in self.space.active(assignment):
            place = self._places[parameter.name]
            point[place] = self.axes[place].encode(assignment[parameter.name])
        return point


def _ordered(parameter: Parameter) -> Parameter:
    """The parameter with its list in the order that its type means."""
    if isinstance(parameter, Choice) and parameter.type is ParameterType.DISCRETE:
        return replace(parameter, values=tuple(sorted(parameter.values, key=float)))
    return parameter
