"""Kinds of objects that trials run as: what tells their ends, and where they have their pods. One table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
"""Keys of nested objects; `*` stands for each item of a list."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is known of a kind. A kind that is not in the table has a success and a failure condition of its template,
    and its pods are those whose templates are somewhere in it.

    Attributes:
        success, failure: conditions, where the template has none.
        pod_labels: of its primary pod, where the template has none.
        primary: where the primary pod's template is: the first of these that is there. Empty: any template with the
            primary container.
        labels: objects besides pod templates whose `labels` its pods get.
        containers: where containers are that are in no pod's template, and their names in the pod; `{name}` is theirs.
        known_by: a label that its controller gives its pods, with the object's name; for pods without a template here.
    """

    success: str
    failure: str
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    primary: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()
    containers: tuple[tuple[Path, str], ...] = ()
    known_by: str = ""


def _is_true(condition: str) -> str:
    return f'status.conditions.#(type=="{condition}")#|#(status=="True")#'


def _has(field: str, value: str) -> str:
    return f'status.[@this].#({field}=="{value}")'


def _any(*conditions: str) -> str:
    return f"[{','.join(conditions)}]"


_MASTER = {"training.kubeflow.org/job-role": "master"}
_FIRST = {"training.kubeflow.org/replica-index": "0"}


def _training(replicas: str, *roles: str, labels: Mapping[str, str] = _MASTER) -> Kind:
    """A kind of Kubeflow's training operator."""
    return Kind(
        success=_is_true("Succeeded"),
        failure=_is_true("Failed"),
        pod_labels=labels,
        primary=tuple(("spec", replicas, role, "template") for role in roles),
    )


KINDS: Mapping[str, Kind] = {
    "Job": Kind(success=_is_true("Complete"), failure=_is_true("Failed"), primary=(("spec", "template"),)),
    "TFJob": _training("tfReplicaSpecs", "Chief", "Master", "Worker"),
    "PyTorchJob": _training("pytorchReplicaSpecs", "Master"),
    "XGBoostJob": _training("xgbReplicaSpecs", "Master"),
    "MPIJob": _training("mpiReplicaSpecs", "Launcher"),
    "PaddleJob": _training("paddleReplicaSpecs", "Master", "Worker", labels=_FIRST),
    "JAXJob": _training("jaxReplicaSpecs", "Worker", labels=_FIRST),
    "TrainJob": Kind(
        success=_is_true("Complete"),
        failure=_is_true("Failed"),
        pod_labels={
            "jobset.sigs.k8s.io/replicatedjob-name": "node",
            "batch.kubernetes.io/job-completion-index": "0",
        },
        containers=((("spec", "trainer"), "node"),),
        known_by="jobset.sigs.k8s.io/jobset-name",
    ),
    "JobSet": Kind(success=_is_true("Completed"), failure=_is_true("Failed")),
    "RayJob": Kind(
        success=_has("jobStatus", "SUCCEEDED"),
        failure=_any(_has("jobDeploymentStatus", "Failed"), _has("jobStatus", "STOPPED")),
        known_by="batch.kubernetes.io/job-name",
    ),
    "Workflow": Kind(
        success=_has("phase", "Succeeded"),
        failure=_any(_has("phase", "Failed"), _has("phase", "Error")),
        labels=(("spec", "podMetadata"),),
        containers=((("spec", "templates", "*", "container"), "main"),),
    ),
    "PipelineRun": Kind(
        success=_is_true("Succeeded"),
        failure='status.conditions.#(type=="Succeeded")#|#(status=="False")#',
        containers=((("spec", "pipelineSpec", "tasks", "*", "taskSpec", "steps", "*"), "step-{name}"),),
    ),
}
"""By the name of the kind alone, as Katib has it."""

JOB = ("batch/v1", "Job")


def kind_of(manifest: Mapping[str, Any]) -> Kind | None:
    """What the table says of an object; None where it is not in there."""
    return KINDS.get(str(manifest.get("kind")))


def is_job(manifest: Mapping[str, Any]) -> bool:
    """Whether it is a Job of Kubernetes itself, whose pod tells how it ended."""
    return (manifest.get("apiVersion"), manifest.get("kind")) == JOB
