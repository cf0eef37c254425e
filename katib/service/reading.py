"""What a reading of a study that its clients run says: how much room there is, and what follows from moves."""

from collections.abc import Mapping, Sequence

from katib.core import lending
from katib.core.observation import fold
from katib.core.study import UNBOUNDED, Condition, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import UNFINISHED, Reason, Transition, Trial, TrialState
from katib.core.verdict import stale, verdict
from katib.errors import StudyClosed
from katib.service.values import final_points, final_values
from katib.stores.contract import StudyView, TrialPoints


def completion(
    study: Study, trial: Trial, metrics: Mapping[str, float] | None, *, step: int | None, now: float
) -> tuple[TrialPoints | None, Transition]:
    """The end of a trial with these metrics, and what is to be stored of them. Raises InvalidInput."""
    points = final_points(metrics or {}, step=step, now=now)
    values = final_values(study.objectives, metrics, fold(trial.metrics, points), trial.ordinal)
    batch = TrialPoints(trial=trial.name, attempt=trial.attempt, points=points) if points else None
    if isinstance(values, str):
        return batch, lending.failed(trial, Reason.DIVERGED, values, now=now)
    return batch, lending.completed(trial, values, stopped=trial.condemned, now=now)


def left_of(study: Study) -> int:
    """How many trials may still be created."""
    return UNBOUNDED if study.budget.max_trials is None else max(study.budget.max_trials - study.summary.created, 0)


def beyond(view: StudyView) -> tuple[Trial, ...]:
    """The unfinished trials that a lowered budget has no place for: the latest."""
    most = view.study.budget.max_trials
    surplus = 0 if most is None else view.study.summary.created - most
    return view.unfinished[-surplus:] if surplus > 0 else ()


def room_in(view: StudyView) -> int:
    """How many trials may be created now: those that wait for a client take up room as well."""
    return max(min(left_of(view.study), view.study.budget.parallel - len(view.unfinished)), 0)


def unfinished_trial(view: StudyView, ordinal: int) -> Trial | None:
    return next((trial for trial in view.unfinished if trial.ordinal == ordinal), None)


def held_by(trial: Trial, client: str) -> bool:
    return trial.state is TrialState.RUNNING and trial.loan is not None and trial.loan.client == client


def stale_after(view: StudyView, moves: Sequence[Transition], summary: Summary) -> int:
    """How many trials after the best one are finished after `moves`; 0 where no budget asks for it."""
    if view.study.budget.max_stale is None:
        return 0
    open_ones, advised = {trial.ordinal for trial in view.unfinished}, {trial.ordinal for trial in view.advised}
    for move in moves:
        advised.discard(move.ordinal)
        if move.target in UNFINISHED:
            open_ones.add(move.ordinal)
        else:
            open_ones.discard(move.ordinal)
    return stale(summary, open_ones, advised)


def condition_after(view: StudyView, moves: Sequence[Transition], now: float) -> Condition | None:
    """The study's condition after `moves`, when that is another one than before."""
    study, summary = view.study, view.study.summary
    for move in moves:
        summary = summary.moved(move.source, move.target).with_values(move.ordinal, move.values, study.objectives)
    unused = summary.count(TrialState.ADVISED)
    finished = stale_after(view, moves, summary)
    condition = verdict(study, summary, unused_advice=unused, now=now, stale=finished)
    if study.stop_requested and not condition.concluded and not summary.count(TrialState.RUNNING):
        said = "stopped on request; it gives out no trials until it is resumed"
        condition = Condition(status=StudyStatus.STOPPED, reason=StudyReason.STOPPED, message=said, since=now)
    old = study.condition
    return None if (condition.status, condition.reason) == (old.status, old.reason) else condition


def refuse_closed(study: Study) -> None:
    """Raises StudyClosed for a study that gives out no trials."""
    if study.condition.concluded:
        raise StudyClosed(
            f"study {study.name!r} has ended: {study.condition.message}",
            hint="raise its budget, or create another study",
        )
    if study.stop_requested:
        raise StudyClosed(f"study {study.name!r} is stopped", hint="resume it")
