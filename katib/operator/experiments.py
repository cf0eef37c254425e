"""The status of Experiments. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from katib.core.study import Study, StudyReason, StudyStatus
from katib.core.trial import Trial, TrialState
from katib.errors import InvalidInput, cut
from katib.operator.conditions import Condition, Conditions, stamp
from katib.operator.limits import NAMES_BYTES, TRIMMED, newest
from katib.operator.rebuilding import REBUILT_ANNOTATION
from katib.operator.trials import assignments, observation

LISTS = {
    TrialState.RUNNING: ("runningTrialList", "trialsRunning"),
    TrialState.PENDING: ("pendingTrialList", "trialsPending"),
    TrialState.FAILED: ("failedTrialList", "trialsFailed"),
    TrialState.SUCCEEDED: ("succeededTrialList", "trialsSucceeded"),
    TrialState.KILLED: ("killedTrialList", "trialsKilled"),
    TrialState.EARLY_STOPPED: ("earlyStoppedTrialList", "trialsEarlyStopped"),
    TrialState.METRICS_UNAVAILABLE: ("metricsUnavailableTrialList", "trialMetricsUnavailable"),
}
"""A trial's state -> where its name is listed, and where such trials are counted: Katib's fields."""

REBUILT = "Rebuilt"
REBUILT_MESSAGE = (
    "the store was lost, and this Experiment was read back from its objects: of each metric of a trial that had ended "
    "by then, the least, the greatest and the last value are left, and its other values are lost"
)
"""A condition, and what it says."""

FAULTS_LIMIT = 20_000
"""Characters of the message that says what is wrong with a specification."""


def experiment_status(
    study: Study, before: Sequence[Condition], names: Sequence[tuple[str, TrialState]], best: Trial | None
) -> dict[str, Any]:
    """The status. A field without a value is None.

    Args:
        before: the conditions that it has.
        names: names and states of trials, the newest first; of so many as may be listed.
        best: the best trial.
    """
    listed = newest(names, limit=NAMES_BYTES)
    summary = study.summary
    status: dict[str, Any] = {
        "startTime": stamp(study.created_at),
        "completionTime": stamp(study.ended_at) if study.condition.concluded else None,
        "conditions": _conditions(study, before, left_out=summary.created - len(listed)),
        "currentOptimalTrial": _optimal(study, best),
        "trials": summary.created or None,
    }
    for state, (names_field, count_field) in LISTS.items():
        status[names_field] = [name for name, of in listed if of is state] or None
        status[count_field] = summary.count(state) or None
    return status


def refused_status(error: InvalidInput, before: Sequence[Condition], *, now: float) -> dict[str, Any]:
    """The status of an Experiment that cannot be run: all that is wrong with it."""
    conditions = Conditions(before)
    conditions.put("Created", "True", "ExperimentCreated", "Experiment is created", at=now)
    conditions.put("Failed", "True", "ExperimentFailed", cut(str(error), FAULTS_LIMIT), at=now)
    return {"conditions": conditions.all}


def _conditions(study: Study, before: Sequence[Condition], *, left_out: int) -> list[Condition]:
    condition, conditions = study.condition, Conditions(before)
    conditions.put("Created", "True", "ExperimentCreated", "Experiment is created", at=study.created_at)
    if condition.status is StudyStatus.RUNNING:
        if condition.reason is StudyReason.RESTARTING:
            conditions.put("Restarting", "True", "ExperimentRestarting", "Experiment is restarted", at=condition.since)
        conditions.drop("Succeeded", "Failed")
        conditions.put("Running", "True", "ExperimentRunning", "Experiment is running", at=condition.since)
    elif condition.status is StudyStatus.STOPPED:
        conditions.put("Running", "False", condition.reason.value, condition.message, at=condition.since)
    elif condition.concluded:
        kind = condition.status.value
        conditions.drop(*({"Succeeded", "Failed"} - {kind}))
        if conditions.find("Running") is None and study.started_at is not None:
            # It was over before it was written down that it ran.
            conditions.put("Running", "True", "ExperimentRunning", "Experiment is running", at=study.started_at)
        conditions.end("Running", at=condition.since)
        conditions.put(kind, "True", condition.reason.value, condition.message, at=condition.since)
    annotations = study.effective["metadata"].get("annotations") or {}
    conditions.note(REBUILT, REBUILT_MESSAGE if REBUILT_ANNOTATION in annotations else "")
    said = f"names of trials and suggestions are listed for the newest only; {left_out} trials are left out"
    conditions.note(TRIMMED, said if left_out > 0 else "")
    return conditions.all


def _optimal(study: Study, best: Trial | None) -> Mapping[str, Any]:
    if best is None:
        return {"observation": {}}
    return {
        "bestTrialName": best.name,
        "parameterAssignments": assignments(best.assignment),
        "observation": observation(study, best.metrics),
    }
