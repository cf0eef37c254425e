"""Trials and measurements.

A measurement is several observations of one time. How long the trial had run by then is one of them, too, under a name
that no metric of a user has.
"""

from collections.abc import Iterable, Mapping, Sequence

from katib.core.metadata import MetadataItem
from katib.core.observation import MetricPoint
from katib.core.space import SearchSpace
from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.errors import Fault, InvalidInput
from katib.rpc import vizier
from katib.rpc.convert.vizier.metadata import write_item
from katib.rpc.convert.vizier.names import trial_name
from katib.rpc.convert.vizier.space import Names
from katib.rpc.convert.vizier.times import NANOS, read_duration, write_time

ELAPSED = ":elapsed_seconds"
"""The metric that holds a measurement's elapsed_duration."""

METRIC_LIMIT = 255

_STATES: Mapping[TrialState, vizier.Trial.State] = {
    TrialState.PENDING: vizier.Trial.REQUESTED,
    TrialState.RUNNING: vizier.Trial.ACTIVE,
    TrialState.SUCCEEDED: vizier.Trial.SUCCEEDED,
    TrialState.EARLY_STOPPED: vizier.Trial.SUCCEEDED,
    TrialState.METRICS_UNAVAILABLE: vizier.Trial.SUCCEEDED,
    TrialState.FAILED: vizier.Trial.INFEASIBLE,
    TrialState.KILLED: vizier.Trial.INFEASIBLE,
}


def write_state(trial: Trial) -> vizier.Trial.State:
    """The state of a trial."""
    if trial.state is TrialState.RUNNING and trial.condemned:
        return vizier.Trial.STOPPING
    return _STATES[trial.state]


def write_trial(
    study: Study,
    trial: Trial,
    *,
    space: SearchSpace,
    names: Names,
    points: Iterable[MetricPoint] = (),
    items: Iterable[MetadataItem] = (),
) -> vizier.Trial:
    """The message of a trial.

    Args:
        points: what its last attempt reported, by time.
        items: its metadata.
    """
    message = vizier.Trial(
        name=trial_name(study.name, trial.ordinal),
        id=str(trial.ordinal),
        state=write_state(trial),
        parameters=names.write(trial.assignment, space),
        metadata=map(write_item, items),
    )
    groups: dict[float, list[MetricPoint]] = {}
    for point in points:
        groups.setdefault(point.time, []).append(point)
    if trial.finished:
        final = groups.pop(trial.ended_at, None) if trial.ended_at is not None else None
        _write_final(message, study, trial, final, groups)
    message.measurements.extend(_measurement(group) for group in groups.values())
    if trial.loan is not None:
        message.client_id = trial.loan.client
    if message.state == vizier.Trial.INFEASIBLE:
        message.infeasible_reason = trial.message
    write_time(message.start_time, trial.created_at if trial.started_at is None else trial.started_at)
    if trial.ended_at is not None:
        write_time(message.end_time, trial.ended_at)
    return message


def _write_final(
    message: vizier.Trial,
    study: Study,
    trial: Trial,
    final: Sequence[MetricPoint] | None,
    groups: Mapping[float, Sequence[MetricPoint]],
) -> None:
    """What the trial was completed with: that, or the last measurement; its values are those on record in any case."""
    if final is None and message.state == vizier.Trial.SUCCEEDED and groups:
        final = groups[max(groups)]
    if final is None and not trial.values:
        return
    measurement = _measurement(final or ())
    values = {metric.metric_id: metric.value for metric in measurement.metrics}
    values.update(zip((objective.metric for objective in study.objectives), trial.values, strict=False))
    del measurement.metrics[:]
    measurement.metrics.extend(vizier.Measurement.Metric(metric_id=name, value=value) for name, value in values.items())
    message.final_measurement.CopyFrom(measurement)


def _measurement(points: Iterable[MetricPoint]) -> vizier.Measurement:
    message = vizier.Measurement()
    for point in points:
        value = float("nan") if point.value is None else point.value
        if point.metric == ELAPSED:
            write_time(message.elapsed_duration, value)
        else:
            message.metrics.append(vizier.Measurement.Metric(metric_id=point.metric, value=value))
        message.step_count = point.step or message.step_count
    return message


def read_metrics(message: vizier.Measurement, path: str) -> dict[str, float]:
    """The metrics of a measurement, with its elapsed time where it has one. Raises InvalidInput."""
    faults = []
    metrics: dict[str, float] = {}
    for metric in message.metrics:
        name = metric.metric_id
        if not 1 <= len(name) <= METRIC_LIMIT or "\0" in name or name == ELAPSED or name in metrics:
            wanted = f"a name of 1 to {METRIC_LIMIT} characters, each once"
            faults.append(Fault(path=f"{path}.metrics.metric_id", given=repr(name[:80]), wanted=wanted))
        metrics[name] = metric.value
    elapsed = message.elapsed_duration
    if not 0 <= elapsed.seconds < 2**31 or not 0 <= elapsed.nanos < NANOS:
        faults.append(Fault(path=f"{path}.elapsed_duration", wanted="from 0 to 2^31 seconds"))
    if message.step_count < 0:
        faults.append(Fault(path=f"{path}.step_count", given=str(message.step_count), wanted="0 or more"))
    if faults:
        raise InvalidInput(faults, what="the measurement")
    if message.HasField("elapsed_duration") or not metrics:
        metrics[ELAPSED] = read_duration(elapsed)
    return metrics


def read_points(message: vizier.Measurement, path: str, *, now: float) -> tuple[MetricPoint, ...]:
    """A measurement as observations made now. Without a step, its place among the others is the time."""
    step = message.step_count or None
    return tuple(
        MetricPoint(metric=name, value=value, text=repr(value), seq=int(now * NANOS), step=step, time=now)
        for name, value in read_metrics(message, path).items()
    )
