"""The fields of a `batch/v1` Job, as far down as trial templates go, so that a misspelt one is found early."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from katib.errors import Fault
from katib.spec.paths import Parts, show
from katib.spec.schema import closest
from katib.spec.shape import shown

Shape = Mapping[str, str]
"""Field -> what it is: a key of SCALARS, a name of SHAPES, either in brackets for a list, or in braces for a map."""


def _merge(*parts: Shape) -> Shape:
    return {name: what for part in parts for name, what in part.items()}


def _of(what: str, names: str) -> Shape:
    return dict.fromkeys(names.split(), what)


_META = _merge(
    _of("text", "name namespace generateName uid resourceVersion selfLink creationTimestamp deletionTimestamp"),
    _of("int", "generation deletionGracePeriodSeconds"),
    _of("{loose}", "labels annotations"),
    _of("[text]", "finalizers"),
    _of("[map]", "ownerReferences managedFields"),
)

_JOB_SPEC = _merge(
    _of(
        "int",
        "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completions maxFailedIndexes parallelism"
        " ttlSecondsAfterFinished",
    ),
    _of("text", "completionMode managedBy podReplacementPolicy"),
    _of("bool", "manualSelector suspend"),
    _of("map", "podFailurePolicy selector successPolicy"),
    {"template": "PodTemplate"},
)

_POD_SPEC = _merge(
    _of("int", "activeDeadlineSeconds priority terminationGracePeriodSeconds"),
    _of(
        "bool",
        "automountServiceAccountToken enableServiceLinks hostIPC hostNetwork hostPID hostUsers setHostnameAsFQDN"
        " shareProcessNamespace",
    ),
    _of(
        "text",
        "dnsPolicy hostname hostnameOverride nodeName preemptionPolicy priorityClassName restartPolicy runtimeClassName"
        " schedulerName serviceAccount serviceAccountName subdomain",
    ),
    _of("map", "affinity dnsConfig os overhead resources schedulingGroup securityContext workloadRef"),
    _of(
        "[map]",
        "ephemeralContainers hostAliases imagePullSecrets readinessGates resourceClaims schedulingGates tolerations"
        " topologySpreadConstraints volumes",
    ),
    {"nodeSelector": "{text}", "containers": "[Container]", "initContainers": "[Container]"},
)

_CONTAINER = _merge(
    _of("text", "name image imagePullPolicy restartPolicy terminationMessagePath terminationMessagePolicy workingDir"),
    _of("[loose]", "command args"),
    _of("bool", "stdin stdinOnce tty"),
    _of("map", "lifecycle livenessProbe readinessProbe startupProbe securityContext"),
    _of("[map]", "envFrom resizePolicy restartPolicyRules volumeDevices"),
    {"env": "[EnvVar]", "ports": "[Port]", "volumeMounts": "[VolumeMount]", "resources": "Resources"},
)

SHAPES: Mapping[str, Shape] = {
    "Job": {"apiVersion": "text", "kind": "text", "metadata": "Meta", "spec": "JobSpec", "status": "map"},
    "Meta": _META,
    "JobSpec": _JOB_SPEC,
    "PodTemplate": {"metadata": "Meta", "spec": "PodSpec"},
    "PodSpec": _POD_SPEC,
    "Container": _CONTAINER,
    "EnvVar": {"name": "text", "value": "loose", "valueFrom": "map"},
    "Port": _merge(_of("int", "containerPort hostPort"), _of("text", "name protocol hostIP")),
    "VolumeMount": _merge(
        _of("text", "name mountPath mountPropagation recursiveReadOnly subPath subPathExpr"), _of("bool", "readOnly")
    ),
    "Resources": {"limits": "{quantity}", "requests": "{quantity}", "claims": "[map]"},
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


SCALARS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "text": (lambda value: isinstance(value, str), "a text"),
    # Here an unquoted number is taken for its text; `cluster_warnings` says that a cluster refuses it.
    "loose": (lambda value: isinstance(value, str | int | float), "a text"),
    "int": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number, without quotes"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "map": (lambda value: isinstance(value, dict), "a mapping"),
    "quantity": (lambda value: isinstance(value, str) or _is_number(value), "a quantity such as 500m or 2Gi"),
}


def job_faults(job: Mapping[str, Any], parts: Parts) -> Iterator[Fault]:
    """What the API server would not take as a Job. `parts`: where the job stands."""
    yield from _check(job, "Job", parts)


def _check(value: Any, what: str, parts: Parts) -> Iterator[Fault]:
    if value is None:
        return
    if what[0] in "[{":
        yield from _collection(value, what, parts)
    elif what in SCALARS:
        accepts, wanted = SCALARS[what]
        if not accepts(value):
            yield Fault(path=show(parts), given=shown(value), wanted=wanted)
    elif not isinstance(value, dict):
        yield Fault(path=show(parts), given=shown(value), wanted="a mapping (`key: value` lines)")
    else:
        yield from _fields(value, SHAPES[what], parts)


def _collection(value: Any, what: str, parts: Parts) -> Iterator[Fault]:
    wanted, name = (list, "a list (lines that begin with `-`)") if what[0] == "[" else (dict, "a mapping")
    if not isinstance(value, wanted):
        yield Fault(path=show(parts), given=shown(value), wanted=name)
        return
    for key, item in enumerate(value) if isinstance(value, list) else value.items():
        yield from _check(item, what[1:-1], (*parts, key))


def _fields(value: Mapping[str, Any], shape: Shape, parts: Parts) -> Iterator[Fault]:
    for key, item in value.items():
        if key in shape:
            yield from _check(item, shape[key], (*parts, key))
        else:
            hint = closest(key, shape)
            yield Fault(path=show((*parts, key)), wanted="unknown field of a batch/v1 Job", hint=hint)
