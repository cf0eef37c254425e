"""What a run that exited with 0 amounts to: a value, or a typed reason why there is none."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from katib.core.objective import Objective, values_of
from katib.core.observation import Metrics, MetricSummary
from katib.core.run import RunReport
from katib.core.trial import Reason, TrialState


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A finished trial's state, and why. `values` has one for each objective, or none."""

    state: TrialState
    reason: Reason
    message: str
    values: tuple[float, ...] = ()


def outcome(objectives: Sequence[Objective], metrics: Metrics, run: RunReport) -> Outcome:
    """The outcome of a run that exited with 0. It needs a value for each objective; the first one missing is told."""
    said = []
    for objective in objectives:
        summary = metrics.get(objective.metric)
        if (missing := _missing(objective.metric, summary, run)) is not None:
            return missing
        value, strategy = objective.value(metrics), objective.strategy(objective.metric)
        said.append(f"{objective.metric} is {value!r} ({strategy}){_bad(summary)}")
    values = values_of(objectives, metrics)
    return Outcome(state=TrialState.SUCCEEDED, reason=Reason.SUCCEEDED, message="; ".join(said), values=values)


def _missing(name: str, summary: MetricSummary | None, run: RunReport) -> Outcome | None:
    """The outcome where metric `name` has no value; None where it has one."""
    if summary is None:
        return _unavailable(Reason.METRIC_NOT_FOUND, _not_found(name, run))
    if summary.latest is None:
        said = f"{name} was reported, but never as a number; last: {summary.malformed!r}"
        return _unavailable(Reason.METRIC_MALFORMED, said)
    if not math.isfinite(summary.latest):
        before = "" if summary.min is None else f"; finite values before it were from {summary.min} to {summary.max}"
        return _unavailable(Reason.DIVERGED, f"{name} ended as {summary.latest}{before}{_bad(summary)}")
    return None


def _bad(summary: MetricSummary | None) -> str:
    malformed = None if summary is None else summary.malformed
    return "" if malformed is None else f"; a reported value was not a number: {malformed!r}"


def _unavailable(reason: Reason, message: str) -> Outcome:
    return Outcome(state=TrialState.METRICS_UNAVAILABLE, reason=reason, message=message)


def _not_found(name: str, run: RunReport) -> str:
    looked = f"; {run.message}" if run.message else ""
    late = "" if run.drained else "; the collector did not finish in time"
    tail = f"; last lines:\n{run.tail}" if run.tail.strip() else "; the run printed nothing"
    return f"no metric {name!r}{looked}{late}{tail}"


def failure(run: RunReport) -> tuple[Reason, str]:
    """Why a run that did not exit with 0 failed."""
    tail = f"; last lines:\n{run.tail}" if run.tail.strip() else ""
    tail = f"; {run.trouble}{tail}" if run.trouble else tail
    if run.signal is not None:
        hint = " (often the kernel's, when memory runs out)" if run.signal == SIGKILL else ""
        return Reason.SIGNAL, f"ended by signal {run.signal}{hint}{tail}"
    said = "ended without an exit code" if run.code is None else f"exited with code {run.code}"
    return Reason.EXIT_CODE, f"{said}{tail}"


SIGKILL = 9
