"""A problem of the quality benchmark: a search space and a function to minimise over it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Point = Mapping[str, Any]
"""Name -> value: float, int, or an item of `choices`. Inactive parameters are absent."""


@dataclass(frozen=True, kw_only=True)
class Param:
    """A parameter.

    Attributes:
        kind: "float" or "int" (both between low and high, inclusive), "ordered" (a list of numbers) or "choice" (a list
            of texts).
        log: even in the logarithm.
        when: (name, values): active only while the earlier parameter `name` is active and has one of these values.
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[Any, ...] = ()
    when: tuple[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A function to minimise.

    Attributes:
        tags: among "continuous", "mixed", "integer", "log", "conditional", "training".
        best: the lowest value known: the global minimum, or the lowest of the table.
        source: where it was published, or what was trained.
    """

    name: str
    params: tuple[Param, ...]
    function: Callable[[Point], float]
    best: float
    source: str
    tags: tuple[str, ...]

    def active(self, point: Point) -> dict[str, Any]:
        """The parameters of `point` that count, in order."""
        kept: dict[str, Any] = {}
        for param in self.params:
            if param.when is None or (param.when[0] in kept and kept[param.when[0]] in param.when[1]):
                kept[param.name] = point[param.name]
        return kept

    def __call__(self, point: Point) -> float:
        return float(self.function(self.active(point)))


def floats(number: int, low: float, high: float) -> tuple[Param, ...]:
    """x0, x1 ... of the same range."""
    return tuple(Param(name=f"x{i}", kind="float", low=low, high=high) for i in range(number))
