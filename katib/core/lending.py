"""Studies that their clients run: which trials a client gets, and what becomes of one that it reports on.

Pure, like `decide`, which does the same for studies that the engine runs. A trial is *lent* to a client until a time;
a client that does not renew the loan is taken for gone, and the same assignment goes out again as the next attempt, at
no cost to the budget: nothing bad was learnt about it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from katib.core.advice import Advice
from katib.core.stopping import Comparison, EarlyStop
from katib.core.study import RetryPolicy
from katib.core.trial import Loan, Reason, Transition, Trial, TrialState


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What a client gets.

    Attributes:
        kept: ordinals of trials that it runs already.
        moves: of trials that it gets now, and of such as were lost too often to go out again.
        needed: how many trials, of those that it may have, are made of advice.
        missing: how many of these there is no advice for yet.
    """

    kept: tuple[int, ...] = ()
    moves: tuple[Transition, ...] = ()
    needed: int = 0
    missing: int = 0

    @property
    def ordinals(self) -> tuple[int, ...]:
        """Of all trials that the client runs afterwards, those it runs already first."""
        return (*self.kept, *(move.ordinal for move in self.moves if move.target is TrialState.RUNNING))


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a client asks for.

    Attributes:
        client: who; what it asks for again under the same name it gets again.
        count: how many trials it wants to run, those included that it runs already.
        seconds: how long they are lent.
        afresh: it wants trials that it does not run yet, whatever it runs.
    """

    client: str
    count: int
    seconds: float
    afresh: bool = False


def hand_out(
    demand: Demand,
    *,
    unfinished: Sequence[Trial],
    advised: Sequence[Trial],
    room: int,
    retry: RetryPolicy,
    now: float,
    closing: str = "",
) -> Handed:
    """What `demand` gets: its own open trials, then those that wait or whose loan ran out, then new ones.

    Args:
        unfinished, advised: of the study, by ordinal.
        room: how many trials more may be created, by the study's budget.
        closing: why nothing is begun any more, if so: what nobody runs is given up.
    """
    kept = [] if demand.afresh else [each.ordinal for each in unfinished if _is_with(each, demand.client, now)]
    kept = kept[: demand.count]
    if closing:
        idle = [each for each in unfinished if each.state is TrialState.PENDING or is_overdue(each, now)]
        return Handed(kept=tuple(kept), moves=tuple(abandoned(each, closing, now=now) for each in idle))
    moves: list[Transition] = []
    wanted = demand.count - len(kept)
    for trial in unfinished:
        if not is_overdue(trial, now) and trial.state is not TrialState.PENDING:
            continue
        waits = trial.state is TrialState.PENDING
        move = _lent(trial, demand, now) if waits else _lent_again(trial, demand, retry, now)
        if move.target is not TrialState.RUNNING:
            moves.append(move)
        elif wanted > 0:
            moves.append(move)
            wanted -= 1
    needed = max(min(wanted, room), 0)
    fresh = advised[:needed]
    moves += [_lent(trial, demand, now) for trial in fresh]
    return Handed(kept=tuple(kept), moves=tuple(moves), needed=needed, missing=needed - len(fresh))


def is_overdue(trial: Trial, now: float) -> bool:
    """Whether the client that runs the trial has not been heard of for too long."""
    return trial.state is TrialState.RUNNING and trial.loan is not None and trial.loan.until <= now


def _is_with(trial: Trial, client: str, now: float) -> bool:
    """Whether `client` runs the trial. One that it is to stop is not worth asking for again."""
    lent = trial.state is TrialState.RUNNING and trial.loan is not None and trial.loan.client == client
    return lent and not is_overdue(trial, now) and not trial.condemned


def _lent(trial: Trial, demand: Demand, now: float) -> Transition:
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.RUNNING,
        reason=Reason.HANDED_OUT,
        message=f"handed out to {demand.client}",
        started_at=now,
        loan=_loan(demand, now),
    )


def _lent_again(trial: Trial, demand: Demand, retry: RetryPolicy, now: float) -> Transition:
    """The next attempt of a trial whose client is gone; its end when too many went."""
    before = trial.loan.client if trial.loan is not None else "nobody"
    gone = f"{before} was not heard of in time"
    losses = trial.losses + 1
    if losses > retry.losses:
        return Transition(
            ordinal=trial.ordinal,
            source=trial.state,
            attempt=trial.attempt,
            target=TrialState.FAILED,
            reason=Reason.LOST_TOO_OFTEN,
            message=f"{gone}, like {retry.losses} before it",
            losses=losses,
            ended_at=now,
        )
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        attempt_after=trial.attempt + 1,
        target=TrialState.RUNNING,
        reason=Reason.HANDED_OUT,
        message=f"{gone}; handed out again, to {demand.client}",
        losses=losses,
        started_at=now,
        loan=_loan(demand, now),
    )


def added(advice: Advice) -> Transition:
    """The beginning of a trial that a user made; it waits for a client."""
    return Transition(
        ordinal=advice.ordinal,
        source=TrialState.ADVISED,
        attempt=1,
        target=TrialState.PENDING,
        reason=Reason.CREATED,
        message="added by a user",
    )


def _loan(demand: Demand, now: float) -> Loan:
    return Loan(client=demand.client, until=now + demand.seconds, seconds=demand.seconds)


def renewed(trial: Trial, now: float, seconds: float | None) -> Transition:
    """The loan of a running trial, longer: by `seconds` from now, or by as many as before."""
    loan = trial.loan or Loan(client="", until=now)
    length = loan.seconds if seconds is None else seconds
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.RUNNING,
        reason=trial.reason,
        message=trial.message,
        loan=replace(loan, until=now + length, seconds=length),
    )


def completed(trial: Trial, values: Sequence[float], *, stopped: bool, now: float) -> Transition:
    """The end of a trial with a finite value for each objective.

    Args:
        stopped: its client was told to stop it before its end.
    """
    state = TrialState.EARLY_STOPPED if stopped else TrialState.SUCCEEDED
    reason = Reason.STOPPED_EARLY if stopped else Reason.SUCCEEDED
    said = "stopped early" if stopped else "completed"
    return _ended(trial, state, reason, f"{said} by its client", values=tuple(values), now=now)


def failed(trial: Trial, reason: Reason, message: str, *, now: float) -> Transition:
    """The end of a trial without a value: `reason` is INFEASIBLE, REPORTED_FAILED or DIVERGED."""
    state = TrialState.METRICS_UNAVAILABLE if reason is Reason.DIVERGED else TrialState.FAILED
    return _ended(trial, state, reason, message, now=now)


def abandoned(trial: Trial, message: str, *, now: float) -> Transition:
    """The end of a trial that nobody will run: it says nothing about its point."""
    return _ended(trial, TrialState.KILLED, Reason.STOPPED_BY_CLIENT, message, now=now)


BY_A_USER = "user"
"""What a verdict names as its rule when a person stopped the trial."""


def stopped(trial: Trial, message: str, *, now: float) -> Transition | None:
    """What stops a trial before its end: one that nobody runs ends, of one that runs its client is to learn it.

    None when it is to stop already.
    """
    if trial.state is not TrialState.RUNNING:
        return abandoned(trial, message, now=now)
    if trial.condemned:
        return None
    stop = EarlyStop(
        rule=BY_A_USER,
        metric="",
        value=math.nan,
        comparison=Comparison.EQUAL,
        threshold=math.nan,
        step=0,
        message=message,
    )
    return judged(trial, stop)


def judged(trial: Trial, stop: EarlyStop) -> Transition:
    """Puts a verdict on a running trial on record. Its client learns it when it asks, and then completes the trial."""
    said = "would be stopped early" if stop.shadow else "is to stop early"
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=TrialState.RUNNING,
        reason=Reason.WOULD_STOP_EARLY if stop.shadow else Reason.STOPPING_EARLY,
        message=f"{said}: {stop.message}",
        stopped_by=stop,
    )


def _ended(
    trial: Trial, state: TrialState, reason: Reason, message: str, *, values: tuple[float, ...] = (), now: float
) -> Transition:
    return Transition(
        ordinal=trial.ordinal,
        source=trial.state,
        attempt=trial.attempt,
        target=state,
        reason=reason,
        message=message,
        value=values[0] if values else None,
        further_values=values[1:],
        ended_at=now,
    )
