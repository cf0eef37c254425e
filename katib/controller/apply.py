"""Does what a plan says. Dull: one commit, then each wish to the runner, then the ask; every part may be done twice."""

from collections.abc import Mapping

from katib.controller.owned import OwnedStudy
from katib.controller.snapshot import Gathered
from katib.core.advice import AdviceReply
from katib.core.decide import Plan
from katib.core.run import Phase, RunReport
from katib.core.study import Condition
from katib.core.trial import FINISHED, Reason, Transition, Trial, TrialState
from katib.errors import InvalidInput
from katib.stores.contract import Changes, Event, Store, TrialPoints

NOTABLE = frozenset(
    set(Reason)
    - {Reason.ADVISED, Reason.CREATED, Reason.WAITING, Reason.STARTED, Reason.SUCCEEDED, Reason.STOPPING_EARLY}
)
"""Moves that a person asking "what happened?" wants to read about."""


EXPECTED = frozenset({TrialState.KILLED, TrialState.PENDING, TrialState.RUNNING, TrialState.EARLY_STOPPED})
"""What a trial may come to without anything being wrong."""


def record(owned: OwnedStudy, store: Store, gathered: Gathered, plan: Plan) -> None:
    """Write the plan's moves, the observations they were decided on, and the condition, in one transaction.

    Raises Conflict or Stale when the view was too old to act on; then nothing was written and nothing may be done.
    """
    snapshot = gathered.snapshot
    # A plan that only launches or stops is checked too: it must not be carried out by an owner that was replaced.
    failure = _failure(owned)
    if not (plan.transitions or plan.condition or plan.launches or plan.stops or owned.unsaved or failure):
        return
    # Whatever comes of it, the view is not what is on record afterwards.
    owned.view = None
    done = store.commit(
        owned.lease,
        Changes(
            observations=[
                TrialPoints(trial=trial, attempt=attempt, points=points)
                for (trial, attempt), points in owned.unsaved.items()
            ],
            transitions=plan.transitions,
            condition=plan.condition,
            events=[*_events(plan, snapshot.now), *_failure_events(failure, snapshot.now)],
            basis=gathered.view,
        ),
        now=snapshot.now,
    )
    owned.view = done.view
    owned.unsaved.clear()
    _forget(owned, gathered.trials, plan.transitions)
    if owned.stopper is not None:
        owned.stopper.moved(plan.transitions)
        owned.stopper.said = failure or owned.stopper.said


def record_answer(owned: OwnedStudy, store: Store, reply: AdviceReply, *, now: float) -> None:
    """Put an algorithm's answer on record."""
    owned.view = None
    events = [Event(time=now, kind="Warning", reason="AlgorithmFailed", message=reply.failure)] if reply.failure else []
    store.commit(
        owned.lease,
        Changes(
            advice=reply.advice,
            exhausted=reply.exhausted or None,
            overrides=reply.overrides or None,
            events=events,
        ),
        now=now,
    )


def carry_out(owned: OwnedStudy, gathered: Gathered, plan: Plan) -> None:
    """Tell the runner how many may run, what to stop and what to launch."""
    owned.runner.limit(gathered.snapshot.study.budget.parallel)
    # The newest first: what waits for a place would else take that of a run that was stopped before it.
    for stop in sorted(plan.stops, key=lambda stop: -stop.ordinal):
        trial = gathered.trials[stop.ordinal]
        owned.runner.stop((trial.name, stop.attempt))
    orders = []
    for launch in plan.launches:
        trial = gathered.trials[launch.ordinal]
        try:
            orders.append(owned.orders.of(trial, launch.attempt))
        except InvalidInput as error:
            refusal = RunReport(phase=Phase.REFUSED, message=str(error), drained=True)
            owned.refused[(trial.name, launch.attempt)] = refusal
    if orders:
        owned.runner.launch(orders)


def _forget(owned: OwnedStudy, trials: Mapping[int, Trial], transitions: tuple[Transition, ...]) -> None:
    """The runner need not report any more on attempts that are over."""
    over = [
        (trials[move.ordinal].name, move.attempt)
        for move in transitions
        if move.target in FINISHED or (move.attempt_after or move.attempt) != move.attempt
    ]
    for key in over:
        owned.refused.pop(key, None)
    if over:
        owned.runner.forget(over)


def _failure(owned: OwnedStudy) -> str:
    """Why early stopping cannot judge, if that is news."""
    stopper = owned.stopper
    return "" if stopper is None or stopper.failure == stopper.said else stopper.failure


def _failure_events(failure: str, now: float) -> list[Event]:
    return [Event(time=now, kind="Warning", reason="EarlyStoppingFailed", message=failure)] if failure else []


def _events(plan: Plan, now: float) -> list[Event]:
    told = [
        Event(
            time=now,
            kind="Normal" if move.target in EXPECTED else "Warning",
            reason=move.reason,
            message=move.message,
            ordinal=move.ordinal,
        )
        for move in plan.transitions
        if move.reason in NOTABLE
    ]
    return [*told, _condition_event(plan.condition, now)] if plan.condition else told


def _condition_event(condition: Condition, now: float) -> Event:
    return Event(time=now, kind="Normal", reason=condition.reason, message=condition.message)
