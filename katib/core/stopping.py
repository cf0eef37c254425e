"""Stopping a trial before its end: rules in Katib's form, and what a verdict says.

A verdict is a value: whoever finds it (one of our services on the live observations, or rules that another service
attached to the trial) hands it to `decide`, which records it with the trial before anything is stopped.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from katib.core.objective import Objective


class Comparison(StrEnum):
    """How a value stands to a threshold; Katib's words. All are strict."""

    EQUAL = "equal"
    LESS = "less"
    GREATER = "greater"

    def holds(self, value: float, threshold: float) -> bool:
        """Whether `value` is so. nan is neither less nor greater than anything, and equal to nan only."""
        if self is Comparison.EQUAL:
            return value == threshold or (math.isnan(value) and math.isnan(threshold))
        return value < threshold if self is Comparison.LESS else value > threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRule:
    """A rule as Katib's early stopping services give it: `EarlyStoppingRule` of its API.

    Attributes:
        name: the metric.
        start_step: 0 tests each report of the metric; S > 0 tests the S-th one, and only that.
    """

    name: str
    value: float
    comparison: Comparison
    start_step: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyStop:
    """Why a trial is stopped early: the rule, and the numbers that it compared.

    Attributes:
        rule: the early stopping algorithm's name.
        metric: that of the report that led to it.
        value: what was compared: a reported value, the best so far, a number of trials … the message says which; may be
            nan or infinite.
        comparison, threshold: `value` is less than, greater than or equal to this; or just reaches it, where the rule
            says that this is not enough.
        step: the step of the report that led to it; the number of the report when trials give no steps.
        message: all of this in one sentence.
        shadow: it is recorded, and nothing is stopped.
    """

    rule: str
    metric: str
    value: float
    comparison: Comparison
    threshold: float
    step: int
    message: str
    shadow: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """A verdict on attempt `attempt` of trial `ordinal`, and on no other attempt of it."""

    ordinal: int
    attempt: int
    stop: EarlyStop


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One reported number of one attempt, in its place.

    Attributes:
        step: the reporter's; without one, the number of the report.
        number: 1 for the first report of its metric in this attempt, 2 for the next …
    """

    metric: str
    value: float
    step: int
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleProgress:
    """How far an attempt is with its rules: it is stopped when each of them was met once.

    Attributes:
        left: those that were not met yet.
        best: the best value of the objective metric so far, nan left out; None while there is none.
        stop: the verdict, once nothing is left.
    """

    left: tuple[StopRule, ...]
    best: float | None = None
    stop: EarlyStop | None = None

    def after(self, report: Report, objective: Objective, *, rule: str) -> "RuleProgress":
        """The progress after one more report. `rule`: the name of the service that gave the rules."""
        if self.stop is not None or not self.left:
            return self
        best = self._best(report, objective)
        # Katib compares the best value so far of the objective metric, and the current one of any other.
        is_objective = report.metric == objective.metric
        value = report.value if not is_objective or best is None else best
        met = [each for each in self.left if _is_met(each, report, value)]
        left = tuple(each for each in self.left if each not in met)
        stop = None if left or not met else _stop(met[-1], report, value, rule=rule, best=is_objective)
        return replace(self, left=left, best=best, stop=stop)

    def _best(self, report: Report, objective: Objective) -> float | None:
        if report.metric != objective.metric or math.isnan(report.value):
            return self.best
        return report.value if self.best is None or objective.better(report.value, self.best) else self.best


def stopped_by_rules(
    rules: Sequence[StopRule], reports: Iterable[Report], objective: Objective, *, rule: str
) -> EarlyStop | None:
    """The verdict of an attempt's rules on all of its reports; None while one of them was not met, or without rules.

    As Katib's sidecar enforces them, with one difference: two rules on one metric each count to their own start step.
    """
    progress = RuleProgress(left=tuple(rules))
    for report in reports:
        progress = progress.after(report, objective, rule=rule)
    return progress.stop


def _is_met(rule: StopRule, report: Report, value: float) -> bool:
    due = rule.start_step <= 0 or report.number == rule.start_step
    return rule.name == report.metric and due and rule.comparison.holds(value, rule.value)


_WORDS: Mapping[Comparison, str] = {
    Comparison.EQUAL: "equal to",
    Comparison.LESS: "less than",
    Comparison.GREATER: "greater than",
}


def _stop(met: StopRule, report: Report, value: float, *, rule: str, best: bool) -> EarlyStop:
    what = f"the best {met.name} so far" if best else met.name
    return EarlyStop(
        rule=rule,
        metric=met.name,
        value=value,
        comparison=met.comparison,
        threshold=met.value,
        step=report.step,
        message=f"{rule}: {what}, {value:.6g} at step {report.step}, is {compared(met.comparison, met.value)}",
    )


def compared(comparison: Comparison, threshold: float) -> str:
    """`less than 0.5`."""
    return f"{_WORDS[comparison]} {threshold:.6g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoppingAbilities:
    """What an early stopping algorithm can do.

    Attributes:
        live: it judges each report itself; otherwise it gives rules, which are attached to trials when they start.
        rules: it gives rules in Katib's form, so that Katib's controller can use it; one that is not live always does.
        oblivious: what it says of a trial does not depend on any other one.
        several_objectives: it takes any number of objectives. Any other looks at one, and is refused where there are
            several: a trial that is behind in one may lead in another.
    """

    live: bool = True
    rules: bool = False
    oblivious: bool = False
    several_objectives: bool = False

    def __post_init__(self) -> None:
        """There is nothing else that one could give."""
        if not self.live:
            object.__setattr__(self, "rules", True)
