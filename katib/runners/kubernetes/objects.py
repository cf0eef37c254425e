"""From the order of a run to the object that it is: a Job, or of any other kind.

One attempt is one object. A Job has one pod: the engine decides about further attempts, so that each has metrics of its
own and what the cluster lost is not held against the trial. The words of the container are not touched.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from katib.core.run import RunKey
from katib.errors import Fault, InvalidInput
from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes.collector import CUSTOM, Collector, put_own, sidecar_name
from katib.runners.kubernetes.running import JOBS, RunsAs
from katib.runners.kubernetes.templates import containers, pod_templates, primary_template, put_labels
from katib.spec.kinds import is_job

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
TRIAL_LABEL = "katib.kubeflow.org/trial"
STUDY_LABEL = "katib.kubeflow.org/study-uid"
ATTEMPT_LABEL = "katib.kubeflow.org/attempt"


def job_name(key: RunKey) -> str:
    """The name of a run's object: the trial's own, as Katib has it, with the attempt behind it from the second on."""
    trial, attempt = key
    return trial if attempt == 1 else f"{trial}-{attempt}"


def key_of(labels: Mapping[str, str]) -> RunKey | None:
    """The run that an object belongs to by its labels; None for an object that is not of a run."""
    trial, attempt = labels.get(TRIAL_LABEL), labels.get(ATTEMPT_LABEL, "")
    return (trial, int(attempt)) if trial and attempt.isdecimal() else None


def selector(study_uid: str) -> str:
    """Selects the objects and pods of a study."""
    return f"{STUDY_LABEL}={study_uid}"


def object_of(
    order: LaunchOrder,
    *,
    study: str,
    study_uid: str,
    runs_as: RunsAs = JOBS,
    collector: Collector | None = None,
) -> dict[str, Any]:
    """The object of a run, with a collector beside its primary container where there is one for it.

    Raises InvalidInput when it is a Job without such a container.
    """
    made = deepcopy(dict(order.manifest))
    labels = {
        EXPERIMENT_LABEL: study,
        TRIAL_LABEL: order.trial,
        STUDY_LABEL: study_uid,
        ATTEMPT_LABEL: str(order.attempt),
    }
    put_labels(made, labels)
    made["metadata"]["name"] = job_name(order.key)
    _stay(made)
    if is_job(made):
        made["spec"]["backoffLimit"] = 0
        made["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    for container in containers(made, order.container):
        _tell(container, order)
    if is_job(made) and primary_template(made, order.container, runs_as.pod_labels) is None:
        there = ", ".join(str(each.get("name")) for each in made["spec"]["template"]["spec"].get("containers") or ())
        raise _refused("primaryContainerName", order.container, f"a container of the trialSpec, which has: {there}")
    beside = collected_container(made, order.container, runs_as.pod_labels)
    if beside is not None and order.collector and order.collector["collector"]["kind"] == CUSTOM:
        put_own(*beside, order.collector)
    elif collector is not None and beside is not None and collector.collects(order, beside[1]):
        collector.put_into(*beside, order, direction=runs_as.direction)
    return made


def collected_container(
    made: dict[str, Any], container: str, pod_labels: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The pod and the container that a collector goes beside; None where it is not known, or more than one pod."""
    primary = primary_template(made, container, pod_labels)
    if primary is None or (primary.several and not is_job(made)):
        return None
    main = primary.container(container)
    return None if main is None else (primary.holder["spec"], main)


def is_collected(made: dict[str, Any], order: LaunchOrder) -> bool:
    """Whether a collector is beside an object's primary container."""
    name = sidecar_name(order.collector)
    return any(
        each.get("name") == name
        for template in pod_templates(made)
        for field in ("initContainers", "containers")
        for each in template.holder["spec"].get(field) or ()
    )


def _stay(made: dict[str, Any]) -> None:
    """One that removes itself could be gone before anybody has seen how it ended."""
    spec = made.get("spec")
    for holder in (spec, spec.get("runPolicy")) if isinstance(spec, dict) else ():
        if isinstance(holder, dict):
            for field in ("ttlSecondsAfterFinished", "ttlStrategy"):
                holder.pop(field, None)


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
