"""A store in this process's memory: for the simulator, for tests, and as the model that the SQL store is held against.

Nothing survives the process; everything else of the contract holds.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from katib.core.metadata import MetadataItem
from katib.core.observation import fold
from katib.core.study import Study
from katib.core.trial import FINISHED, UNFINISHED, Trial, TrialState
from katib.stores import rules
from katib.stores.contract import (
    ANY_STUDY,
    ANY_TRIAL,
    REPLIES_KEPT,
    Changes,
    Committed,
    Event,
    Lease,
    NewStudy,
    Observation,
    Receipt,
    Reply,
    StudyFilter,
    StudyView,
    Token,
    TrialFilter,
    TrialPoints,
    Wish,
)
from katib.stores.documents import Documents


@dataclass
class _Record:
    """A study and all that belongs to it. `open` are its trials that are not finished."""

    study: Study
    documents: Documents
    trials: dict[int, Trial] = field(default_factory=dict)
    open: dict[int, Trial] = field(default_factory=dict)
    ordinals: dict[str, int] = field(default_factory=dict)
    observations: dict[tuple[int, int], list[Observation]] = field(default_factory=dict)
    identities: dict[tuple[int, int], set[rules.Identity]] = field(default_factory=dict)
    metadata: dict[tuple[int, str, str], MetadataItem] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def fresh(self) -> Study:
        return self.documents.onto(self.study)

    def put(self, trial: Trial) -> None:
        self.trials[trial.ordinal] = trial
        self.ordinals[trial.name] = trial.ordinal
        if trial.state in FINISHED:
            self.open.pop(trial.ordinal, None)
        else:
            self.open[trial.ordinal] = trial

    def remove(self, trial: Trial) -> None:
        del self.trials[trial.ordinal], self.ordinals[trial.name]
        self.open.pop(trial.ordinal, None)
        for attempt in [key for key in self.identities if key[0] == trial.ordinal]:
            del self.identities[attempt]
            self.observations.pop(attempt, None)
        for item in [key for key in self.metadata if key[0] == trial.ordinal]:
            del self.metadata[item]


class MemoryStore:
    """See `katib.stores.contract.Store`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._by_name: dict[str, _Record] = {}
        self._by_uid: dict[str, _Record] = {}
        self._replies: dict[str, tuple[Reply, float]] = {}
        self._tokens: dict[str, Token] = {}

    def create_study(self, new: NewStudy, *, now: float) -> Study:
        study = rules.new_study(new, now=now)
        documents = Documents.of(study)
        with self._lock:
            if study.name in self._by_name or study.uid in self._by_uid:
                raise rules.name_taken(study.name)
            record = _Record(study=documents.onto(study), documents=documents)
            self._by_name[study.name] = self._by_uid[study.uid] = record
            return record.fresh()

    def get_study(self, name: str) -> Study:
        with self._lock:
            return self._named(name).fresh()

    def list_studies(self, which: StudyFilter = ANY_STUDY) -> list[Study]:
        with self._lock:
            return rules.selected_studies([record.fresh() for record in self._by_name.values()], which)

    def delete_study(self, name: str) -> None:
        with self._lock:
            record = self._named(name)
            del self._by_name[record.study.name], self._by_uid[record.study.uid]

    def wish(self, name: str, wish: Wish, *, now: float) -> Study:
        with self._lock:
            record = self._named(name)
            record.study = rules.wished(record.study, wish, now=now)
            return record.fresh()

    def acquire(self, name: str, owner: str, *, now: float, seconds: float, dead: str = "") -> Lease:
        with self._lock:
            record = self._named(name)
            record.study = rules.acquired(record.study, owner, now=now, seconds=seconds, dead=dead)
            return Lease(study=record.study.name, uid=record.study.uid, owner=owner, term=record.study.term)

    def renew(self, lease: Lease, *, now: float, seconds: float) -> None:
        with self._lock:
            record = self._of(lease.uid)
            rules.check_lease(record.study, lease)
            record.study = replace(record.study, lease_until=now + seconds)

    def release(self, lease: Lease) -> None:
        with self._lock:
            record = self._by_uid.get(lease.uid)
            if record is not None and rules.holds(record.study, lease):
                record.study = rules.released(record.study)

    def view(self, uid: str, *, advice: int | None = None) -> StudyView:
        with self._lock:
            record = self._of(uid)
            trials = [_fresh(record.open[ordinal]) for ordinal in sorted(record.open)]
            return StudyView(
                study=record.fresh(),
                unfinished=tuple(trial for trial in trials if trial.state in UNFINISHED),
                advised=tuple(trial for trial in trials if trial.state is TrialState.ADVISED)[:advice],
            )

    def commit(self, lease: Lease, changes: Changes, *, now: float) -> Committed:
        rules.check_changes(changes)
        with self._lock:
            record = self._of(lease.uid)
            rules.check_lease(record.study, lease)
            rules.check_revision(record.study, changes)
            rules.check_values(record.study, changes)
            _check_metrics(record, changes)
            if changes.receipt is not None:
                self._put_receipt(changes.receipt)
            objectives, summary, revision = record.study.objectives, record.study.summary, record.study.revision + 1
            # From here on nothing can fail, so all of it is done.
            for advice in changes.advice:
                if advice.ordinal not in record.trials:
                    name = rules.free_name(record.study, advice.ordinal, record.ordinals)
                    trial = rules.advised(advice, name, revision=revision, now=now)
                    record.put(trial)
                    summary = rules.summary_after(summary, None, trial, objectives)
            before_all = dict(record.open)
            _append(record, changes.observations, now=now)
            skipped = []
            for move in changes.transitions:
                before = record.trials.get(move.ordinal)
                after = rules.moved(before, move, revision=revision, now=now) if before else None
                if before is None or after is None:
                    skipped.append(move)
                    continue
                record.put(_with_early_points(record, after) if after.attempt != before.attempt else after)
                summary = rules.summary_after(summary, before, after, objectives)
            for item in map(rules.kept_item, changes.metadata):
                if item.ordinal == 0 or item.ordinal in record.trials:
                    record.metadata[item.ordinal, item.namespace, item.key] = item
            gone = [record.trials[ordinal] for ordinal in set(changes.removed) if ordinal in record.trials]
            for trial in gone:
                record.remove(trial)
            left = [(trial.ordinal, trial.values) for trial in record.trials.values()]
            summary = rules.summary_without(summary, gone, lambda: left, objectives)
            moved_any = summary != record.study.summary or len(skipped) < len(changes.transitions)
            record.study = rules.committed(record.study, changes, summary, moved_any=moved_any)
            record.events.extend(rules.kept_event(event) for event in changes.events)
            study = record.fresh()
            if changes.basis is None or changes.advice or changes.removed:
                return Committed(study=study, skipped=tuple(skipped))
            new = (record.trials[at] for at in sorted(before_all) if record.trials[at] != before_all[at])
            changed = tuple(map(_fresh, new))
            view = rules.view_after(changes.basis, study, changed)
            return Committed(study=study, skipped=tuple(skipped), view=view, trials=changed)

    def _put_receipt(self, receipt: Receipt) -> None:
        claim = self._replies.get(receipt.key)
        if claim is None or not _undone(claim):
            raise rules.done_already()
        self._replies[receipt.key] = (replace(claim[0], body=rules.kept(receipt.text)), claim[1])

    def append_observations(self, uid: str, batch: Sequence[TrialPoints], *, now: float) -> int:
        rules.check_points(batch)
        with self._lock:
            return _append(self._of(uid), batch, now=now)

    def trials(self, uid: str, which: TrialFilter = ANY_TRIAL) -> list[Trial]:
        with self._lock:
            return [_fresh(trial) for trial in rules.selected(self._of(uid).trials.values(), which)]

    def observations(
        self, uid: str, *, ordinal: int | None = None, metric: str | None = None, attempt: int | None = None
    ) -> list[Observation]:
        with self._lock:
            found = [
                observation
                for observations in self._of(uid).observations.values()
                for observation in observations
                if ordinal in (None, observation.ordinal)
                and metric in (None, observation.point.metric)
                and attempt in (None, observation.attempt)
            ]
        return sorted(found, key=rules.place)

    def metadata(self, uid: str, *, ordinal: int | None = None) -> list[MetadataItem]:
        with self._lock:
            items = self._of(uid).metadata
            return [items[key] for key in sorted(items) if ordinal in (None, key[0])]

    def events(self, uid: str, *, limit: int | None = None) -> list[Event]:
        with self._lock:
            events = self._of(uid).events
            return events[:] if limit is None else events[max(len(events) - limit, 0) :]

    def claim_reply(self, key: str, digest: str, *, now: float, until: float) -> Reply | None:
        with self._lock:
            oldest = now - REPLIES_KEPT
            self._replies = {each: kept for each, kept in self._replies.items() if kept[1] >= oldest}
            known, held_until = self._replies.get(key, (None, 0.0))
            if known is not None and (known.status or known.body or held_until > now):
                return known
            self._replies[key] = (Reply(digest=digest), until)
            return None

    def hold_reply(self, key: str, *, until: float) -> None:
        with self._lock:
            claim = self._replies.get(key)
            if claim is not None and _undone(claim):
                self._replies[key] = (claim[0], until)

    def keep_reply(self, key: str, reply: Reply, *, now: float) -> None:
        with self._lock:
            self._replies[key] = (replace(reply, body=rules.kept(reply.body)), now)

    def drop_reply(self, key: str) -> None:
        with self._lock:
            if _undone(self._replies.get(key)):
                del self._replies[key]

    def add_token(self, token: Token) -> None:
        with self._lock:
            if token.id in self._tokens:
                raise rules.token_taken(token.id)
            self._tokens[token.id] = replace(token, note=rules.kept(token.note))

    def tokens(self) -> list[Token]:
        with self._lock:
            return sorted(self._tokens.values(), key=lambda token: (token.created_at, token.id))

    def token(self, token_id: str) -> Token:
        with self._lock:
            if token_id not in self._tokens:
                raise rules.no_token(token_id)
            return self._tokens[token_id]

    def delete_token(self, token_id: str) -> None:
        with self._lock:
            if self._tokens.pop(token_id, None) is None:
                raise rules.no_token(token_id)

    def close(self) -> None:
        """Nothing to release; what is stored goes with the object."""

    def _named(self, name: str) -> _Record:
        return _found(self._by_name.get(rules.kept(name)), name)

    def _of(self, uid: str) -> _Record:
        return _found(self._by_uid.get(rules.kept(uid)), uid)


def _check_metrics(record: _Record, changes: Changes) -> None:
    """Raises Conflict when a trial that is changed has reported since the view that the changes were decided on."""
    seen = rules.trials_of(changes.basis) if changes.basis is not None else {}
    named = {record.ordinals.get(rules.kept(points.trial)) for points in changes.observations}
    touched = [ordinal for ordinal in seen if ordinal in named | {move.ordinal for move in changes.transitions}]
    # As texts: nan is not equal to itself.
    if any(repr(seen[ordinal].metrics) != repr(record.trials[ordinal].metrics) for ordinal in touched):
        raise rules.metrics_changed(seen[ordinal].name for ordinal in touched)


def _found(record: _Record | None, what: str) -> _Record:
    if record is None:
        raise rules.no_study(what)
    return record


def _append(record: _Record, batch: Iterable[TrialPoints], *, now: float) -> int:
    number = 0
    for points in batch:
        ordinal = record.ordinals.get(rules.kept(points.trial))
        if ordinal is None:
            continue
        trial, key = record.trials[ordinal], (ordinal, points.attempt)
        new = rules.new_points(rules.kept_points(points.points), record.identities.setdefault(key, set()))
        number += len(new)
        record.observations.setdefault(key, []).extend(
            Observation(trial=trial.name, ordinal=ordinal, attempt=points.attempt, point=point, arrived=now)
            for _identity, point in new
        )
        if trial.state not in FINISHED and trial.attempt == points.attempt:
            record.put(rules.with_metrics(trial, fold(trial.metrics, (point for _identity, point in new))))
    return number


def _with_early_points(record: _Record, trial: Trial) -> Trial:
    """A trial that begins an attempt, with the observations of it that came before."""
    early = record.observations.get((trial.ordinal, trial.attempt), [])
    return rules.with_metrics(trial, fold({}, (observation.point for observation in early)))


def _fresh(trial: Trial) -> Trial:
    return replace(trial, assignment=dict(trial.assignment), labels=dict(trial.labels), metrics=dict(trial.metrics))


def _undone(claim: tuple[Reply, float] | None) -> bool:
    """Whether a request is claimed, and nothing was done about it."""
    return claim is not None and not claim[0].status and not claim[0].body
