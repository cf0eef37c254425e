"""The primary container of a rendered object -> the process that it is on this machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib.errors import Fault, InvalidInput
from katib.spec.experiment import text_of
from katib.spec.kubelet import container_env, expand
from katib.spec.paths import Parts, show
from katib.spec.shape import shown

DEFAULT_GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL, as for a pod."""

TRIAL_NAME_VARIABLE = "KATIB_TRIAL_NAME"
SPEC_PARTS: Parts = ("spec", "trialTemplate", "trialSpec")


@dataclass(frozen=True, kw_only=True)
class Process:
    """What to run.

    Attributes:
        argv: command and args, expanded as the kubelet does.
        env: the container's own variables; the trial's name is among them.
        cwd: the folder to run in; None when the template names none.
        deadline: seconds after which the run is ended; None for no limit.
        grace: seconds between SIGTERM and SIGKILL.
        retries: attempts after a failed one. A Job's backoffLimit; 0 when it has none, where a cluster takes 6.
        notes: at most one line: what a process cannot honour.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    deadline: float | None
    grace: float
    retries: int
    notes: tuple[str, ...] = ()


def process_of(manifest: Mapping[str, Any], container_name: str) -> Process:
    """The process of the container `container_name` of a rendered object.

    Raises:
        InvalidInput: no pod in the object has that container, it names no command, or a field has the wrong type.
    """
    pod, parts = _pod(manifest, container_name)
    position = [entry.get("name") for entry in pod["containers"]].index(container_name)
    container = pod["containers"][position]
    here = (*parts, "containers", position)
    name = (manifest.get("metadata") or {}).get("name")
    try:
        env = container_env(container, {TRIAL_NAME_VARIABLE: str(name)} if name else {})
    except (AttributeError, KeyError, TypeError) as error:
        raise _refused((*here, "env"), given=container.get("env"), wanted="a list of name and value") from error
    job = manifest.get("spec") or {}
    deadlines = [
        _seconds(job, "activeDeadlineSeconds", (*SPEC_PARTS, "spec")),
        _seconds(pod, "activeDeadlineSeconds", parts),
    ]
    grace = _seconds(pod, "terminationGracePeriodSeconds", parts)
    return Process(
        argv=_argv(container, env, here),
        env=env,
        cwd=str(container["workingDir"]) if container.get("workingDir") else None,
        deadline=min((deadline for deadline in deadlines if deadline is not None), default=None),
        grace=DEFAULT_GRACE if grace is None else grace,
        retries=retries_of(manifest),
        notes=_notes(job, pod, container),
    )


def retries_of(manifest: Mapping[str, Any]) -> int:
    """Attempts after a failed one: a Job's backoffLimit; 0 when it has none, where a Job takes 6.

    Raises InvalidInput.
    """
    return int(_seconds(manifest.get("spec") or {}, "backoffLimit", (*SPEC_PARTS, "spec")) or 0)


def grace_of(manifest: Mapping[str, Any], container_name: str) -> float:
    """Seconds between SIGTERM and SIGKILL; of an object that is not rendered yet, the default where it says none."""
    try:
        pod, parts = _pod(manifest, container_name)
        grace = _seconds(pod, "terminationGracePeriodSeconds", parts)
    except InvalidInput:
        return DEFAULT_GRACE
    return DEFAULT_GRACE if grace is None else grace


def _pod(manifest: Mapping[str, Any], container_name: str) -> tuple[Mapping[str, Any], Parts]:
    """The pod spec that has the container: of several, the first one in the object's own order."""
    names: list[str] = []
    for pod, parts in _pods(manifest, SPEC_PARTS):
        here = [str(entry.get("name")) for entry in pod["containers"]]
        if container_name in here:
            return pod, parts
        names += here
    hint = f"the trialSpec has: {', '.join(names)}" if names else "the trialSpec has no containers"
    fault = Fault(
        path="spec.trialTemplate.primaryContainerName",
        given=container_name,
        wanted="the name of a container of the trialSpec",
        hint=hint,
    )
    raise InvalidInput([fault], what="the trial template")


def _pods(value: Any, parts: Parts) -> Iterator[tuple[Mapping[str, Any], Parts]]:
    if isinstance(value, Mapping):
        containers = value.get("containers")
        if isinstance(containers, list) and all(isinstance(entry, Mapping) for entry in containers):
            yield value, parts
        for key, item in value.items():
            yield from _pods(item, (*parts, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _pods(item, (*parts, index))


def _argv(container: Mapping[str, Any], env: Mapping[str, str], parts: Parts) -> tuple[str, ...]:
    words = []
    for field in ("command", "args"):
        written = container.get(field) or []
        if not isinstance(written, list) or not all(isinstance(word, str | int | float) for word in written):
            raise _refused((*parts, field), given=written, wanted="a list of texts")
        if field == "command" and not written:
            wanted = "the command: the image's own ENTRYPOINT is not known here"
            raise _refused((*parts, field), given="", wanted=wanted, hint='as in `command: ["python", "train.py"]`')
        words += [expand(str(text_of(word)), env) for word in written]
    return tuple(words)


def _seconds(around: Mapping[str, Any], field: str, parts: Parts) -> float | None:
    value = around.get(field) if isinstance(around, Mapping) else None
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise _refused((*parts, field), given=value, wanted="a whole number, 0 or more")
    return float(value)


_CONTAINER_EXTRAS = {
    "image": "image",
    "resources": "resources",
    "volumeMounts": "volumes",
    "volumeDevices": "volumes",
    "envFrom": "envFrom",
    "ports": "ports",
    "lifecycle": "lifecycle",
    "livenessProbe": "probes",
    "readinessProbe": "probes",
    "startupProbe": "probes",
    "securityContext": "securityContext",
}
_POD_EXTRAS = {
    "volumes": "volumes",
    "initContainers": "initContainers",
    "affinity": "scheduling",
    "nodeSelector": "scheduling",
    "nodeName": "scheduling",
    "tolerations": "scheduling",
    "serviceAccountName": "serviceAccountName",
    "securityContext": "securityContext",
}


def _notes(job: Mapping[str, Any], pod: Mapping[str, Any], container: Mapping[str, Any]) -> tuple[str, ...]:
    found = [said for field, said in _CONTAINER_EXTRAS.items() if container.get(field)]
    found += [said for field, said in _POD_EXTRAS.items() if pod.get(field)]
    found += [f"env {entry['name']} (valueFrom)" for entry in container.get("env") or () if entry.get("valueFrom")]
    others = [str(entry.get("name")) for entry in pod["containers"] if entry is not container]
    found += [f"container {name}" for name in others]
    found += [field for field in ("completions", "parallelism") if (job.get(field) or 1) != 1]
    return (f"not honoured on this machine: {', '.join(dict.fromkeys(found))}",) if found else ()


def _refused(parts: Parts, *, given: object, wanted: str, hint: str = "") -> InvalidInput:
    text = "" if given == "" else shown(given)
    return InvalidInput([Fault(path=show(parts), given=text, wanted=wanted, hint=hint)], what="the trial template")
