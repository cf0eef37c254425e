"""Suggestions as objects: what an Experiment has asked of its algorithm. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from katib.core.study import Study
from katib.core.trial import Trial
from katib.operator.conditions import Condition, Conditions, stamp
from katib.operator.limits import SUGGESTIONS_BYTES, TRIMMED, newest
from katib.operator.trials import assignments, reference, rules
from katib.spec.experiment import API_VERSION

FINISHED = {
    "Never": "Suggestion is succeeded, can't be restarted",
    "FromVolume": "Suggestion is succeeded, suggestion volume is not deleted, can be restarted",
}
"""Resume policy -> what is said when its experiment has ended. With any other one the suggestion goes on."""


def suggestion_object(study: Study, owner: Mapping[str, Any]) -> dict[str, Any]:
    """The Suggestion, without its status. `owner`: the Experiment."""
    metadata = owner["metadata"]
    copied = {field: metadata[field] for field in ("labels", "annotations") if metadata.get(field)}
    return {
        "apiVersion": API_VERSION,
        "kind": "Suggestion",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "ownerReferences": [reference(owner)],
            **copied,
        },
        "spec": suggestion_spec(study),
    }


def suggestion_spec(study: Study) -> dict[str, Any]:
    """What was asked for."""
    spec = study.effective["spec"]
    stopping = {"earlyStopping": spec["earlyStopping"]} if spec.get("earlyStopping") else {}
    return {
        "algorithm": spec["algorithm"],
        **stopping,
        "requests": study.summary.created,
        "resumePolicy": spec["resumePolicy"],
    }


def suggestion_status(study: Study, before: Sequence[Condition], trials: Sequence[Trial]) -> dict[str, Any]:
    """What was answered. A field without a value is None.

    Args:
        before: the conditions that it has.
        trials: the newest first; of so many as may be listed.
    """
    listed = newest([_suggested(trial) for trial in trials], limit=SUGGESTIONS_BYTES)
    settings = [{"name": name, "value": value} for name, value in study.overrides.items()]
    left_out = study.summary.created - len(listed)
    return {
        "startTime": stamp(study.created_at),
        "conditions": _conditions(study, before, left_out=left_out),
        "algorithmSettings": settings or None,
        "suggestionCount": study.summary.created or None,
        "suggestions": listed or None,
    }


def _suggested(trial: Trial) -> dict[str, Any]:
    given = {
        "name": trial.name,
        "parameterAssignments": assignments(trial.assignment),
        "earlyStoppingRules": rules(trial.rules),
        "labels": dict(trial.labels),
    }
    return {field: value for field, value in given.items() if value}


def _conditions(study: Study, before: Sequence[Condition], *, left_out: int) -> list[Condition]:
    conditions = Conditions(before)
    policy, since = study.effective["spec"]["resumePolicy"], study.condition.since
    conditions.put("Created", "True", "SuggestionCreated", "Suggestion is created", at=study.created_at)
    if study.condition.concluded and policy in FINISHED:
        ended = "Suggestion is succeeded"
        conditions.put("DeploymentReady", "False", ended, "Deployment is not ready", at=since)
        conditions.put("Running", "False", ended, "Suggestion is not running", at=since)
        conditions.put("Succeeded", "True", "Experiment is succeeded", FINISHED[policy], at=since)
    else:
        conditions.drop("Succeeded")
        conditions.put("DeploymentReady", "True", "DeploymentReady", "Deployment is ready", at=since)
        conditions.put("Running", "True", "SuggestionRunning", "Suggestion is running", at=since)
    conditions.note(TRIMMED, f"{left_out} suggestions are left out: the newest are listed" if left_out > 0 else "")
    return conditions.all
