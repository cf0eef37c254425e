"""Observations: appended, never changed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from katib.core.observation import MetricPoint, fold
from katib.core.trial import FINISHED, Trial
from katib.stores import rules
from katib.stores.contract import Observation, TrialPoints
from katib.stores.sql import statements as sql
from katib.stores.sql.database import Work
from katib.stores.sql.records import TrialRecords
from katib.stores.sql.rows import observation_parameters, observation_row


def append(trials: TrialRecords, batch: Sequence[TrialPoints], *, now: float) -> int:
    """Store what is new of `batch` and fold it into `trials`; how many were new.

    The trials are locked, so nobody else appends to them meanwhile: what is stored already can be asked for first, and
    the rest is simply inserted. (Inserting with "on conflict do nothing" would not say which rows were new.)
    """
    if not batch:
        return 0
    ordinals = trials.load_named(points.trial for points in batch)
    parameters = []
    known = defaultdict[tuple[int, int], set[rules.Identity]](set)
    for points in batch:
        ordinal = ordinals.get(rules.kept(points.trial))
        trial = None if ordinal is None else trials.get(ordinal)
        if trial is None:
            continue
        given = rules.kept_points(points.points)
        stored = known[trial.ordinal, points.attempt]
        stored |= _stored(trials, trial.ordinal, points.attempt, given)
        new = rules.new_points(given, stored)
        parameters += [
            observation_parameters(trials.study_id, trial.ordinal, points.attempt, point, now=now) for point in new
        ]
        if new and trial.state not in FINISHED and trial.attempt == points.attempt:
            trials.put(rules.with_metrics(trial, fold(trial.metrics, new)))
    trials.work.run(sql.INSERT_OBSERVATION, *parameters)
    return len(parameters)


def _stored(trials: TrialRecords, ordinal: int, attempt: int, points: Iterable[MetricPoint]) -> set[rules.Identity]:
    """Which identities are stored already, in the ranges that `points` cover."""
    positions = defaultdict[tuple[str, int], list[int]](list)
    for point in points:
        metric, kind, position = point.identity
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
