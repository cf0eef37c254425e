"""The laws of one decision: what must hold of a plan for any well-typed snapshot, consistent or not.

Each law is a small function that yields what is wrong; `broken_laws` gathers them. Well-typed means that the snapshot
keeps what its types promise: its trials are unfinished, its advice is unused, no ordinal is there twice.
"""

from collections.abc import Callable, Iterator

from katib.core.classify import Bucket, classify
from katib.core.decide import Plan, Snapshot
from katib.core.run import Phase
from katib.core.trial import ALLOWED, FINISHED, TrialState

Law = Callable[[Snapshot, Plan], Iterator[str]]


def broken_laws(snapshot: Snapshot, plan: Plan) -> list[str]:
    """What is wrong with `plan` as an answer to `snapshot`; empty when nothing is."""
    return [f"{law.__name__}: {fault}" for law in LAWS for fault in law(snapshot, plan)]


def within_budget(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """No trial is created beyond max_trials."""
    most = snapshot.study.budget.max_trials
    created = len(_created(plan))
    if most is not None and created and snapshot.study.summary.created + created > most:
        yield f"creates {created} on top of {snapshot.study.summary.created}, the budget is {most}"


def within_width(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """What is launched fits beside what runs, and what is created beside what is unfinished."""
    parallel = snapshot.room
    busy = sum(_bucket(snapshot)[view.trial.ordinal] in BUSY for view in snapshot.trials)
    if plan.launches and busy + len(plan.launches) > parallel:
        yield f"launches {len(plan.launches)} beside {busy} that run, the width is {parallel}"
    finishing = sum(move.target in FINISHED for move in plan.transitions)
    unfinished = len(snapshot.trials) - finishing + len(_created(plan))
    if _created(plan) and unfinished > parallel:
        yield f"creates trials up to {unfinished} unfinished ones, the width is {parallel}"


def at_rest_when_over(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Nothing is created, launched or asked for in a study that is concluded or stopped, or is so by this plan."""
    study = snapshot.study
    concluded = study.condition.concluded or (plan.condition is not None and plan.condition.concluded)
    if (concluded or study.stop_requested) and (plan.launches or _created(plan) or plan.advise_upto):
        yield "starts something in a study that is over"
    if study.condition.concluded and plan.condition is not None:
        yield f"takes back the verdict {study.condition.reason}: {plan.condition.reason}"


def ends_what_is_over(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """When a study is concluded or to stop, its runs are stopped; when concluded, no trial keeps waiting."""
    study = snapshot.study
    concluded = study.condition.concluded or (plan.condition is not None and plan.condition.concluded)
    if not concluded and not study.stop_requested:
        return
    stopped = {stop.ordinal for stop in plan.stops}
    moved = {move.ordinal: move.target for move in plan.transitions}
    for ordinal, bucket in _bucket(snapshot).items():
        if bucket is Bucket.ALIVE and ordinal not in stopped:
            yield f"trial {ordinal} runs on"
        if concluded and bucket not in BUSY and moved.get(ordinal) not in FINISHED:
            yield f"trial {ordinal} is left waiting"


def stops_or_launches(_snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """No trial is stopped and launched by the same plan, and none twice."""
    stopped = [stop.ordinal for stop in plan.stops]
    launched = [launch.ordinal for launch in plan.launches]
    if set(stopped) & set(launched):
        yield f"both stops and launches {set(stopped) & set(launched)}"
    if len(set(stopped)) != len(stopped) or len(set(launched)) != len(launched):
        yield "stops or launches a trial twice"


def launches_what_exists(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """A launched attempt is that of an unfinished trial on record without a run, or of one this plan creates."""
    attempts = {view.trial.ordinal: view.trial.attempt for view in snapshot.trials}
    for move in plan.transitions:
        attempts[move.ordinal] = move.attempt if move.attempt_after is None else move.attempt_after
        if move.target in FINISHED:
            del attempts[move.ordinal]
    busy = {ordinal for ordinal, bucket in _bucket(snapshot).items() if bucket in BUSY}
    for launch in plan.launches:
        if attempts.get(launch.ordinal) != launch.attempt:
            yield f"launches {launch.ordinal}/{launch.attempt}, which is not on record or not the current attempt"
        if launch.ordinal in busy:
            yield f"launches {launch.ordinal}, which has a run"


def waits_out_pauses(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """No attempt is launched before its pause is over."""
    pauses = {view.trial.ordinal: view.trial.not_before for view in snapshot.trials}
    pauses.update({move.ordinal: move.not_before for move in plan.transitions})
    for launch in plan.launches:
        if snapshot.now < pauses.get(launch.ordinal, 0.0) <= snapshot.now + snapshot.retry.longest_delay:
            yield f"launches {launch.ordinal} before its pause is over"


def stops_what_runs(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """A stopped attempt is the current one of a trial that runs."""
    attempts = {view.trial.ordinal: view.trial.attempt for view in snapshot.trials}
    buckets = _bucket(snapshot)
    for stop in plan.stops:
        if attempts.get(stop.ordinal) != stop.attempt or buckets[stop.ordinal] is not Bucket.ALIVE:
            yield f"stops {stop.ordinal}/{stop.attempt}, which does not run"


def moves_lawfully(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Transitions are allowed, start where the trial is, and are at most one per trial; a value needs a good end."""
    where = {trial.ordinal: trial for trial in (*snapshot.advised, *(view.trial for view in snapshot.trials))}
    ordinals = [move.ordinal for move in plan.transitions]
    if len(set(ordinals)) != len(ordinals):
        yield "moves a trial twice"
    for move in plan.transitions:
        trial = where.get(move.ordinal)
        if trial is None or (trial.state, trial.attempt) != (move.source, move.attempt):
            yield f"moves {move.ordinal} from {move.source}/{move.attempt}, where it is not"
        if move.target not in ALLOWED.get(move.source, frozenset()):
            yield f"moves {move.ordinal} from {move.source} to {move.target}"
        if move.loan is not None or (move.source is TrialState.ADVISED and move.target is not TrialState.PENDING):
            yield f"hands out {move.ordinal}, which is for studies that clients run"
        if move.attempt_after not in (None, move.attempt, move.attempt + 1):
            yield f"moves {move.ordinal} to attempt {move.attempt_after}"
        if move.target is TrialState.SUCCEEDED and move.value is None:
            yield f"trial {move.ordinal} succeeded without a value"
        if move.value is not None and move.target not in (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED):
            yield f"trial {move.ordinal} is {move.target} with value {move.value}"
        if len(move.values) not in (0, len(snapshot.study.objectives)):
            yield f"trial {move.ordinal} has {len(move.values)} values for {len(snapshot.study.objectives)} objectives"


def judges_once(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """A verdict goes on record once, with the attempt that it is about while that runs."""
    where = {view.trial.ordinal: view for view in snapshot.trials}
    given = [(each.ordinal, each.attempt, each.stop) for each in snapshot.judgements]
    for move in plan.transitions:
        if move.stopped_by is None:
            continue
        view = where[move.ordinal]
        if view.trial.stopped_by is not None:
            yield f"judges {move.ordinal} again"
        if move.target is not TrialState.RUNNING or view.run.phase is not Phase.RUNNING:
            yield f"judges {move.ordinal}, which does not run"
        if (move.ordinal, move.attempt, move.stopped_by) not in given:
            yield f"judges {move.ordinal}/{move.attempt}, about which there is no verdict"


def stops_the_condemned(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Whom a recorded verdict condemns is stopped while he runs, and nobody else is for that reason."""
    recorded = {move.ordinal: move.stopped_by for move in plan.transitions if move.stopped_by is not None}
    condemned = {
        view.trial.ordinal
        for view in snapshot.trials
        if view.trial.condemned or (view.trial.ordinal in recorded and not recorded[view.trial.ordinal].shadow)
    }
    buckets = _bucket(snapshot)
    alive = {ordinal for ordinal in condemned if buckets[ordinal] is Bucket.ALIVE}
    for ordinal in alive - {stop.ordinal for stop in plan.stops}:
        yield f"lets {ordinal} run on, which is condemned"
    for stop in plan.stops:
        if stop.why.startswith("stopped early") and stop.ordinal not in condemned:
            yield f"stops {stop.ordinal} early without a verdict on record"
    for move in plan.transitions:
        if move.target is TrialState.EARLY_STOPPED and move.ordinal not in condemned:
            yield f"trial {move.ordinal} was stopped early without a verdict on record"


def asks_within_budget(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Advice is asked for ahead of what is on record, and never more than the budget can use."""
    if plan.advise_upto is None:
        return
    study = snapshot.study
    asked = plan.advise_upto - study.summary.highest_ordinal
    if asked <= 0:
        yield f"asks for advice up to {plan.advise_upto}, {study.summary.highest_ordinal} is on record"
    if study.exhausted:
        yield "asks an algorithm that has nothing left"
    most = study.budget.max_trials
    unused = snapshot.unused_advice
    if most is not None and asked + unused > most - study.summary.created:
        yield f"asks for {asked} beside {unused} unused, {most - study.summary.created} can be used"


def says_why(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Every action has a reason, and there is always a note."""
    if not plan.notes or not all(plan.notes):
        yield "says nothing"
    if not all(stop.why for stop in plan.stops) or not all(launch.why for launch in plan.launches):
        yield "stops or launches without a reason"
    if plan.condition is not None and not plan.condition.message:
        yield "changes the condition without a message"
    for move in plan.transitions:
        if move.target in FINISHED and not move.message:
            bucket = _bucket(snapshot)[move.ordinal]
            # A refusal's words are the runner's.
            if bucket is not Bucket.REFUSED:
                yield f"finishes {move.ordinal} without a message"


def wakes_later(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """It is never asked to be woken at a time that has come, which would be a busy loop."""
    if plan.wake_at is not None and plan.wake_at <= snapshot.now:
        yield f"wakes at {plan.wake_at}, it is {snapshot.now}"


BUSY = frozenset({Bucket.ALIVE, Bucket.DRAINING})
"""Buckets of trials whose run is not over and done with."""

LAWS: tuple[Law, ...] = (
    within_budget,
    within_width,
    at_rest_when_over,
    ends_what_is_over,
    stops_or_launches,
    launches_what_exists,
    waits_out_pauses,
    stops_what_runs,
    moves_lawfully,
    judges_once,
    stops_the_condemned,
    asks_within_budget,
    says_why,
    wakes_later,
)


def _created(plan: Plan) -> list[int]:
    return [move.ordinal for move in plan.transitions if move.source is TrialState.ADVISED]


def _bucket(snapshot: Snapshot) -> dict[int, Bucket]:
    return {
        view.trial.ordinal: classify(view, now=snapshot.now, patience=snapshot.patience) for view in snapshot.trials
    }
