"""What a run that exited with 0 amounts to: a value, or a typed reason why there is none."""

import math
from dataclasses import dataclass

from katib.core.objective import Objective
from katib.core.observation import Metrics
from katib.core.run import RunReport
from katib.core.trial import Reason, TrialState


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A finished trial's state, and why."""

    state: TrialState
    reason: Reason
    message: str
    value: float | None = None


def outcome(objective: Objective, metrics: Metrics, run: RunReport) -> Outcome:
    """The outcome of a run that exited with 0."""
    name = objective.metric
    summary = metrics.get(name)
    if summary is None:
        return _unavailable(Reason.METRIC_NOT_FOUND, _not_found(name, run))
    bad = "" if summary.malformed is None else f"; a reported value was not a number: {summary.malformed!r}"
    if summary.latest is None:
        said = f"{name} was reported, but never as a number; last: {summary.malformed!r}"
        return _unavailable(Reason.METRIC_MALFORMED, said)
    if not math.isfinite(summary.latest):
        before = "" if summary.min is None else f"; finite values before it were from {summary.min} to {summary.max}"
        return _unavailable(Reason.DIVERGED, f"{name} ended as {summary.latest}{before}{bad}")
    value = objective.value(metrics)
    strategy = objective.strategy(name)
    return Outcome(
        state=TrialState.SUCCEEDED,
        reason=Reason.SUCCEEDED,
        message=f"{name} is {value!r} ({strategy}){bad}",
        value=value,
    )


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
    if run.signal is not None:
        hint = " (often the kernel's, when memory runs out)" if run.signal == SIGKILL else ""
        return Reason.SIGNAL, f"ended by signal {run.signal}{hint}{tail}"
    said = "ended without an exit code" if run.code is None else f"exited with code {run.code}"
    return Reason.EXIT_CODE, f"{said}{tail}"


SIGKILL = 9
