"""What the store's methods do to a study and to a trial, as functions of values: every store calls these.

Nothing here reads or writes. A store brings the record, calls a rule, and keeps what it returns.
"""

import hashlib
import math
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from itertools import count
from operator import attrgetter

from katib.core.advice import Advice
from katib.core.metadata import MetadataItem
from katib.core.names import trial_name
from katib.core.objective import Objective
from katib.core.observation import MetricPoint, Metrics
from katib.core.study import Condition, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import (
    ALLOWED,
    FINISHED,
    UNFINISHED,
    Loan,
    Reason,
    Transition,
    Trial,
    TrialState,
    loan_after,
    verdict_after,
)
from katib.errors import AlreadyExists, Conflict, LeaseHeld, NotFound, Stale, StoreUnavailable
from katib.stores.contract import (
    NAME_LIMIT,
    Changes,
    Event,
    Lease,
    NewStudy,
    Observation,
    StudyFilter,
    StudyView,
    TrialFilter,
    TrialPoints,
    Wish,
)

Identity = tuple[str, int, int]
"""Which observation of an attempt: `MetricPoint.identity`."""

Entry = tuple[Identity, MetricPoint]
"""A point on its way into the store, with its identity: asked for often enough to be worked out once."""

LARGEST_INTEGER = 2**63 - 1
_UNKEEPABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def kept(text: str) -> str:
    """`text` as it is stored: what no database keeps (NUL, lone surrogates) becomes U+FFFD."""
    # isascii costs nothing, and nearly every text is ASCII without a NUL.
    return text if text.isascii() and "\0" not in text else text.translate(_UNKEEPABLE)


def new_study(new: NewStudy, *, now: float) -> Study:
    """The study that `create_study` records."""
    for name in (new.name, new.uid):
        _check_name(name)
    return Study(
        name=kept(new.name),
        uid=kept(new.uid),
        document=new.document,
        effective=new.effective,
        objective=new.objective,
        further_objectives=new.further_objectives,
        budget=new.budget,
        condition=Condition(
            status=StudyStatus.CREATED, reason=StudyReason.CREATED, message="Experiment is created", since=now
        ),
        created_at=now,
        run_dir=kept(new.run_dir),
    )


def wished(study: Study, wish: Wish, *, now: float) -> Study:
    """The study after its user's wish; the same value when nothing changes. See `Store.wish`."""
    if wish.generation not in (None, study.generation):
        said = f"study {study.name!r} is at generation {study.generation}, not {wish.generation} any more"
        raise Conflict(f"{said}; nothing was written", hint="read it again, then decide")
    after = study
    if wish.reopen and after.condition.concluded:
        after = replace(_restarted(after, now), exhausted="", stop_requested=False)
    if wish.budget is not None:
        after = replace(after, budget=wish.budget)
    if wish.stop and not after.condition.concluded:
        after = replace(after, stop_requested=True)
    if wish.stop is False:
        after = replace(after, stop_requested=False)
        after = _restarted(after, now) if after.condition.status is StudyStatus.STOPPED else after
    if after == study:
        return study
    return replace(after, generation=study.generation + 1, revision=study.revision + 1)


def done_already() -> StoreUnavailable:
    """What a commit raises whose request somebody else has done."""
    return StoreUnavailable("another server has done this request meanwhile", hint="send it again for its answer")


def _restarted(study: Study, now: float) -> Study:
    condition = Condition(
        status=StudyStatus.RUNNING, reason=StudyReason.RESTARTING, message="Experiment is restarted", since=now
    )
    return replace(study, condition=condition, ended_at=None)


def acquired(study: Study, owner: str, *, now: float, seconds: float, dead: str) -> Study:
    """The study with a new term of `owner`. Raises LeaseHeld while another owner's lease runs."""
    _check_name(owner)
    if study.owner not in ("", owner, dead) and study.lease_until > now:
        raise LeaseHeld(
            f"study {study.name!r} is owned by {study.owner} for another {study.lease_until - now:.1f} s",
            hint="wait until its owner is done with it, or end that process",
        )
    return replace(study, owner=kept(owner), term=study.term + 1, lease_until=now + seconds)


def released(study: Study) -> Study:
    """The study without an owner; its term stays, so that the next one is new."""
    return replace(study, owner="", lease_until=0.0)


def holds(study: Study, lease: Lease) -> bool:
    """Whether `lease` is the study's."""
    return (study.owner, study.term) == (kept(lease.owner), lease.term)


def check_lease(study: Study, lease: Lease) -> None:
    """Raises Stale when `lease` is not the study's."""
    if not holds(study, lease):
        owner = f"{study.owner} in term {study.term}" if study.owner else f"nobody since term {study.term}"
        raise Stale(
            f"study {study.name!r} is owned by {owner}, not by {lease.owner} in term {lease.term}; nothing was written",
            hint="another process carries it on; this one has to let go of it",
        )


def check_revision(study: Study, changes: Changes) -> None:
    """Raises Conflict when the study is not the one that `changes` were decided on."""
    if changes.basis is not None and _version(study) != _version(changes.basis.study):
        raise changed_since(study, changes.basis.study)


def changed_since(study: Study, seen: Study) -> Conflict:
    """The error for a study that is not as it was in the view that changes were decided on."""
    what = f"at revision {study.revision}, not {seen.revision} any more"
    if study.revision == seen.revision:
        what = "under another lease than it was, or one that was renewed"
    return Conflict(f"study {study.name!r} is {what}; nothing was written", hint="read it again and decide again")


def _version(study: Study) -> tuple[int, str, int, float]:
    return (study.revision, study.owner, study.term, study.lease_until)


def metrics_changed(names: Iterable[str]) -> Conflict:
    """The error for trials of which some reported after the view that changes were decided on."""
    said = f"more was reported of {', '.join(sorted(names))}; nothing was written"
    return Conflict(said, hint="read it again and decide again")


def trials_of(view: StudyView) -> dict[int, Trial]:
    """Every trial of a view by ordinal."""
    return {trial.ordinal: trial for trial in (*view.unfinished, *view.advised)}


def view_after(basis: StudyView, study: Study, changed: Iterable[Trial]) -> StudyView:
    """What a view has become when `changed` are the trials that are not as they were in it."""
    new = {trial.ordinal: trial for trial in changed}

    def after(before: tuple[Trial, ...], states: Container[TrialState]) -> tuple[Trial, ...]:
        kept_ones = [trial for trial in before if trial.ordinal not in new]
        come = [trial for trial in new.values() if trial.state in states]
        return tuple(sorted([*kept_ones, *come], key=attrgetter("ordinal")) if come else kept_ones)

    return StudyView(
        study=study,
        unfinished=after(basis.unfinished, UNFINISHED),
        advised=after(basis.advised, (TrialState.ADVISED,)),
    )


def check_values(study: Study, changes: Changes) -> None:
    """Raises ValueError when a trial is to get a value for some of the study's objectives only."""
    wanted = len(study.objectives)
    for move in changes.transitions:
        if len(move.values) not in (0, wanted):
            raise ValueError(f"trial {move.ordinal}: {len(move.values)} values for {wanted} objectives")


def check_changes(changes: Changes) -> None:
    """Raises ValueError for changes that no store may write, whatever the record is."""
    for advice in changes.advice:
        if advice.ordinal < 1:
            raise ValueError(f"advice for ordinal {advice.ordinal}: ordinals begin at 1")
    for transition in changes.transitions:
        _check_transition(transition)
    for item in changes.metadata:
        _check_name(item.namespace)
        _check_name(item.key)
    check_points(changes.observations)


def _check_transition(move: Transition) -> None:
    what = f"trial {move.ordinal}: {move.source} -> {move.target}"
    if move.target not in ALLOWED.get(move.source, frozenset()):
        raise ValueError(f"{what} is not a move that a trial can make")
    if move.attempt_after not in (None, move.attempt, move.attempt + 1):
        raise ValueError(f"{what}: attempt {move.attempt} cannot become attempt {move.attempt_after}")
    if move.values and (move.target not in FINISHED or not all(map(math.isfinite, move.values))):
        raise ValueError(f"{what} with value {move.value}: only a finished trial has a value, and a finite one")
    if move.loan is not None:
        _check_name(move.loan.client)
        if math.isnan(move.loan.until) or math.isnan(move.loan.seconds):
            raise ValueError(f"{what}: a loan until nan never ends and never lasts")
    if move.value is None and move.further_values:
        raise ValueError(f"{what}: a trial has values for all objectives or for none")


def check_points(batch: Iterable[TrialPoints]) -> None:
    """Raises ValueError for observations beyond the contract's limits."""
    for points in batch:
        for name in {point.metric for point in points.points}:
            _check_name(name)
        for point in points.points:
            if abs(point.seq) > LARGEST_INTEGER or abs(point.step or 0) > LARGEST_INTEGER:
                raise ValueError(f"{point.metric}: seq {point.seq} or step {point.step} does not fit in 64 bits")
            if not math.isfinite(point.time):
                raise ValueError(f"{point.metric}: {point.time} is no time")


def _check_name(name: str) -> None:
    if len(name) > NAME_LIMIT:
        raise ValueError(f"{name[:40]!r}… has {len(name)} characters; at most {NAME_LIMIT} can be stored")


def free_name(study: Study, ordinal: int, taken: Container[str]) -> str:
    """The name of a new trial, not in `taken`.

    Among a million names of eight letters two are likely to be equal, so a name that is taken is derived once more.
    """
    candidates = (study.uid if salt == 0 else f"{study.uid}/{salt}" for salt in count())
    names = (trial_name(study.name, uid, ordinal) for uid in candidates)
    return next(name for name in names if name not in taken)


def advised(advice: Advice, name: str, *, revision: int, now: float) -> Trial:
    """The row that advice becomes."""
    return Trial(
        ordinal=advice.ordinal,
        name=name,
        assignment=dict(advice.assignment),
        labels=dict(advice.labels),
        state=TrialState.ADVISED,
        reason=Reason.ADVISED,
        created_at=now,
        revision=revision,
    )


def moved(trial: Trial, move: Transition, *, revision: int, now: float) -> Trial | None:
    """The trial after `move`; None when the move does not fit it any more. See `Transition` and `Changes`."""
    if (trial.state, trial.attempt) != (move.source, move.attempt):
        return None
    attempt = move.attempt if move.attempt_after is None else move.attempt_after
    again = attempt != trial.attempt
    return replace(
        trial,
        state=move.target,
        reason=move.reason,
        message=kept(move.message),
        attempt=attempt,
        failures=trial.failures if move.failures is None else move.failures,
        losses=trial.losses if move.losses is None else move.losses,
        value=move.value,
        further_values=move.further_values,
        metrics={} if again else trial.metrics,
        created_at=now if trial.state is TrialState.ADVISED else trial.created_at,
        started_at=move.started_at if again or move.started_at is not None else trial.started_at,
        ended_at=move.ended_at if again or move.ended_at is not None else trial.ended_at,
        not_before=move.not_before,
        rules=move.rules or trial.rules,
        stopped_by=verdict_after(trial, move),
        loan=_kept_loan(loan_after(trial, move)),
        revision=revision,
    )


def _kept_loan(loan: Loan | None) -> Loan | None:
    return None if loan is None else replace(loan, client=kept(loan.client))


def with_metrics(trial: Trial, metrics: Metrics) -> Trial:
    """The trial with other metrics; its revision stays."""
    return replace(trial, metrics=metrics)


def selected_studies(studies: Iterable[Study], which: StudyFilter) -> list[Study]:
    """Those of `studies` that `which` asks for, in its order."""
    place = attrgetter("created_at", "uid")
    found = [
        study
        for study in studies
        if study.name.startswith(kept(which.prefix))
        and kept(which.contains) in study.name
        and (which.statuses is None or study.condition.status in which.statuses)
        and which.uid in (None, study.uid)
        and (which.after is None or place(study) > which.after)
    ]
    return sorted(found, key=place)[: which.limit]


def selected(trials: Iterable[Trial], which: TrialFilter) -> list[Trial]:
    """Those of `trials` that `which` asks for, in its order."""
    found = [trial for trial in trials if _matches(trial, which)]
    by_revision = which.after_revision is not None
    found.sort(key=lambda trial: (trial.revision if by_revision else 0, trial.ordinal))
    return found if which.limit is None else found[: which.limit]


def _matches(trial: Trial, which: TrialFilter) -> bool:
    return (
        (trial.state is not TrialState.ADVISED if which.states is None else trial.state in which.states)
        and (which.ordinals is None or trial.ordinal in which.ordinals)
        and (which.names is None or trial.name in {kept(name) for name in which.names})
        and (which.after_revision is None or trial.revision > which.after_revision)
        and trial.ordinal > which.after_ordinal
    )


def summary_after(summary: Summary, source: Trial | None, target: Trial, objectives: Sequence[Objective]) -> Summary:
    """The summary after a trial was advised (`source` is None) or moved."""
    moved_on = summary.moved(source.state if source else None, target.state)
    if target.ordinal > moved_on.highest_ordinal:
        moved_on = replace(moved_on, highest_ordinal=target.ordinal)
    return moved_on.with_values(target.ordinal, target.values, objectives)


def summary_without(
    summary: Summary,
    gone: Sequence[Trial],
    valued: Callable[[], Iterable[tuple[int, tuple[float, ...]]]],
    objectives: Sequence[Objective],
) -> Summary:
    """The summary after trials were removed.

    Args:
        valued: (ordinal, values) of all that are left and have values; asked only when one of the best is gone.
    """
    best = {summary.best_ordinal, *(point.ordinal for point in summary.front)}
    for trial in gone:
        summary = summary.moved(trial.state, None)
    if best.isdisjoint(trial.ordinal for trial in gone):
        return summary
    summary = replace(summary, best_ordinal=None, best_value=None, front=())
    for ordinal, values in valued():
        summary = summary.with_values(ordinal, values, objectives)
    return summary


def kept_item(item: MetadataItem) -> MetadataItem:
    """`item` as it is stored."""
    value = kept(item.value) if isinstance(item.value, str) else bytes(item.value)
    return replace(item, namespace=kept(item.namespace), key=kept(item.key), value=value)


def committed(study: Study, changes: Changes, summary: Summary, *, moved_any: bool) -> Study:
    """The study after a commit that led to `summary`; at the next revision if anything about it changed."""
    after = replace(
        study,
        summary=summary,
        exhausted=study.exhausted if changes.exhausted is None else kept(changes.exhausted),
        overrides=study.overrides if changes.overrides is None else dict(changes.overrides),
    )
    if changes.condition is not None:
        after = _with_condition(after, changes.condition)
    return replace(after, revision=study.revision + 1) if moved_any or after != study else study


def _with_condition(study: Study, condition: Condition) -> Study:
    started = condition.since if condition.status is StudyStatus.RUNNING else None
    return replace(
        study,
        condition=replace(condition, message=kept(condition.message)),
        started_at=started if study.started_at is None else study.started_at,
        ended_at=condition.since if condition.ended else None,
    )


def kept_points(points: Sequence[MetricPoint]) -> list[Entry]:
    """`points` with their texts as they are stored, and their identities."""
    # One look at all texts together: it is rare that one of them has to be changed.
    texts = "".join([text for point in points for text in (point.metric, point.text)])
    if kept(texts) is not texts:
        points = [replace(point, metric=kept(point.metric), text=kept(point.text)) for point in points]
    return [(point.identity, point) for point in points]


def new_points(entries: Iterable[Entry], stored: set[Identity]) -> list[Entry]:
    """Those of `entries` whose identity is not in `stored`; the first of several. Adds theirs to `stored`."""
    new = []
    for entry in entries:
        if entry[0] not in stored:
            stored.add(entry[0])
            new.append(entry)
    return new


def place(observation: Observation) -> tuple[int, int, float, int, str]:
    """The key of the order in which observations are listed."""
    point = observation.point
    return (observation.ordinal, observation.attempt, point.time, point.seq, point.metric)


def kept_event(event: Event) -> Event:
    """`event` as it is stored."""
    return replace(event, kind=kept(event.kind), reason=kept(event.reason), message=kept(event.message))


def no_study(what: str) -> NotFound:
    """The error for a study that is not there, by name or uid."""
    return NotFound(f"there is no study {what!r} in this store", hint="`katib list` shows those that are")


def name_taken(name: str) -> AlreadyExists:
    """The error for a study whose name is taken."""
    return AlreadyExists(f"a study named {name!r} exists", hint="choose another name, or delete that one")


def key_digest(key: str) -> str:
    """A request's key as it is stored: a client may choose any text."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def token_taken(token_id: str) -> AlreadyExists:
    """The error for a token whose id is taken."""
    return AlreadyExists(f"a token {token_id!r} exists")


def no_token(token_id: str) -> NotFound:
    """The error for a token that is not there."""
    return NotFound(f"there is no token {token_id!r}", hint="`katib token list` shows those that are")
