"""The objective: which metric, which direction, and what a trial's value is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from katib.core.observation import Metrics


class Direction(StrEnum):
    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class Strategy(StrEnum):
    """Which of a metric's values counts."""

    MIN = "min"
    MAX = "max"
    LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is to be minimised or maximised.

    Attributes:
        metric: the name of the objective metric.
        goal: stop the study when the best value reaches it; None for no goal. Of several objectives the goals must be
            reached by one and the same trial.
        additional: other metrics to collect, in order.
        strategies: metric -> which value counts; a metric without one takes min for minimise, max for maximise.
    """

    metric: str
    direction: Direction
    goal: float | None = None
    additional: tuple[str, ...] = ()
    strategies: Mapping[str, Strategy] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric to collect, the objective first."""
        return (self.metric, *self.additional)

    def strategy(self, metric: str) -> Strategy:
        """Which value of `metric` counts."""
        default = Strategy.MIN if self.direction is Direction.MINIMIZE else Strategy.MAX
        return self.strategies.get(metric, default)

    def value(self, metrics: Metrics) -> float | None:
        """The trial's objective value: finite, or None when there is none to use.

        A metric whose latest value is nan or infinite has no value, whatever it was before: the training diverged.
        """
        summary = metrics.get(self.metric)
        if summary is None or summary.latest is None or not math.isfinite(summary.latest):
            return None
        chosen = {Strategy.MIN: summary.min, Strategy.MAX: summary.max, Strategy.LATEST: summary.latest}
        return chosen[self.strategy(self.metric)]

    def better(self, a: float, b: float) -> bool:
        """Whether `a` is strictly better than `b`."""
        return a < b if self.direction is Direction.MINIMIZE else a > b

    def cost(self, value: float) -> float:
        """`value` as something to be minimised."""
        return value if self.direction is Direction.MINIMIZE else -value

    def reached(self, value: float | None) -> bool:
        """Whether `value` reaches the goal."""
        if self.goal is None or value is None:
            return False
        return value <= self.goal if self.direction is Direction.MINIMIZE else value >= self.goal


def metrics_of(objectives: Sequence[Objective]) -> tuple[str, ...]:
    """Every metric to collect, those of the objectives first."""
    wanted = [objective.metric for objective in objectives]
    wanted += [name for objective in objectives for name in objective.additional]
    return tuple(dict.fromkeys(wanted))


def values_of(objectives: Sequence[Objective], metrics: Metrics) -> tuple[float, ...]:
    """A value per objective; empty when one of them has none: a trial has all its values or no value."""
    found = [value for objective in objectives if (value := objective.value(metrics)) is not None]
    return tuple(found) if len(found) == len(objectives) else ()


def all_reached(objectives: Sequence[Objective], values: Sequence[float]) -> bool:
    """Whether these values, one per objective, reach all the goals that are given. Without goals nothing is reached."""
    with_goal = [pair for pair in zip(objectives, values, strict=True) if pair[0].goal is not None]
    return bool(with_goal) and all(objective.reached(value) for objective, value in with_goal)
