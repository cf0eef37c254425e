"""Thresholds: a trial is stopped at the first report that crosses a line which its user has drawn.

A line is `METRIC<VALUE`, `METRIC>VALUE` or `METRIC=VALUE`, followed by `@STEP` if it holds from that step on only.
Crossing one of several is enough. The value compared is the reported one; nan crosses no line but `METRIC=nan`.

As a rule in Katib's form a line is tested at each report, or at the one of its first step only, and of the objective
the best value so far is compared. Several lines cannot be given: rules stop a trial that met all of them.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from algorithms.options import Option
from algorithms.stopping.base import LAST_STEP, StoppingRule, path, shadow, start_step
from katib.core.curves import Curve, Record
from katib.core.objective import Direction, metrics_of
from katib.core.stopping import Comparison, EarlyStop, Report, StoppingAbilities, StopRule, compared
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault, InvalidInput

SIGNS = {"<": Comparison.LESS, ">": Comparison.GREATER, "=": Comparison.EQUAL}
_LINE = re.compile(r"\s*(?P<metric>.*\S)\s*(?P<sign>[<>=])\s*(?P<value>[^<>=@\s]+)\s*(?:@\s*(?P<step>\d+)\s*)?")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a metric must not be, from a step on."""

    metric: str
    comparison: Comparison
    value: float
    start_step: int = 0


def parse_lines(text: str) -> tuple[Line, ...]:
    """`loss>2@10; accuracy<0.3@20`. Raises ValueError."""
    return tuple(_line(part) for part in text.split(";") if part.strip())


def _line(text: str) -> Line:
    found = _LINE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text.strip()!r} is not METRIC<VALUE, METRIC>VALUE or METRIC=VALUE, with @STEP or without")
    comparison, value, step = SIGNS[found["sign"]], float(found["value"]), int(found["step"] or 0)
    if step > LAST_STEP:
        raise ValueError(f"{text.strip()!r} begins after step {LAST_STEP}, the last one there is")
    if math.isnan(value) and comparison is not Comparison.EQUAL:
        raise ValueError(f"{text.strip()!r} is never crossed: nothing is more or less than nan, which METRIC=nan finds")
    return Line(metric=found["metric"], comparison=comparison, value=value, start_step=step)


RULES: Option[tuple[Line, ...]] = Option(
    name="rules",
    accepts="lines as METRIC<VALUE, METRIC>VALUE or METRIC=VALUE, each with @STEP or without, separated by ;",
    default="",
    what="Lines that a trial must not cross. Beside them, value draws one more.",
    absent=(),
    parse=parse_lines,
    allows=bool,
)
METRIC: Option[str] = Option(
    name="metric",
    accepts="the name of a metric that is collected",
    default="",
    what="The metric that value is for; the objective's by default, of several the first one's.",
    absent="",
    parse=str,
    allows=bool,
)
VALUE: Option[float | None] = Option(
    name="value",
    accepts="a number",
    default="",
    what="The line for metric.",
    absent=None,
    parse=float,
    allows=lambda _value: True,
)
COMPARISON: Option[str] = Option(
    name="comparison",
    accepts="less, greater or equal",
    default="",
    what="How a value that crosses it compares to value; by default greater for minimize, less for maximize.",
    absent="",
    parse=str,
    allows=lambda value: value in set(Comparison),
)
START_STEP = start_step(0, 0)


class Threshold(StoppingRule):
    """Lines that trials must not cross."""

    about = """\
Stops a trial that crosses a line which you draw. `value` draws one; `rules` draws any number, each a metric, `<`, `>`
or `=`, a value, and `@` with a first step where there is one: `loss>2@10; memory>9e9`. One line that is crossed is
enough. The reported value is what is compared, and `rules: loss=nan` stops what has diverged.

As a rule for Katib's controller it must be one line with a finite number. It is then tested at each report, or at the
one of its first step only, and of the objective the best value so far is compared."""
    abilities: ClassVar = StoppingAbilities(rules=True, oblivious=True, several_objectives=True)
    settings = (METRIC, VALUE, COMPARISON, START_STEP, RULES, shadow())

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._lines = lines_of(config)

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate(config)
        if faults:
            return faults
        if VALUE.of(config) is None:
            given = [each for each in (METRIC, COMPARISON, START_STEP) if each.name in config.settings]
            faults += [
                Fault(path=path(each.name), given=config.settings[each.name], wanted=f"{each.name} goes with value")
                for each in given
            ]
            if not given and not RULES.of(config):
                faults.append(Fault(path=path("value"), wanted="value must be set, or rules"))
        elif math.isnan(VALUE.of(config) or 0.0) and COMPARISON.of(config) != Comparison.EQUAL:
            wanted = "value must be a number: nothing is more or less than nan, which comparison equal finds"
            faults.append(Fault(path=path(VALUE.name), given=config.settings[VALUE.name], wanted=wanted))
        # Katib has settings validated before it tells what is collected.
        known = metrics_of(config.objectives) if config.objective.metric else ()
        for line in lines_of(config):
            if known and line.metric not in known:
                where = path(METRIC.name if line.metric == METRIC.of(config) else RULES.name)
                wanted = f"a line must be for a metric that is collected: {', '.join(known)}"
                hint = "add it to additionalMetricNames of the objective"
                faults.append(Fault(path=where, given=line.metric, wanted=wanted, hint=hint))
        return faults

    def rules(self, trials: Sequence[Trial], record: Record) -> Sequence[StopRule]:  # noqa: ARG002 - lines say it all
        """One, for the only line; see the base."""
        if len(self._lines) > 1:
            wanted = "threshold must have one line over Katib's API: by its rules a trial must cross all to be stopped"
            given = f"{len(self._lines)} lines"
            raise InvalidInput([Fault(path=path(RULES.name), given=given, wanted=wanted)], what=self.config.algorithm)
        (line,) = self._lines
        if not math.isfinite(line.value):
            wanted = "threshold must have a finite number over Katib's API: its rules compare with no other"
            raise InvalidInput([Fault(path=path(RULES.name), given=str(line.value), wanted=wanted)], what="threshold")
        rule = StopRule(name=line.metric, value=line.value, comparison=line.comparison, start_step=line.start_step)
        return (rule,)

    @property
    def metrics(self) -> frozenset[str]:
        return frozenset(line.metric for line in self._lines)

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:  # noqa: ARG002 - the port's
        for line in self._lines:
            applies = line.metric == report.metric and report.step >= line.start_step
            if applies and line.comparison.holds(report.value, line.value):
                crossed = compared(line.comparison, line.value)
                said = f"{line.metric} at step {report.step}, {report.value:.6g}, is {crossed}"
                return self.stop(report, report.value, line.comparison, line.value, said)
        return None


def lines_of(config: StudyConfig) -> tuple[Line, ...]:
    """The lines that valid settings draw."""
    value, lines = VALUE.of(config), RULES.of(config)
    if value is None:
        return lines
    metric = METRIC.of(config) or config.objective.metric
    its = next((each for each in config.further_objectives if each.metric == metric), config.objective)
    usual = Comparison.GREATER if its.direction is Direction.MINIMIZE else Comparison.LESS
    single = Line(
        metric=metric,
        comparison=Comparison(COMPARISON.of(config) or usual),
        value=value,
        start_step=START_STEP.of(config),
    )
    return (single, *lines)
