"""A trial: one assignment of the study, tried out in one or more attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from katib.core.observation import Metrics
from katib.core.space import Assignment


class TrialState(StrEnum):
    """Where a trial stands. ADVISED is the engine's own: an answer of the algorithm on record, not yet a trial."""

    ADVISED = "Advised"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    KILLED = "Killed"
    EARLY_STOPPED = "EarlyStopped"
    METRICS_UNAVAILABLE = "MetricsUnavailable"


UNFINISHED = frozenset({TrialState.PENDING, TrialState.RUNNING})
FINISHED = frozenset(TrialState) - UNFINISHED - {TrialState.ADVISED}


class Reason(StrEnum):
    """Why a trial is in its state: one word for machines; the message beside it is for people."""

    ADVISED = "Advised"
    CREATED = "TrialCreated"
    STARTED = "TrialRunning"
    RETRYING = "Retrying"
    LOST = "Lost"
    INTERRUPTED = "Interrupted"
    SUCCEEDED = "TrialSucceeded"
    EXIT_CODE = "ExitCode"
    SIGNAL = "Signal"
    DEADLINE = "DeadlineExceeded"
    CANNOT_START = "CannotStart"
    LOST_TOO_OFTEN = "LostTooOften"
    METRIC_NOT_FOUND = "MetricNotFound"
    METRIC_MALFORMED = "MetricMalformed"
    DIVERGED = "Diverged"
    GOAL_REACHED = "GoalReached"
    BUDGET_LOWERED = "BudgetLowered"
    STUDY_FAILED = "StudyFailed"
    STOPPED_EARLY = "TrialEarlyStopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A trial on record.

    Attributes:
        ordinal: 1, 2, 3 … in the order of advice; never reused within a study.
        name: derived from the study's uid and the ordinal, see `names`.
        attempt: 1 for the first run; grows with each retry, loss or interruption.
        failures: attempts that ended badly by their own fault (they count against the retry limit).
        losses: attempts that vanished with the machinery (they cost nothing).
        value: the objective value of a finished trial; None when it has none.
        metrics: the summary of the current attempt's observations.
        created_at, started_at, ended_at: seconds since the epoch; started_at is the current attempt's.
        not_before: do not start the next attempt before this time (back-off); 0.0 for at once.
        revision: the study's revision when this row last changed.
    """

    ordinal: int
    name: str
    assignment: Assignment
    state: TrialState
    reason: Reason
    message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    failures: int = 0
    losses: int = 0
    value: float | None = None
    metrics: Metrics = field(default_factory=dict)
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    not_before: float = 0.0
    revision: int = 0

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A trial's move, as a compare-and-swap: refused when the trial is no longer in (source, attempt).

    `attempt_after` is the attempt the trial is in afterwards: the same, or one more when it is to run again.
    Fields that are None leave the trial's own value in place, except `value`, which is the new value.
    """

    ordinal: int
    source: TrialState
    attempt: int
    target: TrialState
    reason: Reason
    message: str = ""
    attempt_after: int | None = None
    failures: int | None = None
    losses: int | None = None
    value: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    not_before: float = 0.0


ALLOWED: Mapping[TrialState, frozenset[TrialState]] = {
    TrialState.ADVISED: frozenset({TrialState.PENDING}),
    TrialState.PENDING: frozenset({TrialState.PENDING, TrialState.RUNNING, *FINISHED}),
    TrialState.RUNNING: frozenset({TrialState.PENDING, *FINISHED}),
}
"""Which moves exist. A finished trial stays finished; PENDING -> PENDING is the next attempt of a trial that came and
went between two looks."""
