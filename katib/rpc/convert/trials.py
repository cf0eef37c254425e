"""Trials: api.Trial <-> core Trial.

A trial with a record comes back as it was, but for its message, what early stopping noted, and the study's revision.
One without, as from Katib's controller, is what can be known of it:

    Created, Running                       pending, running
    Succeeded, EarlyStopped                with the objectives' values; without one of them succeeded has no metric, and
                                           with one that is not finite both have diverged
    Failed                                 failed by its own fault
    Killed                                 killed
    MetricsUnavailable, Unknown            no metric was found
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import zip_longest

from katib.core.objective import Objective, Strategy
from katib.core.observation import MetricSummary
from katib.core.space import SearchSpace
from katib.core.trial import Reason, Trial, TrialState
from katib.rpc import api
from katib.rpc.convert.space import read_assignment, write_assignment
from katib.rpc.convert.study import write_objective

Condition = api.TrialStatus.TrialConditionType

_CONDITIONS: Mapping[TrialState, Condition] = {
    TrialState.ADVISED: api.TrialStatus.CREATED,
    TrialState.PENDING: api.TrialStatus.CREATED,
    TrialState.RUNNING: api.TrialStatus.RUNNING,
    TrialState.SUCCEEDED: api.TrialStatus.SUCCEEDED,
    TrialState.FAILED: api.TrialStatus.FAILED,
    TrialState.KILLED: api.TrialStatus.KILLED,
    TrialState.EARLY_STOPPED: api.TrialStatus.EARLYSTOPPED,
    TrialState.METRICS_UNAVAILABLE: api.TrialStatus.METRICSUNAVAILABLE,
}
_STATES: Mapping[int, tuple[TrialState, Reason]] = {
    int(api.TrialStatus.CREATED): (TrialState.PENDING, Reason.CREATED),
    int(api.TrialStatus.RUNNING): (TrialState.RUNNING, Reason.STARTED),
    int(api.TrialStatus.SUCCEEDED): (TrialState.SUCCEEDED, Reason.SUCCEEDED),
    int(api.TrialStatus.KILLED): (TrialState.KILLED, Reason.BUDGET_LOWERED),
    int(api.TrialStatus.FAILED): (TrialState.FAILED, Reason.EXIT_CODE),
    int(api.TrialStatus.EARLYSTOPPED): (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY),
}
_NO_METRIC = (TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND)
_DIVERGED = (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED)
_VALUED = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})


def sent_by_katib(trial: Trial) -> bool:
    """Whether Katib's controller would show the trial to a service of its own: it leaves out what has no metric.

    Nothing in Katib kills a trial, and some of its services take a killed one for an error.
    """
    if trial.state in (TrialState.METRICS_UNAVAILABLE, TrialState.KILLED):
        return False
    return trial.state is not TrialState.EARLY_STOPPED or trial.value is not None


def write_trial(trial: Trial, objectives: Sequence[Objective]) -> api.Trial:
    """The message of a trial. Katib's part of it has room for the first objective only."""
    return api.Trial(
        name=trial.name,
        spec=api.TrialSpec(
            objective=write_objective(objectives[0]),
            parameter_assignments=api.TrialSpec.ParameterAssignments(assignments=write_assignment(trial.assignment)),
            labels=trial.labels,
        ),
        status=api.TrialStatus(
            start_time=_moment(trial.started_at),
            completion_time=_moment(trial.ended_at),
            condition=_CONDITIONS[trial.state],
            observation=api.Observation(metrics=_observed(trial, objectives)),
        ),
        record=api.TrialRecord(
            ordinal=trial.ordinal,
            state=trial.state.value,
            reason=trial.reason.value,
            value=trial.value,
            further_values=trial.further_values,
            metrics={name: _write_metric(summary) for name, summary in trial.metrics.items()},
            attempt=trial.attempt,
            failures=trial.failures,
            losses=trial.losses,
            created_at=trial.created_at,
            started_at=trial.started_at,
            ended_at=trial.ended_at,
            not_before=trial.not_before,
        ),
    )


def read_trial(message: api.Trial, space: SearchSpace, objectives: Sequence[Objective]) -> Trial:
    """The trial of a message, its ordinal 0 when it has no record. Raises ValueError when it is none of the study."""
    assignment = read_assignment(space, message.spec.parameter_assignments.assignments)
    labels = dict(message.spec.labels)
    if not message.HasField("record"):
        state, reason, values = _outcome(message.status, objectives)
        return Trial(
            ordinal=0,
            name=message.name,
            assignment=assignment,
            state=state,
            reason=reason,
            labels=labels,
            value=values[0] if values else None,
            further_values=values[1:],
            metrics=_summaries(message.status.observation.metrics),
            started_at=_seconds(message.status.start_time),
            ended_at=_seconds(message.status.completion_time),
        )
    record = message.record
    return Trial(
        ordinal=record.ordinal,
        name=message.name,
        assignment=assignment,
        state=TrialState(record.state),
        reason=Reason(record.reason),
        labels=labels,
        attempt=record.attempt,
        failures=record.failures,
        losses=record.losses,
        value=record.value if record.HasField("value") else None,
        further_values=tuple(record.further_values),
        metrics={name: _read_metric(metric) for name, metric in record.metrics.items()},
        created_at=record.created_at,
        started_at=record.started_at if record.HasField("started_at") else None,
        ended_at=record.ended_at if record.HasField("ended_at") else None,
        not_before=record.not_before,
    )


def numbered(trials: Iterable[Trial]) -> list[Trial]:
    """The trials by ordinal. Those that bring none are counted from 1 in the order in which they started, then by name.

    So it is the same trials in whatever order they are given, and a longer record mostly goes on with the numbers of a
    shorter one.
    """
    given = list(trials)
    counted = {trial.ordinal: trial for trial in given if trial.ordinal}
    others = {trial.name: trial for trial in given if not trial.ordinal}
    following = max(counted, default=0)
    in_order = sorted(others.values(), key=lambda trial: (trial.started_at or math.inf, trial.name))
    for ordinal, trial in enumerate(in_order, start=following + 1):
        counted[ordinal] = replace(trial, ordinal=ordinal)
    return [counted[ordinal] for ordinal in sorted(counted)]


def _outcome(status: api.TrialStatus, objectives: Sequence[Objective]) -> tuple[TrialState, Reason, tuple[float, ...]]:
    state, reason = _STATES.get(status.condition, _NO_METRIC)
    if state not in _VALUED:
        return state, reason, ()
    observed = {metric.name: _number(metric.value) for metric in reversed(status.observation.metrics)}
    values = [value for each in objectives if (value := observed.get(each.metric)) is not None]
    if not all(map(math.isfinite, values)):
        return *_DIVERGED, ()
    if len(values) == len(objectives):
        return state, reason, tuple(values)
    return (state, reason, ()) if state is TrialState.EARLY_STOPPED else (*_NO_METRIC, ())


def _observed(trial: Trial, objectives: Sequence[Objective]) -> list[api.Metric]:
    """What Katib shows of a finished trial: one value per metric, by its strategy."""
    if not trial.finished:
        return []
    values: dict[str, float | None] = {}
    for objective, value in zip_longest(objectives, trial.values):
        for name in objective.metrics:
            values[name] = _chosen(trial.metrics.get(name), objective.strategy(name))
        values[objective.metric] = value
    return [api.Metric(name=name, value=repr(value)) for name, value in values.items() if value is not None]


def _chosen(summary: MetricSummary | None, strategy: Strategy) -> float | None:
    if summary is None:
        return None
    return {Strategy.MIN: summary.min, Strategy.MAX: summary.max, Strategy.LATEST: summary.latest}[strategy]


def _summaries(metrics: Sequence[api.Metric]) -> dict[str, MetricSummary]:
    numbers = {metric.name: _number(metric.value) for metric in metrics}
    return {
        name: MetricSummary(min=number, max=number, latest=number, latest_at=(0.0, 0))
        for name, number in numbers.items()
        if number is not None and math.isfinite(number)
    }


def _write_metric(summary: MetricSummary) -> api.MetricRecord:
    time, seq = summary.latest_at
    return api.MetricRecord(
        min=summary.min,
        max=summary.max,
        latest=summary.latest,
        latest_time=time,
        latest_seq=seq,
        step=summary.step,
        malformed=summary.malformed,
    )


def _read_metric(record: api.MetricRecord) -> MetricSummary:
    return MetricSummary(
        min=record.min if record.HasField("min") else None,
        max=record.max if record.HasField("max") else None,
        latest=record.latest if record.HasField("latest") else None,
        latest_at=(record.latest_time, record.latest_seq),
        step=record.step if record.HasField("step") else None,
        malformed=record.malformed if record.HasField("malformed") else None,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(seconds: float | None) -> str:
    """As Katib writes times: UTC, to the second."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str) -> float | None:
    """Seconds since the epoch; None for what is no time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
