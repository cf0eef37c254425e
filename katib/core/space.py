"""The search space: what a parameter may be; one meaning of bounds, step and distribution for all algorithms."""

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

Value = float | int | str
"""A parameter's value: float (double), int (int), or the text as the user wrote it (discrete, categorical)."""

Assignment = Mapping[str, Value]
"""Parameter name -> value, in the order of the search space."""


class ParameterType(StrEnum):
    DOUBLE = "double"
    INT = "int"
    DISCRETE = "discrete"
    CATEGORICAL = "categorical"


class Distribution(StrEnum):
    """How probability spreads over [low, high]; the last two have mean (low+high)/2 and sigma (high-low)/6, clipped."""

    UNIFORM = "uniform"
    LOG_UNIFORM = "logUniform"
    NORMAL = "normal"
    LOG_NORMAL = "logNormal"


LOG_DISTRIBUTIONS = frozenset({Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL})


@dataclass(frozen=True, kw_only=True)
class Range:
    """A numeric parameter: low <= value <= high, on the grid low + k*step when there is a step.

    Attributes:
        type: DOUBLE or INT.
        low, high: inclusive bounds; for a logarithmic distribution low > 0.
        step: distance of allowed values, > 0; None for a double means every float, None for an int means 1.
    """

    name: str
    type: ParameterType
    low: float
    high: float
    step: float | None = None
    distribution: Distribution = Distribution.UNIFORM

    @property
    def log(self) -> bool:
        return self.distribution in LOG_DISTRIBUTIONS

    @cached_property
    def grid_step(self) -> float | None:
        """The step that binds: an int always has one."""
        return (self.step or 1) if self.type is ParameterType.INT else self.step

    @cached_property
    def size(self) -> int | None:
        """How many values there are; None when they cannot be counted."""
        if self.low == self.high:
            return 1
        if self.grid_step is None:
            return None
        # The small addend keeps 0.3/0.1 = 2.9999999999999996 from losing the last grid point.
        return math.floor((self.high - self.low) / self.grid_step + 1e-9) + 1

    def at(self, index: int) -> Value:
        """The value at grid position `index`, 0 <= index < size."""
        if self.type is ParameterType.INT:
            return int(self.low) + index * int(self.grid_step or 1)
        if self.grid_step is None:
            return float(self.low)
        # Rounding to the decimals the user wrote turns 0.1 + 2*0.1 = 0.30000000000000004 back into 0.3.
        return min(round(self.low + index * self.grid_step, self._decimals), float(self.high))

    @cached_property
    def _decimals(self) -> int:
        return max(_decimals(self.low), _decimals(self.grid_step or 0.0))

    def index(self, value: Value) -> int:
        """The grid position of `value`: the inverse of `at`. Raises ValueError when it has none."""
        if self.size is not None and not isinstance(value, str):
            clipped = min(max(value, self.low), self.high)
            position = min(round((clipped - self.low) / (self.grid_step or 1.0)), self.size - 1)
            if self.at(position) == value:
                return position
        raise ValueError(f"{self.name}: {value!r} has no place on its grid")

    def nearest(self, number: float) -> Value:
        """The allowed value closest to `number`, clipped into the bounds."""
        number = min(max(number, self.low), self.high)
        if self.size is None:
            return float(number)
        step = self.grid_step or 1.0
        return self.at(min(max(round((number - self.low) / step), 0), self.size - 1))

    def parse(self, text: str) -> Value:
        """Read a value from text. Raises ValueError when it is no number, not on the grid or out of bounds."""
        number = float(text)
        if not self.low <= number <= self.high:
            raise ValueError(f"{self.name}: {text} is outside [{self.low}, {self.high}]")
        value = self.nearest(number)
        if not math.isclose(float(value), number, rel_tol=1e-9, abs_tol=1e-12):
            raise ValueError(f"{self.name}: {text} is not on the step of {self.grid_step} from {self.low}")
        return value

    def contains(self, value: Value) -> bool:
        """Whether `value` has the right type, is in bounds and on the step."""
        wanted = int if self.type is ParameterType.INT else float
        if type(value) is not wanted:
            return False
        try:
            return self.parse(repr(value)) == value
        except ValueError:
            return False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A parameter with a list of values, kept as the texts the user wrote, which is what the trial receives.

    Attributes:
        type: DISCRETE (every text is a number; order means something) or CATEGORICAL.
        values: distinct texts, at least one.
    """

    name: str
    type: ParameterType
    values: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.values)

    def at(self, index: int) -> Value:
        """The value at position `index`, 0 <= index < size."""
        return self.values[index]

    @cached_property
    def _positions(self) -> dict[Value, int]:
        return {value: position for position, value in enumerate(self.values)}

    def index(self, value: Value) -> int:
        """The position of `value`: the inverse of `at`. Raises ValueError when it is not in the list."""
        if value not in self._positions:
            raise ValueError(f"{self.name}: {value!r} is not one of {', '.join(self.values)}")
        return self._positions[value]

    def parse(self, text: str) -> Value:
        """Read a value from text. Raises ValueError when it is not in the list."""
        if text in self.values:
            return text
        raise ValueError(f"{self.name}: {text!r} is not one of {', '.join(self.values)}")

    def contains(self, value: Value) -> bool:
        """Whether `value` is one of the listed texts."""
        return value in self.values


Parameter = Range | Choice


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """The parameters of a study, in the order the user wrote them; names are distinct."""

    parameters: tuple[Parameter, ...]

    def __getitem__(self, name: str) -> Parameter:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @property
    def names(self) -> Set[str]:
        """The parameters' names."""
        return self._by_name.keys()

    @cached_property
    def size(self) -> int | None:
        """How many distinct assignments there are; None when they cannot be counted."""
        sizes = [parameter.size for parameter in self.parameters]
        return None if any(size is None for size in sizes) else math.prod(size for size in sizes if size is not None)

    def at(self, index: int) -> dict[str, Value]:
        """The assignment at position `index` of the grid; the last parameter changes fastest.

        Raises ValueError when the space is not finite.
        """
        values: dict[str, Value] = {}
        for parameter in reversed(self.parameters):
            if parameter.size is None:
                raise ValueError(f"{parameter.name} is continuous: it has no grid without a step")
            index, position = divmod(index, parameter.size)
            values[parameter.name] = parameter.at(position)
        return {parameter.name: values[parameter.name] for parameter in self.parameters}

    def index(self, assignment: Assignment) -> int:
        """The position of `assignment` in the grid: the inverse of `at`.

        Raises ValueError when it is no point of the grid.
        """
        if assignment.keys() != self._by_name.keys():
            raise ValueError(f"expected values for {', '.join(self._by_name)}, got {', '.join(assignment)}")
        position = 0
        for parameter in self.parameters:
            position = position * (parameter.size or 1) + parameter.index(assignment[parameter.name])
        return position

    def contains(self, assignment: Assignment) -> bool:
        """Whether `assignment` gives every parameter, and no other, a value it may have."""
        return assignment.keys() == self._by_name.keys() and all(
            parameter.contains(assignment[parameter.name]) for parameter in self.parameters
        )

    def key(self, assignment: Assignment) -> tuple[Value, ...]:
        """What makes two assignments the same point."""
        return tuple(assignment[parameter.name] for parameter in self.parameters)


def as_text(value: Value) -> str:
    """The text a trial receives: floats in the shortest form that reads back as the same number."""
    return value if isinstance(value, str) else repr(value)


def as_number(value: Value) -> Value:
    """A discrete value's text as the number it stands for; for output that people compute with."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(value) if value.lstrip("+-").isdigit() else number


def _decimals(number: float) -> int:
    text = repr(float(number))
    if "e-" in text:
        mantissa, exponent = text.split("e-")
        return int(exponent) + len(mantissa.partition(".")[2].rstrip("0"))
    return len(text.partition(".")[2].rstrip("0")) if "e" not in text else 0
