"""One bucket per unfinished trial: an ordered table, first match wins, so that every trial is in exactly one."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from katib.core.run import NOT_LAUNCHED, Cause, Phase, RunReport
from katib.core.trial import Trial, TrialState


class Bucket(StrEnum):
    """What an unfinished trial is, taking the record and its run together."""

    REFUSED = "refused"
    STOPPED_EARLY = "stopped early"
    DRAINING = "draining"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed out"
    COMPLETED = "completed"
    BROKE = "broke"
    LOST = "lost"
    ALIVE = "alive"
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialView:
    """An unfinished trial and the report of its current attempt's run."""

    trial: Trial
    run: RunReport = NOT_LAUNCHED

    def drained_by(self, patience: float) -> float:
        """When an ended run's last metrics are not waited for any longer; at once when nobody knows when it ended."""
        return -math.inf if self.run.ended_at is None else self.run.ended_at + patience

    def undrained(self, now: float, patience: float) -> bool:
        """Whether its last metrics may still arrive."""
        if self.run.drained or self.run.ended_at is None:
            return False
        # An end that lies further ahead than the patience means that the clock was set back: do not wait for it.
        return self.run.ended_at - patience <= now < self.drained_by(patience)


Test = Callable[[TrialView, float, float], bool]


def _phase(*phases: Phase) -> Test:
    return lambda view, _now, _patience: view.run.phase in phases


def _ended(test: Callable[[RunReport], bool]) -> Test:
    return lambda view, _now, _patience: view.run.phase is Phase.ENDED and test(view.run)


def _was_stopped(view: TrialView) -> bool:
    return view.run.phase is Phase.ENDED and view.run.cause is Cause.STOPPED


def _is_gone(view: TrialView) -> bool:
    """Whether it ran, and nobody saw how it ended."""
    forgotten = view.run.phase is Phase.UNKNOWN and view.trial.state is TrialState.RUNNING
    return view.run.phase is Phase.LOST or forgotten


def _was_stopped_early(view: TrialView) -> bool:
    return view.trial.condemned and (_was_stopped(view) or _is_gone(view))


RULES: tuple[tuple[Bucket, Test], ...] = (
    # It cannot be started here, now or later.
    (Bucket.REFUSED, _phase(Phase.REFUSED)),
    # It ended because we asked it to, and no verdict says that it is over. What follows depends on what the study wants
    # now, not on who asked.
    (Bucket.INTERRUPTED, lambda view, _now, _patience: _was_stopped(view) and not view.trial.condemned),
    # Its end is known, its last metrics may still be on their way: decide nothing yet, for a bounded time.
    (Bucket.DRAINING, lambda view, now, wait: view.run.phase is Phase.ENDED and view.undrained(now, wait)),
    # It was stopped, or has vanished, after the verdict went on record. One that ended by itself is what it is.
    (Bucket.STOPPED_EARLY, lambda view, _now, _patience: _was_stopped_early(view)),
    (Bucket.TIMED_OUT, _ended(lambda run: run.cause is Cause.DEADLINE)),
    (Bucket.COMPLETED, _ended(lambda run: run.code == 0)),
    (Bucket.BROKE, _ended(lambda _run: True)),
    (Bucket.ALIVE, _phase(Phase.RUNNING, Phase.STARTING)),
    # The record says it runs, its runner never heard of it: the runner's own memory is gone.
    (Bucket.LOST, lambda view, _now, _patience: _is_gone(view)),
    (Bucket.WAITING, lambda _view, _now, _patience: True),
)


def classify(view: TrialView, *, now: float, patience: float) -> Bucket:
    """The trial's bucket. `patience`: seconds after a run's end in which its metrics may still arrive."""
    return next(bucket for bucket, test in RULES if test(view, now, patience))
