"""The studies and trials that a transaction works on."""

from collections.abc import Iterable, Mapping

from katib.core.advice import Advice
from katib.core.study import Study
from katib.core.trial import Trial
from katib.stores import rules
from katib.stores.contract import Changes, Lease, StudyFilter, StudyView
from katib.stores.documents import Documents
from katib.stores.sql import statements as sql
from katib.stores.sql.database import Work
from katib.stores.sql.rows import (
    Parameters,
    Row,
    StudyRow,
    documents_parameters,
    documents_row,
    event_parameters,
    item_parameters,
    metrics_text,
    study_parameters,
    study_row,
    trial_changes,
    trial_parameters,
    trial_row,
)

REMEMBERED_DOCUMENTS = 256
"""Studies whose documents a process keeps at hand; a few kilobytes each."""


class StudyRecords:
    """Reads and writes studies. Their documents never change, so they are read once per process."""

    def __init__(self) -> None:
        self._documents: dict[int, Documents] = {}
        self._numbers: dict[str, int] = {}

    def by_name(self, work: Work, name: str, *, locked: bool = False) -> StudyRow:
        """The study of that name, for writing when `locked`. Raises NotFound."""
        statement = sql.LOCKED_BY_NAME if locked else sql.STUDY_BY_NAME
        return self._found(work, work.one(statement, name=rules.kept(name)), name)

    def by_uid(self, work: Work, uid: str, *, locked: bool = False) -> StudyRow:
        """The study of that uid, for writing when `locked`. Raises NotFound."""
        statement = sql.LOCKED_BY_UID if locked else sql.STUDY_BY_UID
        return self._found(work, work.one(statement, uid=rules.kept(uid)), uid)

    def listed(self, work: Work, which: StudyFilter) -> list[StudyRow]:
        """Those that are asked for, oldest first."""
        statuses = sorted(which.statuses or ())
        if which.statuses is not None and not statuses:
            return []
        prefix, contains = rules.kept(which.prefix), rules.kept(which.contains)
        created_at, uid = which.after or (0.0, "")
        statement = sql.listed_studies(
            len(statuses),
            prefix=bool(prefix),
            contains=bool(contains),
            uid=which.uid is not None,
            after=which.after is not None,
            limited=which.limit is not None,
        )
        rows = work.all(
            statement,
            prefix=prefix,
            length=len(prefix),
            contains=contains,
            uid=which.uid,
            created_at=created_at,
            after_uid=rules.kept(uid),
            number=which.limit,
            **{f"status{position}": status.value for position, status in enumerate(statuses)},
        )
        return [self._complete(work, row) for row in rows]

    def insert(self, work: Work, study: Study) -> StudyRow:
        """Record a new study. Raises AlreadyExists when its name or uid is taken."""
        if work.one(sql.SAME_STUDY, name=study.name, uid=study.uid) is not None:
            raise rules.name_taken(study.name)
        work.run(sql.INSERT_STUDY, study_parameters(study))
        number = study_id(work, study.uid)
        work.run(sql.INSERT_DOCUMENTS, documents_parameters(number, study))
        return self.by_uid(work, study.uid)

    def update(self, work: Work, number: int, study: Study) -> None:
        """Write everything of a study that can change."""
        work.run(sql.UPDATE_STUDY, {"key_id": number, **study_parameters(study)})

    def number(self, work: Work, uid: str) -> int:
        """The number of the study of that uid, which it keeps for life. Raises NotFound."""
        number = self._numbers.get(uid)
        if number is None:
            if len(self._numbers) >= REMEMBERED_DOCUMENTS:
                self._numbers.clear()
            number = self._numbers[uid] = study_id(work, uid)
        return number

    def update_from(self, work: Work, before: Study, after: Study, lease: Lease) -> None:
        """Write what a commit changes, unless the study is not as it was read, or is not the lease's.

        Raises NotFound, Stale, Conflict.
        """
        keys = {
            "key_uid": before.uid,
            "key_revision": before.revision,
            "key_owner": before.owner,
            "key_term": before.term,
            "key_lease_until": before.lease_until,
        }
        if not rules.holds(before, lease):
            found = 0
        elif after is before:
            found = len(work.all(sql.STUDY_AS_READ, **keys))
        else:
            found = work.run(sql.UPDATE_STUDY_FROM, {**keys, **study_parameters(after)})
        if found:
            return
        _number, now = self.by_uid(work, before.uid, locked=True)
        rules.check_lease(now, lease)
        raise rules.changed_since(now, before)

    def _found(self, work: Work, row: Row | None, what: str) -> StudyRow:
        if row is None:
            raise rules.no_study(what)
        return self._complete(work, row)

    def _complete(self, work: Work, row: Row) -> StudyRow:
        number, study = study_row(row)
        documents = self._documents.get(number)
        if documents is None:
            found = work.one(sql.DOCUMENTS, study_id=number)
            if found is None:
                raise rules.no_study(study.name)
            documents = documents_row(found)
            if len(self._documents) >= REMEMBERED_DOCUMENTS:
                self._documents.clear()
            self._documents[number] = documents
        return StudyRow(number, documents.onto(study))


def study_id(work: Work, uid: str) -> int:
    """The number of the study of that uid. Raises NotFound."""
    row = work.one(sql.STUDY_ID, uid=rules.kept(uid))
    if row is None:
        raise rules.no_study(uid)
    return int(row[0])


class TrialRecords:
    """The trials of one study that a transaction changes: locked and read once, written once at its end.

    Args:
        basis: a view of the study whose trials need not be read again, because the study is known not to have changed
            since; that their metrics have not either is found out when they are written.
    """

    def __init__(self, work: Work, number: int, basis: StudyView | None = None) -> None:
        self.work = work
        self.study_id = number
        self._basis = rules.trials_of(basis) if basis is not None else {}
        self._trials: dict[int, Trial] = dict(self._basis)
        self._changed: set[int] = set()
        self._folded: set[int] = set()

    @property
    def changed(self) -> list[Trial]:
        """The trials that are to be written."""
        return [self._trials[ordinal] for ordinal in sorted(self._changed | self._folded)]

    def in_basis(self, ordinal: int) -> bool:
        """Whether a trial is as the basis says, and not as it was read and locked."""
        return ordinal in self._basis

    def load_named(self, names: Iterable[str]) -> dict[str, int]:
        """Lock the trials of these names; their ordinals. Names of no trial are left out."""
        wanted = {rules.kept(name) for name in names}
        found = {trial.name: trial.ordinal for trial in self._basis.values() if trial.name in wanted}
        for piece in sql.padded(sorted(wanted - found.keys()), "name"):
            for row in self.work.all(sql.trials_by_name(len(piece)), study_id=self.study_id, **piece):
                trial = trial_row(row)
                found[trial.name] = trial.ordinal
                self._trials.setdefault(trial.ordinal, trial)
        return found

    def load(self, ordinals: Iterable[int]) -> None:
        """Lock these trials."""
        for piece in sql.padded(sorted(set(ordinals) - self._trials.keys()), "ordinal"):
            statement = sql.trials_by_ordinal(len(piece), locked=True)
            for row in self.work.all(statement, study_id=self.study_id, **piece):
                trial = trial_row(row)
                self._trials[trial.ordinal] = trial

    def get(self, ordinal: int) -> Trial | None:
        """A trial that was loaded, as it is by now; None when there is no such trial."""
        return self._trials.get(ordinal)

    def put(self, trial: Trial) -> None:
        """Change a trial that was loaded."""
        self._trials[trial.ordinal] = trial
        self._changed.add(trial.ordinal)

    def put_metrics(self, trial: Trial) -> None:
        """Change the metrics of a trial that was loaded, and nothing else of it."""
        self._trials[trial.ordinal] = trial
        self._folded.add(trial.ordinal)

    def write(self) -> None:
        """Write the changed ones. Raises Conflict when one of the basis has other metrics by now."""
        changed = {ordinal: trial_changes(self._trials[ordinal]) for ordinal in sorted(self._changed)}
        folded = {
            ordinal: {"metrics": metrics_text(self._trials[ordinal].metrics)}
            for ordinal in sorted(self._folded - self._changed)
        }
        self._update(sql.UPDATE_TRIAL, sql.UPDATE_TRIAL_FROM, changed)
        self._update(sql.UPDATE_METRICS, sql.UPDATE_METRICS_FROM, folded)

    def _update(self, plain: sql.Statement, checked: sql.Statement, rows: Mapping[int, Parameters]) -> None:
        known = {ordinal: row for ordinal, row in rows.items() if ordinal in self._basis}
        self.work.run(plain, *({**self._key(ordinal), **row} for ordinal, row in rows.items() if ordinal not in known))
        read = {ordinal: metrics_text(self._basis[ordinal].metrics) for ordinal in known}
        keyed = [{**self._key(ordinal), "key_metrics": read[ordinal], **row} for ordinal, row in known.items()]
        if self.work.run(checked, *keyed) != len(keyed):
            raise rules.metrics_changed(self._basis[ordinal].name for ordinal in known)

    def _key(self, ordinal: int) -> dict[str, int]:
        return {"key_study_id": self.study_id, "key_ordinal": ordinal}


def record_advice(work: Work, row: StudyRow, changes: Changes, *, revision: int, now: float) -> list[Trial]:
    """Write the advice whose ordinals are new, and return the rows it became."""
    wanted: dict[int, Advice] = {}
    for advice in changes.advice:
        wanted.setdefault(advice.ordinal, advice)
    for piece in sql.padded(wanted, "ordinal"):
        for found in work.all(sql.trials_by_ordinal(len(piece)), study_id=row.id, **piece):
            wanted.pop(trial_row(found).ordinal, None)
    names = _free_names(work, row, list(wanted))
    new = [rules.advised(advice, names[ordinal], revision=revision, now=now) for ordinal, advice in wanted.items()]
    work.run(sql.INSERT_TRIAL, *(trial_parameters(row.id, trial) for trial in new))
    return new


def _free_names(work: Work, row: StudyRow, ordinals: list[int]) -> dict[int, str]:
    """A name that no trial has for each of `ordinals`."""
    taken: set[str] = set()
    while True:
        names: dict[int, str] = {}
        for ordinal in ordinals:
            names[ordinal] = rules.free_name(row.study, ordinal, taken | set(names.values()))
        found = {
            str(name)
            for piece in sql.padded(names.values(), "name")
            for (name,) in work.all(sql.names_taken(len(piece)), study_id=row.id, **piece)
        }
        if not found:
            return names
        taken |= found


def record_items(trials: TrialRecords, changes: Changes) -> None:
    """Put the metadata in the place of what was there."""
    given = map(rules.kept_item, changes.metadata)
    items = {(item.ordinal, item.namespace, item.key): item for item in given}
    trials.load(ordinal for ordinal, _namespace, _key in items if ordinal)
    rows = [
        item_parameters(trials.study_id, item)
        for item in items.values()
        if item.ordinal == 0 or trials.get(item.ordinal) is not None
    ]
    trials.work.run(sql.DELETE_ITEM, *rows)
    trials.work.run(sql.INSERT_ITEM, *rows)


def remove(trials: TrialRecords, ordinals: Iterable[int]) -> list[Trial]:
    """Delete trials with all that is stored about them; those that were there."""
    wanted = sorted(set(ordinals))
    trials.load(wanted)
    gone = [trial for ordinal in wanted if (trial := trials.get(ordinal)) is not None]
    keys = [{"study_id": trials.study_id, "ordinal": trial.ordinal} for trial in gone]
    trials.work.run(sql.DELETE_ITEMS, *keys)
    trials.work.run(sql.DELETE_TRIAL, *keys)
    return gone


def record_events(work: Work, number: int, changes: Changes) -> None:
    """Append the events."""
    work.run(sql.INSERT_EVENT, *(event_parameters(number, rules.kept_event(event)) for event in changes.events))
