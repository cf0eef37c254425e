"""What becomes of one unfinished trial, by its bucket."""

from dataclasses import dataclass, replace

from katib.core.classify import Bucket, TrialView
from katib.core.objective import values_of
from katib.core.outcome import failure, outcome
from katib.core.run import Phase
from katib.core.stopping import EarlyStop
from katib.core.study import RetryPolicy, Study
from katib.core.trial import Reason, Transition, Trial, TrialState
from katib.errors import cut


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A trial after its bucket was looked at: at most one transition, and either alive, waiting or finished.

    Attributes:
        alive: its run is not over and done with.
        waiting: the trial as it waits for its next attempt; None when it does not.
    """

    transition: Transition | None = None
    alive: bool = False
    waiting: Trial | None = None


def move(view: TrialView, bucket: Bucket, *, study: Study, retry: RetryPolicy, now: float) -> Moved:
    """The move of one trial. Total: every bucket has one."""
    trial, run = view.trial, view.run
    match bucket:
        case Bucket.WAITING:
            return Moved(waiting=trial)
        case Bucket.ALIVE:
            return _alive(view)
        case Bucket.DRAINING:
            return Moved(alive=True)
        case Bucket.STOPPED_EARLY:
            return _stopped_early(view, study, now)
        case Bucket.REFUSED:
            return _finish(view, TrialState.FAILED, Reason.CANNOT_START, run.message, now=now)
        case Bucket.INTERRUPTED:
            return _again(view, Reason.INTERRUPTED, "interrupted; runs again with the same parameters")
        case Bucket.TIMED_OUT:
            limit = "ran longer than activeDeadlineSeconds allows"
            return _finish(view, TrialState.FAILED, Reason.DEADLINE, limit, now=now)
        case Bucket.COMPLETED:
            result = outcome(study.objectives, trial.metrics, run)
            return _finish(view, result.state, result.reason, result.message, now=now, values=result.values)
        case Bucket.BROKE | Bucket.LOST:
            ended_badly = _broke if bucket is Bucket.BROKE else _lost
            return ended_badly(view, retry, now)


def _alive(view: TrialView) -> Moved:
    trial = view.trial
    if view.run.phase is Phase.STARTING:
        return Moved(transition=_waits(view), alive=True)
    if trial.state is TrialState.RUNNING:
        return Moved(alive=True)
    started = Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.RUNNING,
        reason=Reason.STARTED,
        started_at=view.run.started_at,
    )
    return Moved(transition=started, alive=True)


def _waits(view: TrialView) -> Transition | None:
    """Puts on record what keeps a run from starting, and takes it back when nothing does any more; None for no news."""
    trial, said = view.trial, cut(view.run.message)
    reason = Reason.WAITING if said else Reason.CREATED
    known = (trial.reason, trial.message) == (reason, said) or (not said and trial.reason is not Reason.WAITING)
    if known or trial.state is not TrialState.PENDING:
        return None
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.PENDING,
        reason=reason,
        message=said,
        not_before=trial.not_before,
    )


def paused_until(trial: Trial, *, retry: RetryPolicy, now: float) -> float | None:
    """When a waiting trial's back-off ends; None when it may start now."""
    # No pause is longer than the policy's longest: when one seems to be, the clock was set back.
    return trial.not_before if now < trial.not_before <= now + retry.longest_delay else None


def judged(view: TrialView, stop: EarlyStop, moved: Moved) -> Transition | None:
    """Puts an early stopping verdict on record, together with what `moved` says of the trial.

    None when it does not apply: the trial has one, or is not running. It must be on record before the run is stopped.
    """
    trial, started = view.trial, moved.transition
    if not moved.alive or trial.stopped_by is not None or view.run.phase is not Phase.RUNNING:
        return None
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.RUNNING,
        reason=Reason.WOULD_STOP_EARLY if stop.shadow else Reason.STOPPING_EARLY,
        message=f"would be stopped early: {stop.message}" if stop.shadow else f"is being stopped early: {stop.message}",
        started_at=started.started_at if started else None,
        stopped_by=stop,
    )


def _stopped_early(view: TrialView, study: Study, now: float) -> Moved:
    """Its observation is kept: it has its value, like one that ran to its end."""
    trial, values = view.trial, values_of(study.objectives, view.trial.metrics)
    said = trial.stopped_by.message if trial.stopped_by is not None else ""
    pairs = zip(study.objectives, values, strict=False)
    got = "".join(f"; {objective.metric} is {value!r}" for objective, value in pairs)
    message = f"stopped early: {said}{got}"
    return _finish(view, TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, message, now=now, values=values)


def _broke(view: TrialView, retry: RetryPolicy, now: float) -> Moved:
    reason, message = failure(view.run)
    failures = view.trial.failures + 1
    if failures > retry.retries:
        tried = f" (attempt {view.trial.attempt}, {failures} failed)" if failures > 1 else ""
        return _finish(view, TrialState.FAILED, reason, f"{message}{tried}", now=now, failures=failures)
    pause = now + retry.delay(failures)
    return _again(view, Reason.RETRYING, message, failures=failures, not_before=pause)


def _lost(view: TrialView, retry: RetryPolicy, now: float) -> Moved:
    losses = view.trial.losses + 1
    said = view.run.message or "its process vanished without anybody seeing how it ended"
    if losses > retry.losses:
        often = f"lost {losses} times: {said}"
        return _finish(view, TrialState.FAILED, Reason.LOST_TOO_OFTEN, often, now=now, losses=losses)
    return _again(view, Reason.LOST, f"{said}; runs again with the same parameters", losses=losses)


def _again(
    view: TrialView,
    reason: Reason,
    message: str,
    *,
    failures: int | None = None,
    losses: int | None = None,
    not_before: float = 0.0,
) -> Moved:
    trial = view.trial
    again = Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.PENDING,
        reason=reason,
        message=message,
        attempt_after=trial.attempt + 1,
        failures=failures,
        losses=losses,
        not_before=not_before,
    )
    waiting = replace(
        trial,
        state=TrialState.PENDING,
        reason=reason,
        message=message,
        attempt=trial.attempt + 1,
        not_before=not_before,
    )
    return Moved(transition=again, waiting=waiting)


def _finish(
    view: TrialView,
    state: TrialState,
    reason: Reason,
    message: str,
    *,
    now: float,
    values: tuple[float, ...] = (),
    failures: int | None = None,
    losses: int | None = None,
) -> Moved:
    trial, run = view.trial, view.run
    done = Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=state,
        reason=reason,
        message=message,
        value=values[0] if values else None,
        further_values=values[1:],
        failures=failures,
        losses=losses,
        started_at=run.started_at,
        ended_at=now if run.ended_at is None else run.ended_at,
    )
    return Moved(transition=done)
