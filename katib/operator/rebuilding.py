"""From the objects of an Experiment to the record that a lost store had of it. Pure.

They hold what was tried, how it ended and each metric's least, greatest and last value. What they do not: the curves in
between. So a metric comes back as three values.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib.core.advice import Advice
from katib.core.names import trial_name
from katib.core.objective import Objective, values_of
from katib.core.observation import MetricPoint, Metrics, MetricSummary
from katib.core.space import SearchSpace
from katib.core.study import Condition, StudyReason, StudyStatus
from katib.core.trial import FINISHED, Reason, Transition, TrialState
from katib.errors import Fault, InvalidInput
from katib.runners.kubernetes.states import moment
from katib.stores.contract import Changes, TrialPoints

Object = Mapping[str, Any]

REBUILT_ANNOTATION = "katib.kubeflow.org/rebuilt"
"""Of a study that was read back from objects: that it was."""

SEARCHED = 1000
"""Ordinals beyond four times the number of trials that are tried for a name: trials that were deleted leave gaps."""

_ENDS = {
    TrialState.SUCCEEDED: Reason.SUCCEEDED,
    TrialState.FAILED: Reason.EXIT_CODE,
    TrialState.KILLED: Reason.STUDY_FAILED,
    TrialState.EARLY_STOPPED: Reason.STOPPED_EARLY,
    TrialState.METRICS_UNAVAILABLE: Reason.METRIC_NOT_FOUND,
}


class Irrecoverable(InvalidInput):
    """The objects do not hold all that the lost store had."""


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """What there is of an Experiment.

    Attributes:
        attempts: trial's name -> the highest attempt that the cluster has an object of.
    """

    experiment: Object
    trials: Sequence[Object]
    suggestion: Object | None
    attempts: Mapping[str, int]


def was_lost(experiment: Object) -> bool:
    """Whether an Experiment that no study is on record of has had one."""
    return bool((experiment.get("status") or {}).get("trials"))


def record_of(
    mirrored: Mirrored, *, name: str, uid: str, space: SearchSpace, objectives: Sequence[Objective]
) -> Changes:
    """What the study's record was. Raises Irrecoverable.

    Args:
        name, uid: the study's.
    """
    status, trials = mirrored.experiment.get("status") or {}, mirrored.trials
    if len(trials) < status.get("trials", 0):
        raise _irrecoverable(f"{len(trials)} Trials", f"all {status['trials']} that its status counts")
    ordinals = _ordinals({trial["metadata"]["name"] for trial in trials}, name, uid)
    advice, observations, transitions = [], [], []
    for trial in sorted(trials, key=lambda each: ordinals[each["metadata"]["name"]]):
        ordinal = ordinals[trial["metadata"]["name"]]
        advice.append(_advice(trial, ordinal, space, mirrored))
        points = _points(trial)
        if points:
            observations.append(TrialPoints(trial=trial["metadata"]["name"], attempt=1, points=points))
        transitions += _moves(trial, ordinal, points, objectives, mirrored.attempts)
    suggested = ((mirrored.suggestion or {}).get("status") or {}).get("algorithmSettings") or ()
    return Changes(
        advice=advice,
        observations=observations,
        transitions=transitions,
        condition=_condition(status.get("conditions") or ()),
        overrides={each["name"]: each["value"] for each in suggested} or None,
    )


def _ordinals(names: set[str], study: str, uid: str) -> dict[str, int]:
    """Name -> ordinal. Names are made of ordinals, and of nothing else that is not known."""
    found: dict[str, int] = {}
    for ordinal in range(1, 4 * len(names) + SEARCHED + 1):
        name = trial_name(study, uid, ordinal)
        if name in names:
            found[name] = ordinal
    if strange := sorted(names - found.keys()):
        raise _irrecoverable(f"a Trial {strange[0]}", "Trials that were made for this Experiment")
    return found


def _advice(trial: Object, ordinal: int, space: SearchSpace, mirrored: Mirrored) -> Advice:
    name = trial["metadata"]["name"]
    given = {each["name"]: each["value"] for each in trial["spec"].get("parameterAssignments") or ()}
    try:
        assignment = {each.name: each.parse(given[each.name]) for each in space.parameters if each.name in given}
    except ValueError as error:
        raise _irrecoverable(f"in Trial {name}: {error}", "the values that were tried") from error
    suggested = ((mirrored.suggestion or {}).get("status") or {}).get("suggestions") or ()
    labels = next((each.get("labels") for each in suggested if each.get("name") == name), None)
    if labels is None:
        inherited = {*(mirrored.experiment["metadata"].get("labels") or {}), "katib.kubeflow.org/experiment"}
        own = trial["metadata"].get("labels") or {}
        labels = {key: value for key, value in own.items() if key not in inherited}
    return Advice(ordinal=ordinal, assignment=assignment, labels=labels)


def _points(trial: Object) -> tuple[MetricPoint, ...]:
    """Of each metric the least, the greatest and the last value, in that order."""
    status = trial.get("status") or {}
    at = moment(status.get("completionTime")) or 0.0
    points = []
    for metric in (status.get("observation") or {}).get("metrics") or ():
        for seq, word in enumerate(("min", "max", "latest")):
            value = _number(metric.get(word))
            if value is not None:
                text = str(metric[word])
                points.append(MetricPoint(metric=metric["name"], value=value, text=text, seq=seq, time=at))
    return tuple(points)


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _moves(
    trial: Object,
    ordinal: int,
    points: Iterable[MetricPoint],
    objectives: Sequence[Objective],
    attempts: Mapping[str, int],
) -> list[Transition]:
    advised, pending = TrialState.ADVISED, TrialState.PENDING
    moves = [Transition(ordinal=ordinal, source=advised, attempt=1, target=pending, reason=Reason.CREATED)]
    status = trial.get("status") or {}
    end = _end(status.get("conditions") or ())
    if end is None:
        # Its next attempt is the one that the cluster knows.
        for attempt in range(1, attempts.get(trial["metadata"]["name"], 1)):
            moves.append(
                Transition(
                    ordinal=ordinal,
                    source=pending,
                    attempt=attempt,
                    target=pending,
                    reason=Reason.LOST,
                    attempt_after=attempt + 1,
                    losses=attempt,
                )
            )
        return moves
    state, reason, message = end
    metrics: Metrics = _folded(points)
    values = values_of(objectives, metrics) if state in (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED) else ()
    if not all(math.isfinite(value) for value in values):
        values = ()
    moves.append(
        Transition(
            ordinal=ordinal,
            source=pending,
            attempt=1,
            target=state,
            reason=reason,
            message=message,
            value=values[0] if values else None,
            further_values=tuple(values[1:]),
            started_at=moment(status.get("startTime")),
            ended_at=moment(status.get("completionTime")),
        )
    )
    return moves


def _folded(points: Iterable[MetricPoint]) -> Metrics:
    metrics: dict[str, MetricSummary] = {}
    for point in points:
        metrics[point.metric] = metrics.get(point.metric, MetricSummary()).with_point(point)
    return metrics


def _end(conditions: Sequence[Object]) -> tuple[TrialState, Reason, str] | None:
    """How a trial ended, by its conditions as `katib.operator.trials` words them; None for one that has not."""
    for condition in reversed(conditions):
        state = next((each for each in FINISHED if each.value == condition.get("type")), None)
        if state is not None and condition.get("status") == "True":
            said = str(condition.get("message") or "")
            word = str(condition.get("reason") or "").rpartition("Job reason: ")[2]
            reason = next((each for each in Reason if each.value == word), _ENDS[state])
            return state, reason, said.partition("Job message: ")[2] or said.partition(": ")[2]
    return None


def _condition(conditions: Sequence[Object]) -> Condition | None:
    """The verdict on the study; None for one that is to go on."""
    for condition in reversed(conditions):
        status = {"Succeeded": StudyStatus.SUCCEEDED, "Failed": StudyStatus.FAILED}.get(str(condition.get("type")))
        if status is not None and condition.get("status") == "True":
            reason = next((each for each in StudyReason if each.value == condition.get("reason")), None)
            since = moment(condition.get("lastTransitionTime")) or 0.0
            message = str(condition.get("message") or "")
            return Condition(status=status, reason=reason or StudyReason.COMPLETED, message=message, since=since)
    return None


def _irrecoverable(given: str, wanted: str) -> Irrecoverable:
    hint = "put the store back from a copy, or delete the Experiment and create it anew"
    said = f"the store has lost this Experiment, and it can be read back only from {wanted}"
    return Irrecoverable([Fault(path="status.trials", given=given, wanted=said, hint=hint)], what="the Experiment")
