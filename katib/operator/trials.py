"""Trials as objects. Pure: a trial on record in, plain data out."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from katib.core.objective import metrics_of
from katib.core.observation import Metrics, MetricSummary
from katib.core.space import Assignment, as_text
from katib.core.stopping import StopRule
from katib.core.study import Study
from katib.core.trial import UNFINISHED, Trial, TrialState
from katib.operator.conditions import Conditions, stamp
from katib.operator.limits import RUN_SPEC_BYTES, TRIMMED
from katib.runners.kubernetes.objects import EXPERIMENT_LABEL
from katib.spec.experiment import API_VERSION

UNAVAILABLE = "unavailable"
"""Katib's word for a value that a metric does not have."""

_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def reference(owner: Mapping[str, Any]) -> dict[str, Any]:
    """What makes an object belong to `owner`: it goes when that goes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def trial_object(study: Study, trial: Trial, manifest: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    """The Trial, without its status.

    Args:
        manifest: the object that runs it, rendered.
        owner: the Experiment.
    """
    spec, template = study.effective["spec"], study.effective["spec"]["trialTemplate"]
    metadata = study.effective["metadata"]
    name = metadata["name"]
    labels = {**(metadata.get("labels") or {}), EXPERIMENT_LABEL: name}
    labels |= {key: value for key, value in trial.labels.items() if _LABEL_VALUE.fullmatch(value)}
    run_spec = {} if _too_long(manifest) else {"runSpec": dict(manifest)}
    given = {
        "objective": spec.get("objective"),
        "parameterAssignments": assignments(trial.assignment),
        "earlyStoppingRules": rules(trial.rules),
        **run_spec,
        "retainRun": bool(template.get("retain")),
        "metricsCollector": spec["metricsCollectorSpec"],
        "primaryPodLabels": template.get("primaryPodLabels"),
        "primaryContainerName": template["primaryContainerName"],
        "successCondition": template.get("successCondition"),
        "failureCondition": template.get("failureCondition"),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Trial",
        "metadata": {
            "name": trial.name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [reference(owner)],
        },
        "spec": {field: value for field, value in given.items() if value not in (None, {}, [], "")},
    }


def trial_status(study: Study, trial: Trial, *, trimmed: bool = False) -> dict[str, Any]:
    """The Trial's status.

    Args:
        trimmed: its spec lacks the runSpec, which is too long.
    """
    conditions = Conditions()
    conditions.put("Created", "True", "TrialCreated", "Trial is created", at=trial.created_at)
    if trial.state is TrialState.PENDING and (trial.message or trial.attempt > 1):
        conditions.put("Running", "False", trial.reason.value, trial.message, at=trial.created_at)
    if trial.started_at is not None and trial.state is not TrialState.PENDING:
        conditions.put("Running", "True", "TrialRunning", "Trial is running", at=trial.started_at)
    if trial.finished:
        if trial.state is not TrialState.EARLY_STOPPED:
            conditions.end("Running", at=trial.ended_at)
        conditions.put(trial.state.value, "True", *_end(trial), at=trial.ended_at)
    conditions.note(TRIMMED, f"spec.runSpec is left out: it has more than {RUN_SPEC_BYTES} bytes" if trimmed else "")
    return {
        "startTime": stamp(trial.created_at),
        "completionTime": stamp(trial.ended_at),
        "conditions": conditions.all,
        "observation": observation(study, trial.metrics) if trial.finished and trial.metrics else None,
    }


def is_trimmed(manifest: Mapping[str, Any]) -> bool:
    """Whether a Trial lacks what runs it."""
    return _too_long(manifest)


def _too_long(manifest: Mapping[str, Any]) -> bool:
    return len(json.dumps(manifest)) > RUN_SPEC_BYTES


def assignments(assignment: Assignment) -> list[dict[str, str]]:
    """Parameters and their values."""
    return [{"name": name, "value": as_text(value)} for name, value in assignment.items()]


def rules(given: Iterable[StopRule]) -> list[dict[str, Any]]:
    """Early stopping rules."""
    return [
        {
            "name": rule.name,
            "value": repr(rule.value),
            "comparison": rule.comparison.value,
            "startStep": rule.start_step,
        }
        for rule in given
    ]


def observation(study: Study, metrics: Metrics) -> dict[str, Any]:
    """What a trial measured: of each metric its least, greatest and last value, as texts."""
    return {
        "metrics": [
            {"name": name, **_values(metrics.get(name, MetricSummary()))} for name in metrics_of(study.objectives)
        ]
    }


def _values(summary: MetricSummary) -> dict[str, str]:
    found = {"min": summary.min, "max": summary.max, "latest": summary.latest}
    return {word: UNAVAILABLE if value is None else repr(value) for word, value in found.items()}


def _end(trial: Trial) -> tuple[str, str]:
    """Reason and message of the condition in which a trial has ended, as Katib words them."""
    words = {
        TrialState.SUCCEEDED: ("TrialSucceeded", "Trial has succeeded"),
        TrialState.FAILED: ("TrialFailed", "Trial has failed"),
        TrialState.METRICS_UNAVAILABLE: ("MetricsUnavailable", "Metrics are not available"),
        TrialState.EARLY_STOPPED: ("TrialEarlyStopped", "Trial is early stopped"),
        TrialState.KILLED: ("TrialKilled", "Trial is killed"),
    }
    reason, message = words[trial.state]
    if trial.state in (TrialState.FAILED, TrialState.METRICS_UNAVAILABLE):
        reason = f"{reason}. Job reason: {trial.reason.value}"
    if not trial.message:
        return reason, message
    separator = ": " if trial.state in (TrialState.EARLY_STOPPED, TrialState.KILLED) else ". Job message: "
    return reason, f"{message}{separator}{trial.message}"


def is_open(trial: Trial) -> bool:
    """Whether something is still to become of it."""
    return trial.state in UNFINISHED
