"""The store in a database: the contract, one transaction per method."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from katib.core.metadata import MetadataItem
from katib.core.study import Study, Summary
from katib.core.trial import Transition, Trial, TrialState
from katib.stores import rules
from katib.stores.contract import (
    ANY_STUDY,
    ANY_TRIAL,
    Changes,
    Committed,
    Event,
    Lease,
    NewStudy,
    Observation,
    Reply,
    StudyFilter,
    StudyView,
    Token,
    TrialFilter,
    TrialPoints,
    Wish,
)
from katib.stores.sql import desk, log
from katib.stores.sql import statements as sql
from katib.stores.sql.database import Database, Work
from katib.stores.sql.records import (
    StudyRecords,
    TrialRecords,
    record_advice,
    record_events,
    record_items,
    remove,
    study_id,
)
from katib.stores.sql.rows import StudyRow, event_row, item_row, trial_row, values_row


class SqlStore:
    """See `katib.stores.contract.Store`. `katib.stores.opening.open_store` makes one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._studies = StudyRecords()

    def create_study(self, new: NewStudy, *, now: float) -> Study:
        study = rules.new_study(new, now=now)
        return self._database.write(lambda work: self._studies.insert(work, study).study)

    def get_study(self, name: str) -> Study:
        return self._database.read(lambda work: self._studies.by_name(work, name).study)

    def list_studies(self, which: StudyFilter = ANY_STUDY) -> list[Study]:
        return self._database.read(lambda work: [row.study for row in self._studies.listed(work, which)])

    def delete_study(self, name: str) -> None:
        def delete(work: Work) -> None:
            work.run(sql.DELETE_STUDY, {"id": self._studies.by_name(work, name, locked=True).id})

        self._database.write(delete)

    def wish(self, name: str, wish: Wish, *, now: float) -> Study:
        return self._change(name, lambda study: rules.wished(study, wish, now=now))

    def acquire(self, name: str, owner: str, *, now: float, seconds: float, dead: str = "") -> Lease:
        study = self._change(name, lambda study: rules.acquired(study, owner, now=now, seconds=seconds, dead=dead))
        return Lease(study=study.name, uid=study.uid, owner=owner, term=study.term)

    def renew(self, lease: Lease, *, now: float, seconds: float) -> None:
        def renewed(work: Work) -> None:
            number, study = self._studies.by_uid(work, lease.uid, locked=True)
            rules.check_lease(study, lease)
            self._studies.update(work, number, replace(study, lease_until=now + seconds))

        self._database.write(renewed)

    def release(self, lease: Lease) -> None:
        def released(work: Work) -> None:
            if work.one(sql.STUDY_ID, uid=rules.kept(lease.uid)) is None:
                return
            number, study = self._studies.by_uid(work, lease.uid, locked=True)
            if rules.holds(study, lease):
                self._studies.update(work, number, rules.released(study))

        self._database.write(released)

    def view(self, uid: str, *, advice: int | None = None) -> StudyView:
        most = rules.LARGEST_INTEGER if advice is None else advice

        def read(work: Work) -> StudyView:
            number, study = self._studies.by_uid(work, uid)
            unfinished = work.all(sql.UNFINISHED_TRIALS, study_id=number, **sql.UNFINISHED_STATES)
            advised = work.all(sql.UNUSED_ADVICE, study_id=number, state=TrialState.ADVISED.value, number=most)
            return StudyView(
                study=study,
                unfinished=tuple(trial_row(row) for row in sorted(unfinished)),
                advised=tuple(trial_row(row) for row in advised),
            )

        return self._database.read(read)

    def commit(self, lease: Lease, changes: Changes, *, now: float) -> Committed:
        rules.check_changes(changes)

        def commit(work: Work) -> Committed:
            if changes.receipt is not None:
                desk.put_receipt(work, changes.receipt)
            if changes.basis is not None and not changes.advice and not changes.removed:
                return self._commit_from(work, changes.basis, lease, changes, now=now)
            row = self._studies.by_uid(work, lease.uid, locked=True)
            rules.check_lease(row.study, lease)
            rules.check_revision(row.study, changes)
            return self._commit(work, row, changes, now=now)

        return self._database.write(commit)

    def append_observations(self, uid: str, batch: Sequence[TrialPoints], *, now: float) -> int:
        rules.check_points(batch)

        def append(work: Work) -> int:
            trials = TrialRecords(work, study_id(work, uid))
            number = log.append(trials, batch, now=now)
            trials.write()
            return number

        return self._database.write(append)

    def trials(self, uid: str, which: TrialFilter = ANY_TRIAL) -> list[Trial]:
        return self._database.read(lambda work: _listed_trials(work, study_id(work, uid), which))

    def observations(
        self, uid: str, *, ordinal: int | None = None, metric: str | None = None, attempt: int | None = None
    ) -> list[Observation]:
        def read(work: Work) -> list[Observation]:
            return log.listed(work, study_id(work, uid), ordinal=ordinal, metric=metric, attempt=attempt)

        return self._database.read(read)

    def metadata(self, uid: str, *, ordinal: int | None = None) -> list[MetadataItem]:
        def read(work: Work) -> list[MetadataItem]:
            statement = sql.listed_items(ordinal=ordinal is not None)
            found = work.all(statement, study_id=study_id(work, uid), ordinal=ordinal)
            # Here, and not by the database: each has an order of its own.
            return sorted(map(item_row, found), key=lambda item: (item.ordinal, item.namespace, item.key))

        return self._database.read(read)

    def events(self, uid: str, *, limit: int | None = None) -> list[Event]:
        def read(work: Work) -> list[Event]:
            number = study_id(work, uid)
            if limit is None:
                return [event_row(row) for row in work.all(sql.EVENTS, study_id=number)]
            latest = work.all(sql.LATEST_EVENTS, study_id=number, number=limit)
            return [event_row(row) for row in reversed(latest)]

        return self._database.read(read)

    def claim_reply(self, key: str, digest: str, *, now: float, until: float) -> Reply | None:
        return self._database.write(lambda work: desk.claim_reply(work, key, digest, now=now, until=until))

    def hold_reply(self, key: str, *, until: float) -> None:
        self._database.write(lambda work: desk.hold_reply(work, key, until=until))

    def keep_reply(self, key: str, reply: Reply, *, now: float) -> None:
        self._database.write(lambda work: desk.keep_reply(work, key, reply, now=now))

    def drop_reply(self, key: str) -> None:
        self._database.write(lambda work: desk.drop_reply(work, key))

    def add_token(self, token: Token) -> None:
        self._database.write(lambda work: desk.add_token(work, token))

    def tokens(self) -> list[Token]:
        return self._database.read(desk.tokens)

    def token(self, token_id: str) -> Token:
        return self._database.read(lambda work: desk.token(work, token_id))

    def delete_token(self, token_id: str) -> None:
        self._database.write(lambda work: desk.delete_token(work, token_id))

    def close(self) -> None:
        self._database.close()

    def _change(self, name: str, rule: Callable[[Study], Study]) -> Study:
        """Put a study under a rule, and write it if that changed it."""

        def change(work: Work) -> Study:
            number, study = self._studies.by_name(work, name, locked=True)
            after = rule(study)
            if after != study:
                self._studies.update(work, number, after)
            return after

        return self._database.write(change)

    def _commit(self, work: Work, row: StudyRow, changes: Changes, *, now: float) -> Committed:
        rules.check_values(row.study, changes)
        revision = row.study.revision + 1
        new = record_advice(work, row, changes, revision=revision, now=now) if changes.advice else []
        summary = row.study.summary
        for trial in new:
            summary = rules.summary_after(summary, None, trial, row.study.objectives)
        trials = TrialRecords(work, row.id)
        log.append(trials, changes.observations, now=now)
        skipped, summary = _move(trials, changes.transitions, row.study, summary, now=now)
        record_items(trials, changes)
        trials.write()
        gone = remove(trials, changes.removed) if changes.removed else []
        summary = rules.summary_without(
            summary, gone, lambda: map(values_row, work.all(sql.VALUES, study_id=row.id)), row.study.objectives
        )
        moved_any = bool(new or gone) or len(skipped) < len(changes.transitions)
        after = rules.committed(row.study, changes, summary, moved_any=moved_any)
        if after is not row.study:
            self._studies.update(work, row.id, after)
        record_events(work, row.id, changes)
        return Committed(study=after, skipped=skipped)

    def _commit_from(self, work: Work, basis: StudyView, lease: Lease, changes: Changes, *, now: float) -> Committed:
        """A commit that need not read what the basis says: each row is written where it is as it was read."""
        study = basis.study
        rules.check_values(study, changes)
        trials = TrialRecords(work, self._studies.number(work, study.uid), basis)
        log.append(trials, changes.observations, now=now)
        skipped, summary = _move(trials, changes.transitions, study, study.summary, now=now)
        after = rules.committed(study, changes, summary, moved_any=len(skipped) < len(changes.transitions))
        self._studies.update_from(work, study, after, lease)
        record_items(trials, changes)
        trials.write()
        record_events(work, trials.study_id, changes)
        changed = tuple(trials.changed)
        return Committed(study=after, skipped=skipped, view=rules.view_after(basis, after, changed), trials=changed)


def _move(
    trials: TrialRecords, moves: Sequence[Transition], study: Study, summary: Summary, *, now: float
) -> tuple[tuple[Transition, ...], Summary]:
    """Make the moves that fit; those that do not, and the summary afterwards."""
    trials.load(move.ordinal for move in moves)
    skipped = []
    for move in moves:
        before = trials.get(move.ordinal)
        after = rules.moved(before, move, revision=study.revision + 1, now=now) if before else None
        if before is None or after is None:
            skipped.append(move)
            continue
        trials.put(log.with_early_points(trials, after) if after.attempt != before.attempt else after)
        summary = rules.summary_after(summary, before, after, study.objectives)
    return tuple(skipped), summary


def _listed_trials(work: Work, number: int, which: TrialFilter) -> list[Trial]:
    if which.ordinals is not None:
        found = [
            trial_row(row)
            for piece in sql.padded(sorted(which.ordinals), "ordinal")
            for row in work.all(sql.trials_by_ordinal(len(piece)), study_id=number, **piece)
        ]
        return rules.selected(found, which)
    if which.names is not None:
        found = [
            trial_row(row)
            for piece in sql.padded(sorted(map(rules.kept, which.names)), "name")
            for row in work.all(sql.listed_by_name(len(piece)), study_id=number, **piece)
        ]
        return rules.selected(found, which)
    states = sorted(sql.LISTED_BY_DEFAULT if which.states is None else which.states)
    if not states:
        return []
    statement = sql.listed_trials(
        len(states),
        after_ordinal=which.after_ordinal > 0,
        after_revision=which.after_revision is not None,
        limited=which.limit is not None,
    )
    rows = work.all(
        statement,
        study_id=number,
        after_ordinal=which.after_ordinal,
        after_revision=which.after_revision,
        number=which.limit,
        **{f"state{position}": state.value for position, state in enumerate(states)},
    )
    return [trial_row(row) for row in rows]
