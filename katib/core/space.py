"""The search space: what a parameter may be; one meaning of bounds, step and distribution for all algorithms."""

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from katib.core import positions
from katib.core.positions import Tree

Value = float | int | str
"""A parameter's value: float (double), int (int), or the text as the user wrote it (discrete, categorical)."""

Assignment = Mapping[str, Value]
"""Parameter name -> value, in the order of the search space; a parameter that is not active is absent."""


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
class When:
    """What makes a parameter active: another one, its parent, is active and has one of some values.

    Attributes:
        parameter: the parent's name.
        values: of the parent's own type, at least one.
    """

    parameter: str
    values: tuple[Value, ...]

    def holds(self, assignment: Assignment) -> bool:
        """Whether it is so in an assignment, from which an inactive parent is absent."""
        return self.parameter in assignment and assignment[self.parameter] in self.values


@dataclass(frozen=True, kw_only=True)
class Range:
    """A numeric parameter: low <= value <= high, on the grid low + k*step when there is a step.

    Attributes:
        type: DOUBLE or INT.
        low, high: inclusive bounds; for a logarithmic distribution low > 0.
        step: distance of allowed values, > 0; None for a double means every float, None for an int means 1.
        condition: what makes it active; None when it always is.
    """

    name: str
    type: ParameterType
    low: float
    high: float
    step: float | None = None
    distribution: Distribution = Distribution.UNIFORM
    condition: When | None = None

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
        # It must not turn a bound of 17 digits into another number beside it.
        rounded = round(self.low + index * self.grid_step, self._decimals)
        return min(max(rounded, float(self.low)), float(self.high))

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
        condition: what makes it active; None when it always is.
    """

    name: str
    type: ParameterType
    values: tuple[str, ...]
    condition: When | None = None

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
    """The parameters of a study, in the order the user wrote them; names are distinct.

    A parameter with a condition may stand before or after its parent.

    Raises:
        ValueError: a condition names no parameter, no value or one that the parent cannot have, or is one of a circle.
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        for parameter in self.parameters:
            condition = parameter.condition
            if condition is None:
                continue
            parent = self._by_name.get(condition.parameter)
            if parent is None:
                raise ValueError(f"{parameter.name} depends on {condition.parameter}, which is no parameter")
            if not condition.values:
                raise ValueError(f"{parameter.name} depends on {parent.name}, but on no value of it")
            for value in condition.values:
                if not parent.contains(value):
                    raise ValueError(f"{parameter.name} depends on {parent.name} being {value!r}, which it cannot be")
        if self.conditional and len(self._parents_first) < len(self.parameters):
            circle = [each.name for each in self.parameters if each not in self._parents_first]
            raise ValueError(f"the conditions of {', '.join(circle)} go round in a circle")

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
    def conditional(self) -> bool:
        """Whether an assignment may lack some of the parameters."""
        return any(parameter.condition is not None for parameter in self.parameters)

    @cached_property
    def _parents_first(self) -> tuple[Parameter, ...]:
        """The parameters, each after the one that it depends on; those that do so in a circle are left out."""
        depth: dict[str, int] = {}
        left = list(self.parameters)
        while left:
            found = {
                each.name: 0 if each.condition is None else 1 + depth[each.condition.parameter]
                for each in left
                if each.condition is None or each.condition.parameter in depth
            }
            if not found:
                break
            depth |= found
            left = [each for each in left if each.name not in depth]
        return tuple(
            sorted((each for each in self.parameters if each.name in depth), key=lambda each: depth[each.name])
        )

    def assign(self, choose: Callable[[Parameter], Value]) -> dict[str, Value]:
        """An assignment: what `choose` gives each active parameter, asked for a parent before what depends on it."""
        if not self.conditional:
            return {parameter.name: choose(parameter) for parameter in self.parameters}
        values: dict[str, Value] = {}
        for parameter in self._parents_first:
            if parameter.condition is None or parameter.condition.holds(values):
                values[parameter.name] = choose(parameter)
        return {parameter.name: values[parameter.name] for parameter in self.parameters if parameter.name in values}

    def active(self, assignment: Assignment) -> tuple[Parameter, ...]:
        """The parameters that should have a value beside those that `assignment` gives to the others.

        An inactive parent makes what depends on it inactive, whatever value `assignment` may have for it.
        """
        if not self.conditional:
            return self.parameters
        found: dict[str, Value | None] = {}
        for parameter in self._parents_first:
            condition = parameter.condition
            if condition is None or found.get(condition.parameter) in condition.values:
                found[parameter.name] = assignment.get(parameter.name)
        return tuple(parameter for parameter in self.parameters if parameter.name in found)

    @cached_property
    def _trees(self) -> tuple[Tree, ...]:
        below: dict[str, dict[Value, list[Tree]]] = {parameter.name: {} for parameter in self.parameters}
        trees: dict[str, Tree] = {}
        order = {parameter.name: place for place, parameter in enumerate(self.parameters)}
        for parameter in reversed(self._parents_first):
            tree = Tree(parameter, below[parameter.name])
            if parameter.condition is None:
                trees[parameter.name] = tree
                continue
            for value in dict.fromkeys(parameter.condition.values):
                siblings = below[parameter.condition.parameter].setdefault(value, [])
                siblings.append(tree)
                siblings.sort(key=lambda each: order[each.name])
        return tuple(trees[each.name] for each in self.parameters if each.name in trees)

    @cached_property
    def size(self) -> int | None:
        """How many distinct assignments there are; None when they cannot be counted."""
        return positions.count(self._trees)

    def at(self, index: int) -> dict[str, Value]:
        """The assignment at position `index` of the grid, 0 <= index < size.

        The last parameter changes fastest, and what depends on a parameter before the next value of that parameter.
        Raises ValueError when the space is not finite.
        """
        trees = self._counted_trees()
        values: dict[str, Value] = {}
        positions.fill(trees, index, values)
        return {parameter.name: values[parameter.name] for parameter in self.parameters if parameter.name in values}

    def index(self, assignment: Assignment) -> int:
        """The position of `assignment` in the grid: the inverse of `at`.

        Raises ValueError when it is no point of the grid.
        """
        trees = self._counted_trees()
        active = {parameter.name for parameter in self.active(assignment)} if self.conditional else self.names
        if assignment.keys() != active:
            wanted = ", ".join(name for name in self.names if name in active)
            raise ValueError(f"expected values for {wanted}, got {', '.join(assignment)}")
        return positions.position(trees, assignment)

    def _counted_trees(self) -> tuple[Tree, ...]:
        if self.size is None:
            endless = next(parameter.name for parameter in self.parameters if parameter.size is None)
            raise ValueError(f"{endless} is continuous: it has no grid without a step")
        return self._trees

    def contains(self, assignment: Assignment) -> bool:
        """Whether `assignment` gives every active parameter, and no other, a value it may have."""
        active = self.active(assignment)
        return len(assignment) == len(active) and all(
            parameter.name in assignment and parameter.contains(assignment[parameter.name]) for parameter in active
        )

    def key(self, assignment: Assignment) -> tuple[Value | None, ...]:
        """What makes two assignments the same point; a parameter that is not active counts as None.

        Raises KeyError when an active parameter has no value.
        """
        if not self.conditional:
            return tuple(assignment[parameter.name] for parameter in self.parameters)
        active = {parameter.name for parameter in self.active(assignment)}
        return tuple(assignment[each.name] if each.name in active else None for each in self.parameters)


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
