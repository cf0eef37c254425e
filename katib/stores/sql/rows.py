"""Rows <-> values. A row is a tuple in the order of the columns named here; parameters are dicts by column name."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from katib.core.metadata import MetadataItem
from katib.core.objective import Direction, Objective, Strategy
from katib.core.observation import MetricPoint, Metrics, MetricSummary
from katib.core.pareto import Front, FrontPoint
from katib.core.stopping import Comparison, EarlyStop, StopRule
from katib.core.study import Budget, Condition, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import Loan, Reason, Trial, TrialState
from katib.stores.contract import Event, Observation, Token
from katib.stores.documents import Documents
from katib.stores.rules import Entry
from katib.stores.sql.tables import observations, studies, trials

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

STUDY_COLUMNS = tuple(studies.columns)
TRIAL_COLUMNS = tuple(column for column in trials.columns if column is not trials.c.study_id)
OBSERVATION_COLUMNS = (trials.c.name, *(column for column in observations.columns if column.name != "study_id"))

STUDY_FIXED = frozenset({"id", "uid", "name", "created_at", "run_dir"})
TRIAL_FIXED = frozenset({"study_id", "ordinal", "name", "assignment", "labels"})
"""Columns that are never updated."""

NOT_COMMITTED = frozenset(
    {
        "max_trials",
        "parallel",
        "max_failed",
        "max_seconds",
        "max_stale",
        "generation",
        "stop_requested",
        "owner",
        "term",
        "lease_until",
    }
)
"""Columns of a study that no commit changes: wishes and leases do."""

# Looking a member up in a dict is several times faster than calling the enum, and this happens for every row.
_STATES = {state.value: state for state in TrialState}
_REASONS = {reason.value: reason for reason in Reason}


_decode = json.JSONDecoder().raw_decode
# json.loads without its search for white space around the document, which is half of its time for a short one.


class StudyRow(NamedTuple):
    """A study as it stands in its table, without its documents."""

    id: int
    study: Study


def study_row(row: Row) -> StudyRow:
    """From STUDY_COLUMNS; its documents are still to be put in."""
    (
        number, uid, name, max_trials, parallel, max_failed, max_seconds, max_stale, status, reason, message, since,
        counts, highest,
        best_ordinal, best_value, front, generation, stop, exhausted, overrides, revision, created_at, started_at,
        ended_at, owner, term, lease_until, run_dir,
    ) = row  # fmt: skip
    study = Study(
        name=name,
        uid=uid,
        document={},
        effective={},
        objective=_NO_OBJECTIVE,
        budget=Budget(
            max_trials=max_trials,
            parallel=parallel,
            max_failed=max_failed,
            max_seconds=max_seconds,
            max_stale=max_stale,
        ),
        condition=Condition(status=StudyStatus(status), reason=StudyReason(reason), message=message, since=since),
        summary=Summary(
            counts={_STATES[state]: number for state, number in _decode(counts)[0].items()},
            highest_ordinal=highest,
            best_ordinal=best_ordinal,
            best_value=_number(best_value),
            front=() if front is None else _front(front),
        ),
        generation=generation,
        stop_requested=bool(stop),
        exhausted=exhausted,
        overrides=_decode(overrides)[0],
        revision=revision,
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
        owner=owner,
        term=term,
        lease_until=lease_until,
        run_dir=run_dir,
    )
    return StudyRow(number, study)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _front(text: str) -> Front:
    return tuple(FrontPoint(ordinal=ordinal, values=tuple(values)) for ordinal, values in _decode(text)[0])


def _front_text(front: Front) -> str | None:
    return json.dumps([(point.ordinal, point.values) for point in front]) if front else None


def _text(number: float | None) -> str | None:
    return None if number is None else repr(float(number))


_NO_OBJECTIVE = Objective(metric="", direction=Direction.MINIMIZE)


def study_parameters(study: Study) -> dict[str, Any]:
    """For every column of `studies` but the id."""
    return {
        "uid": study.uid,
        "name": study.name,
        "max_trials": study.budget.max_trials,
        "parallel": study.budget.parallel,
        "max_failed": study.budget.max_failed,
        "max_seconds": study.budget.max_seconds,
        "max_stale": study.budget.max_stale,
        "status": study.condition.status.value,
        "reason": study.condition.reason.value,
        "message": study.condition.message,
        "since": study.condition.since,
        "counts": json.dumps(study.summary.counts),
        "highest_ordinal": study.summary.highest_ordinal,
        "best_ordinal": study.summary.best_ordinal,
        "best_value": _text(study.summary.best_value),
        "front": _front_text(study.summary.front),
        "generation": study.generation,
        "stop_requested": int(study.stop_requested),
        "exhausted": study.exhausted,
        "overrides": json.dumps(dict(study.overrides)) if study.overrides else "{}",
        "revision": study.revision,
        "created_at": study.created_at,
        "started_at": study.started_at,
        "ended_at": study.ended_at,
        "owner": study.owner,
        "term": study.term,
        "lease_until": study.lease_until,
        "run_dir": study.run_dir,
    }


def documents_parameters(study_id: int, study: Study) -> dict[str, Any]:
    """For every column of `documents`."""
    first, *further = map(_objective_fields, study.objectives)
    return {
        "study_id": study_id,
        "document": json.dumps(study.document),
        "effective": json.dumps(study.effective),
        "objective": json.dumps({**first, "further": further} if further else first),
    }


def _objective_fields(objective: Objective) -> dict[str, Any]:
    return {
        "metric": objective.metric,
        "direction": objective.direction,
        "goal": objective.goal,
        "additional": objective.additional,
        "strategies": dict(objective.strategies),
    }


def documents_row(row: Row) -> Documents:
    """From (document, effective, objective)."""
    document, effective, objective = row
    first = json.loads(objective)
    return Documents.from_json(document, effective, tuple(map(_objective, (first, *first.get("further", ())))))


def _objective(fields: Mapping[str, Any]) -> Objective:
    return Objective(
        metric=fields["metric"],
        direction=Direction(fields["direction"]),
        goal=fields["goal"],
        additional=tuple(fields["additional"]),
        strategies={metric: Strategy(value) for metric, value in fields["strategies"].items()},
    )


def trial_row(row: Row) -> Trial:
    """From TRIAL_COLUMNS."""
    (
        ordinal, name, assignment, labels, state, reason, message, attempt, failures, losses, value,
        further, metrics, created_at, started_at, ended_at, not_before, revision, rules, stopped_by,
        client, lent_until, lent_seconds,
    ) = row  # fmt: skip
    return Trial(
        ordinal=ordinal,
        name=name,
        assignment=_decode(assignment)[0],
        labels={} if labels == "{}" else _decode(labels)[0],
        state=_STATES[state],
        reason=_REASONS[reason],
        message=message,
        attempt=attempt,
        failures=failures,
        losses=losses,
        value=_number(value),
        further_values=() if further is None else tuple(_decode(further)[0]),
        metrics={} if metrics == "{}" else _metrics(metrics),
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
        not_before=not_before,
        rules=() if rules is None else _rules(rules),
        stopped_by=None if stopped_by is None else _stopped_by(stopped_by),
        loan=None if client is None else _loan(client, lent_until, lent_seconds),
        revision=revision,
    )


def _loan(client: str, until: str, seconds: str | None) -> Loan:
    # The schema before 0007 did not keep how long a trial was lent.
    loan = Loan(client=client, until=float(until))
    return loan if seconds is None else replace(loan, seconds=float(seconds))


def values_row(row: Row) -> tuple[int, tuple[float, ...]]:
    """From (ordinal, value, further_values): the trial's ordinal and its values."""
    ordinal, value, further = row
    return ordinal, (float(value), *(() if further is None else _decode(further)[0]))


def trial_parameters(study_id: int, trial: Trial) -> dict[str, Any]:
    """For every column of `trials`."""
    return {
        "study_id": study_id,
        "ordinal": trial.ordinal,
        "name": trial.name,
        "assignment": json.dumps(dict(trial.assignment)),
        "labels": json.dumps(dict(trial.labels)),
        **trial_changes(trial),
    }


def trial_changes(trial: Trial) -> dict[str, Any]:
    """For every column of `trials` that is updated."""
    return {
        "state": trial.state.value,
        "reason": trial.reason.value,
        "message": trial.message,
        "attempt": trial.attempt,
        "failures": trial.failures,
        "losses": trial.losses,
        "value": _text(trial.value),
        "further_values": json.dumps(trial.further_values) if trial.further_values else None,
        "metrics": metrics_text(trial.metrics),
        "created_at": trial.created_at,
        "started_at": trial.started_at,
        "ended_at": trial.ended_at,
        "not_before": trial.not_before,
        "revision": trial.revision,
        "rules": json.dumps([asdict(rule) for rule in trial.rules]) if trial.rules else None,
        "stopped_by": None if trial.stopped_by is None else json.dumps(asdict(trial.stopped_by)),
        "client": None if trial.loan is None else trial.loan.client,
        "lent_until": None if trial.loan is None else _text(trial.loan.until),
        "lent_seconds": None if trial.loan is None else _text(trial.loan.seconds),
    }


def _rules(text: str) -> tuple[StopRule, ...]:
    return tuple(StopRule(**{**fields, "comparison": Comparison(fields["comparison"])}) for fields in _decode(text)[0])


def _stopped_by(text: str) -> EarlyStop:
    fields = _decode(text)[0]
    return EarlyStop(**{**fields, "comparison": Comparison(fields["comparison"])})


def metrics_text(metrics: Metrics) -> str:
    """Metric summaries as JSON; Python's own reading of it takes nan and infinities back."""
    if not metrics:
        return "{}"
    return json.dumps(
        {
            name: (kept.min, kept.max, kept.latest, kept.latest_at, kept.step, kept.malformed)
            for name, kept in metrics.items()
        }
    )


def _metrics(text: str) -> Metrics:
    return {
        name: MetricSummary(
            min=least, max=greatest, latest=latest, latest_at=(at[0], at[1]), step=step, malformed=malformed
        )
        for name, (least, greatest, latest, at, step, malformed) in _decode(text)[0].items()
    }


def observation_row(row: Row) -> Observation:
    """From OBSERVATION_COLUMNS."""
    trial, ordinal, attempt, metric, kind, position, seq, value, text, time, arrived = row
    point = MetricPoint(
        metric=metric,
        value=_number(value),
        text=value if text is None else text,
        seq=seq,
        step=None if kind else position,
        time=time,
    )
    return Observation(trial=trial, ordinal=ordinal, attempt=attempt, point=point, arrived=arrived)


def observation_rows(study_id: int, ordinal: int, attempt: int, entries: Iterable[Entry], *, now: float) -> list[Row]:
    """Rows of `observations`, in the order of its columns."""
    return [
        (
            study_id,
            ordinal,
            attempt,
            metric,
            kind,
            position,
            point.seq,
            value := _text(point.value),
            None if point.text == value else point.text,
            point.time,
            now,
        )
        for (metric, kind, position), point in entries
    ]


def item_row(row: Row) -> MetadataItem:
    """From (ordinal, namespace, name, encoding, value)."""
    ordinal, namespace, key, encoding, value = row
    return MetadataItem(
        ordinal=ordinal, namespace=namespace, key=key, value=base64.b64decode(value) if encoding else value
    )


def item_parameters(study_id: int, item: MetadataItem) -> dict[str, Any]:
    """For every column of `items`."""
    in_bytes = isinstance(item.value, bytes)
    return {
        "study_id": study_id,
        "ordinal": item.ordinal,
        "namespace": item.namespace,
        "name": item.key,
        "encoding": int(in_bytes),
        "value": base64.b64encode(item.value).decode() if isinstance(item.value, bytes) else item.value,
    }


def event_row(row: Row) -> Event:
    """From (time, kind, reason, message, ordinal)."""
    time, kind, reason, message, ordinal = row
    return Event(time=time, kind=kind, reason=reason, message=message, ordinal=ordinal)


def event_parameters(study_id: int, event: Event) -> dict[str, Any]:
    """For every column of `events` but the id."""
    return {
        "study_id": study_id,
        "time": event.time,
        "kind": event.kind,
        "reason": event.reason,
        "message": event.message,
        "ordinal": event.ordinal,
    }


def token_row(row: Row) -> Token:
    """From every column of `tokens`, in their order."""
    number, digest, role, study_uid, ordinal, note, created_at = row
    return Token(
        id=number,
        digest=digest,
        role=role,
        study_uid=study_uid,
        ordinal=ordinal,
        note=note,
        created_at=created_at,
    )
