"""Observations: appended, never changed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from katib.core.observation import fold
from katib.core.trial import FINISHED, Trial
from katib.stores import rules
from katib.stores.contract import Observation, TrialPoints
from katib.stores.sql import statements as sql
from katib.stores.sql.database import Work
from katib.stores.sql.records import TrialRecords
from katib.stores.sql.rows import Row, observation_row, observation_rows


def append(trials: TrialRecords, batch: Sequence[TrialPoints], *, now: float) -> int:
    """Store what is new of `batch` and fold it into `trials`; how many were new.

    The trials are locked, so nobody else appends to them meanwhile: what is stored already can be asked for first, and
    the rest is simply inserted. (Inserting with "on conflict do nothing" would not say which rows were new.)
    """
    if not batch:
        return 0
    ordinals = trials.load_named(points.trial for points in batch)
    rows: list[Row] = []
    known = defaultdict[tuple[int, int], set[rules.Identity]](set)
    for points in batch:
        ordinal = ordinals.get(rules.kept(points.trial))
        trial = None if ordinal is None else trials.get(ordinal)
        if trial is None:
            continue
        entries = rules.kept_points(points.points)
        stored = known[trial.ordinal, points.attempt]
        stored |= _stored(trials, trial.ordinal, points.attempt, entries)
        new = rules.new_points(entries, stored)
        rows += observation_rows(trials.study_id, trial.ordinal, points.attempt, new, now=now)
        if new and trial.state not in FINISHED and trial.attempt == points.attempt:
            trials.put_metrics(rules.with_metrics(trial, fold(trial.metrics, (point for _identity, point in new))))
        elif trials.in_basis(trial.ordinal):
            # Written as it is: that finds out whether it still is so.
            trials.put_metrics(trial)
    trials.work.insert(sql.INSERT_OBSERVATION, rows)
    return len(rows)


def _stored(trials: TrialRecords, ordinal: int, attempt: int, entries: Iterable[rules.Entry]) -> set[rules.Identity]:
    """Which identities are stored already, in the ranges that `entries` cover."""
    positions = defaultdict[tuple[str, int], list[int]](list)
    for (metric, kind, position), _point in entries:
        positions[metric, kind].append(position)
    return {
        (metric, kind, position)
        for (metric, kind), known in positions.items()
        for (position,) in trials.work.all(
            sql.STORED_POSITIONS,
            study_id=trials.study_id,
            ordinal=ordinal,
            attempt=attempt,
            metric=metric,
            kind=kind,
            least=min(known),
            greatest=max(known),
        )
    }


def with_early_points(trials: TrialRecords, trial: Trial) -> Trial:
    """A trial that begins an attempt, with the observations of it that came before."""
    early = listed(trials.work, trials.study_id, ordinal=trial.ordinal, attempt=trial.attempt)
    return rules.with_metrics(trial, fold({}, (observation.point for observation in early))) if early else trial


def listed(
    work: Work, study_id: int, *, ordinal: int | None = None, metric: str | None = None, attempt: int | None = None
) -> list[Observation]:
    """Observations in the contract's order."""
    asked = {"ordinal": ordinal, "metric": None if metric is None else rules.kept(metric), "attempt": attempt}
    given = {name: value for name, value in asked.items() if value is not None}
    statement = sql.listed_observations(**{name: name in given for name in asked})
    rows = work.all(statement, study_id=study_id, **given)
    # Sorted here: databases do not agree on the order of texts.
    return sorted(map(observation_row, rows), key=rules.place)
