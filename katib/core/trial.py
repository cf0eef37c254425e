"""A trial: one assignment of the study, tried out in one or more attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from katib.core.observation import Metrics
from katib.core.space import Assignment
from katib.core.stopping import EarlyStop, StopRule


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
    WAITING = "TrialWaiting"
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
    BUDGET_SPENT = "BudgetSpent"
    STUDY_FAILED = "StudyFailed"
    STOPPING_EARLY = "TrialEarlyStopping"
    WOULD_STOP_EARLY = "TrialWouldStopEarly"
    STOPPED_EARLY = "TrialEarlyStopped"
    HANDED_OUT = "HandedOut"
    INFEASIBLE = "Infeasible"
    REPORTED_FAILED = "ReportedFailed"
    STOPPED_BY_CLIENT = "StoppedByClient"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loan:
    """Who runs a trial of a study that its clients run, and until when it is theirs without another word from them.

    Attributes:
        until: seconds since the epoch; infinity for one that is never taken back.
        seconds: for how long it was lent, and is again at each sign of life.
    """

    client: str
    until: float
    seconds: float = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A trial on record.

    Attributes:
        ordinal: 1, 2, 3 … in the order of advice; never reused within a study.
        name: derived from the study's uid and the ordinal, see `names`.
        attempt: 1 for the first run; grows with each retry, loss or interruption.
        failures: attempts that ended badly by their own fault (they count against the retry limit).
        losses: attempts that vanished with the machinery (they cost nothing).
        value: the objective value of a finished trial, of several objectives the first's; None when it has none.
        further_values: those of the objectives after the first, in order; empty without them and without a value.
        metrics: the summary of the current attempt's observations.
        created_at, started_at, ended_at: seconds since the epoch; started_at is the current attempt's.
        not_before: do not start the next attempt before this time (back-off); 0.0 for at once.
        rules: early stopping rules that were attached when it was created; they never change.
        stopped_by: the early stopping verdict on the current attempt, recorded before the run is stopped; or the first
            verdict that only says what would have been stopped, which stays for all attempts.
        loan: the client that runs it, or ran it last; None for a trial that the engine runs.
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
    further_values: tuple[float, ...] = ()
    metrics: Metrics = field(default_factory=dict)
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    not_before: float = 0.0
    rules: tuple[StopRule, ...] = ()
    stopped_by: EarlyStop | None = None
    loan: Loan | None = None
    revision: int = 0

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def condemned(self) -> bool:
        """Whether a verdict is on record that its run is to be stopped early."""
        return self.stopped_by is not None and not self.stopped_by.shadow

    @property
    def values(self) -> tuple[float, ...]:
        """A finite value per objective, in order; empty when the trial has none."""
        return () if self.value is None else (self.value, *self.further_values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A trial's move, as a compare-and-swap: refused when the trial is no longer in (source, attempt).

    `attempt_after` is the attempt the trial is in afterwards: the same, or one more when it is to run again.
    Fields that are None leave the trial's own value in place, except `value` and `further_values`, which are new.
    So do `rules` when there are none. A verdict goes with its attempt: the next one begins without, unless the verdict
    is a shadow; so does a loan.
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
    further_values: tuple[float, ...] = ()
    started_at: float | None = None
    ended_at: float | None = None
    not_before: float = 0.0
    rules: tuple[StopRule, ...] = ()
    stopped_by: EarlyStop | None = None
    loan: Loan | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """As `Trial.values`, of the trial afterwards."""
        return () if self.value is None else (self.value, *self.further_values)


ALLOWED: Mapping[TrialState, frozenset[TrialState]] = {
    TrialState.ADVISED: frozenset({TrialState.PENDING, TrialState.RUNNING}),
    TrialState.PENDING: frozenset({TrialState.PENDING, TrialState.RUNNING, *FINISHED}),
    TrialState.RUNNING: frozenset({TrialState.PENDING, TrialState.RUNNING, *FINISHED}),
}
"""Which moves exist. A finished trial stays finished; PENDING -> PENDING is the next attempt of a trial that came and
went between two looks, or says what a trial waits for; RUNNING -> RUNNING puts an early stopping verdict on record,
renews a loan, or is the next attempt, handed out at once; ADVISED -> RUNNING is a trial that is handed out as it is
created."""


def verdict_after(trial: Trial, move: Transition) -> EarlyStop | None:
    """The verdict on record after a move of the trial."""
    if move.stopped_by is not None:
        return move.stopped_by
    again = move.attempt_after not in (None, move.attempt)
    return None if again and trial.condemned else trial.stopped_by


def loan_after(trial: Trial, move: Transition) -> Loan | None:
    """The loan on record after a move of the trial."""
    if move.loan is not None:
        return move.loan
    again = move.attempt_after not in (None, move.attempt)
    return None if again else trial.loan
