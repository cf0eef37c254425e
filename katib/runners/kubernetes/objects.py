"""From the order of a run to the Job that it is.

One attempt is one Job with one pod: the engine decides about further attempts, so that each has metrics of its own and
what the cluster lost is not held against the trial. The words of the container are not touched.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from katib.core.run import RunKey
from katib.errors import Fault, InvalidInput
from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes.collector import SIDECAR, Collector

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
TRIAL_LABEL = "katib.kubeflow.org/trial"
STUDY_LABEL = "katib.kubeflow.org/study-uid"
ATTEMPT_LABEL = "katib.kubeflow.org/attempt"


def job_name(key: RunKey) -> str:
    """The name of a run's Job: the trial's own, as Katib has it, with the attempt behind it from the second on."""
    trial, attempt = key
    return trial if attempt == 1 else f"{trial}-{attempt}"


def key_of(labels: Mapping[str, str]) -> RunKey | None:
    """The run that an object belongs to by its labels; None for an object that is not of a run."""
    trial, attempt = labels.get(TRIAL_LABEL), labels.get(ATTEMPT_LABEL, "")
    return (trial, int(attempt)) if trial and attempt.isdecimal() else None


def selector(study_uid: str) -> str:
    """Selects the Jobs and pods of a study."""
    return f"{STUDY_LABEL}={study_uid}"


def job_of(order: LaunchOrder, *, study: str, study_uid: str, collector: Collector | None = None) -> dict[str, Any]:
    """The Job of a run, with a collector beside it where there is one for it.

    Raises InvalidInput when the template is no Job or has no such container.
    """
    job = deepcopy(dict(order.manifest))
    kind = f"{job.get('apiVersion')} {job.get('kind')}"
    if kind != "batch/v1 Job":
        raise _refused("trialSpec.kind", kind, "a Job of batch/v1; other kinds are not run on a cluster yet")
    labels = {
        EXPERIMENT_LABEL: study,
        TRIAL_LABEL: order.trial,
        STUDY_LABEL: study_uid,
        ATTEMPT_LABEL: str(order.attempt),
    }
    spec = job["spec"]
    template = spec["template"]
    for holder in (job, template):
        metadata = holder.setdefault("metadata", {})
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    job["metadata"]["name"] = job_name(order.key)
    spec["backoffLimit"] = 0
    # A Job that removes itself could be gone before anybody has seen how it ended.
    spec.pop("ttlSecondsAfterFinished", None)
    pod = template["spec"]
    pod["restartPolicy"] = "Never"
    container = _container(pod, order.container)
    _tell(container, order)
    if collector is not None and collector.collects(order, container):
        collector.put_into(pod, container, order)
    return job


def is_collected(job: Mapping[str, Any]) -> bool:
    """Whether a collector is beside a Job's primary container."""
    pod = job["spec"]["template"]["spec"]
    return any(each["name"] == SIDECAR for field in ("initContainers", "containers") for each in pod.get(field) or ())


def _container(pod: Mapping[str, Any], name: str) -> dict[str, Any]:
    containers: list[dict[str, Any]] = pod.get("containers") or []
    for container in containers:
        if container.get("name") == name:
            return container
    there = ", ".join(str(each.get("name")) for each in containers)
    raise _refused("primaryContainerName", name, f"the name of a container of the trialSpec, which has: {there}")


def _tell(container: dict[str, Any], order: LaunchOrder) -> None:
    """Add what a trial is told of itself. What the template sets stays."""
    written = list(container.get("env") or ())
    names = {entry.get("name") for entry in written}
    told = {
        "KATIB_TRIAL_NAME": order.trial,
        "KATIB_ATTEMPT": str(order.attempt),
        # Output that sits in a buffer is a metric that nobody sees.
        "PYTHONUNBUFFERED": "1",
    }
    added = [{"name": name, "value": value} for name, value in told.items() if name not in names]
    container["env"] = [*added, *written]


def _refused(field: str, given: str, wanted: str) -> InvalidInput:
    path = f"spec.trialTemplate.{field}"
    return InvalidInput([Fault(path=path, given=given, wanted=wanted)], what="the trial template")
