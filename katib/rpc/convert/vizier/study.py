"""Vizier's StudySpec -> an Experiment's `spec`, and a study -> Vizier's Study.

The specification is kept as it came, and answers are made from that: what we do not read of it comes back all the same.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from katib.core.metadata import MetadataItem
from katib.core.study import Study, StudyReason
from katib.errors import Fault, InvalidInput
from katib.rpc import vizier
from katib.rpc.convert.vizier.metadata import write_items
from katib.rpc.convert.vizier.names import study_name
from katib.rpc.convert.vizier.space import flatten, parameter_document
from katib.rpc.convert.vizier.times import write_time

SPEC_ANNOTATION = "katib.kubeflow.org/vizier-study-spec"
"""Where a study's document keeps the StudySpec: its bytes in base64."""

NAMESPACE = ":katib"
"""Of metadata with which a study says what Vizier has no field for."""

COUNTS = ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount")
LEASE = "leaseSeconds"
SETTING = "algorithmSettings."
"""The beginning of a key; the setting's name follows."""

ALGORITHMS: Mapping[str, str] = {
    "": "auto",
    "ALGORITHM_UNSPECIFIED": "auto",
    "DEFAULT": "auto",
    "GP_UCB_PE": "gp",
    "GAUSSIAN_PROCESS_BANDIT": "gp",
    "RANDOM_SEARCH": "random",
    "QUASI_RANDOM_SEARCH": "sobol",
    "GRID_SEARCH": "grid",
    "SHUFFLED_GRID_SEARCH": "grid",
    "NSGA2": "nsga2",
    "CMA_ES": "cmaes",
}
"""Vizier's names of algorithms, and ours. Any other name is one of ours; capitals and underscores do no harm."""

_GOALS = {
    vizier.StudySpec.MetricSpec.MAXIMIZE: "maximize",
    vizier.StudySpec.MetricSpec.MINIMIZE: "minimize",
}
METRIC_LIMIT = 255


def spec_document(spec: vizier.StudySpec) -> dict[str, Any]:
    """The specification as an Experiment has it. Raises InvalidInput for what has no place in one."""
    objectives = _objectives(spec)
    algorithm = _algorithm(spec.algorithm)
    ours = _ours(spec)
    document: dict[str, Any] = {
        "objectives": objectives,
        "algorithm": {
            "algorithmName": algorithm,
            "algorithmSettings": [
                {"name": key.removeprefix(SETTING), "value": value}
                for key, value in ours.items()
                if key.startswith(SETTING)
            ],
        },
        "parameters": [parameter_document(flat, grid=algorithm == "grid") for flat in flatten(spec.parameters)],
        **{key: _whole(key, ours[key]) for key in COUNTS if key in ours},
    }
    if spec.HasField("default_stopping_spec"):
        document["earlyStopping"] = {"algorithmName": "medianstop" if len(objectives) == 1 else "dominated"}
    return document


def lease_seconds(spec: vizier.StudySpec, default: float) -> float:
    """How long the study's trials are lent; infinity when it says 0. Raises InvalidInput."""
    text = _ours(spec).get(LEASE)
    return default if text is None else float(_whole(LEASE, text)) or math.inf


def annotations(spec: vizier.StudySpec) -> dict[str, str]:
    """What keeps the specification in a study's document."""
    return {SPEC_ANNOTATION: base64.b64encode(spec.SerializeToString()).decode()}


def read_spec(study: Study) -> vizier.StudySpec:
    """The specification that a study was created with. Raises InvalidInput for one that has none."""
    found = study.document.get("metadata", {}).get("annotations") or {}
    if SPEC_ANNOTATION not in found:
        wanted = "a study created over Vizier's API; the native one shows this study"
        raise InvalidInput([Fault(path="name", given=study.name, wanted=wanted)], what="the study")
    return vizier.StudySpec.FromString(_spec_bytes(found[SPEC_ANNOTATION]))


@lru_cache(maxsize=256)
def _spec_bytes(text: str) -> bytes:
    return base64.b64decode(text)


def write_study(study: Study, items: Iterable[MetadataItem]) -> vizier.Study:
    """The message of a study.

    Args:
        items: of its metadata, those that were written after it was created.
    """
    spec = read_spec(study)
    write_items(spec.metadata, items)
    message = vizier.Study(
        name=study_name(study.name),
        display_name=study.name.partition("/")[2],
        study_spec=spec,
        state=write_state(study),
    )
    write_time(message.create_time, study.created_at)
    if message.state == vizier.Study.INACTIVE:
        message.inactive_reason = study.condition.message if study.condition.ended else "it is to stop"
    return message


def write_state(study: Study) -> vizier.Study.State:
    """The state of a study."""
    if study.condition.concluded:
        return vizier.Study.COMPLETED
    return vizier.Study.INACTIVE if study.stop_requested or study.condition.ended else vizier.Study.ACTIVE


def is_closed_by_user(study: Study) -> bool:
    """Whether somebody set it to INACTIVE or COMPLETED: nothing about it may change then."""
    return study.stop_requested or study.condition.reason in (StudyReason.STOPPED, StudyReason.COMPLETED)


def safety_thresholds(spec: vizier.StudySpec) -> dict[str, tuple[bool, float]]:
    """Metric -> whether it is to be at least, not at most, so much."""
    return {
        metric.metric_id: (metric.goal == vizier.StudySpec.MetricSpec.MAXIMIZE, metric.safety_config.safety_threshold)
        for metric in spec.metrics
        if metric.HasField("safety_config")
    }


def _objectives(spec: vizier.StudySpec) -> list[dict[str, Any]]:
    faults = []
    for metric in spec.metrics:
        path = f"study.study_spec.metrics[{metric.metric_id}]"
        if metric.goal not in _GOALS:
            faults.append(
                Fault(path=f"{path}.goal", given=str(int(metric.goal)), wanted="MAXIMIZE (1) or MINIMIZE (2)")
            )
        if len(metric.metric_id) > METRIC_LIMIT:
            faults.append(Fault(path=f"{path}.metric_id", wanted=f"at most {METRIC_LIMIT} characters"))
    objectives = [metric for metric in spec.metrics if not metric.HasField("safety_config")]
    if not objectives:
        wanted = "at least one metric that is an objective, without a safety_config"
        faults.append(Fault(path="study.study_spec.metrics", wanted=wanted))
    if faults:
        raise InvalidInput(faults, what="the study")
    safety = [metric.metric_id for metric in spec.metrics if metric.HasField("safety_config")]
    return [
        {
            "type": _GOALS[metric.goal],
            "objectiveMetricName": metric.metric_id,
            "additionalMetricNames": safety if metric is objectives[0] else [],
            # The last measurement is what a trial is completed with.
            "metricStrategies": [
                {"name": name, "value": "latest"}
                for name in (metric.metric_id, *(safety if metric is objectives[0] else []))
            ],
        }
        for metric in objectives
    ]


def _algorithm(name: str) -> str:
    return ALGORITHMS.get(name) or name.lower().replace("_", "-")


def _ours(spec: vizier.StudySpec) -> dict[str, str]:
    """What the study's metadata say to us. Raises InvalidInput for what we do not know."""
    found = {item.key: item.value for item in spec.metadata if item.ns == NAMESPACE}
    known = [*COUNTS, LEASE]
    faults = [
        Fault(path=_path(key), wanted=f"one of {', '.join(known)}, {SETTING}NAME")
        for key in found
        if key not in known and not key.startswith(SETTING)
    ]
    if faults:
        raise InvalidInput(faults, what="the study's metadata")
    return found


def _whole(key: str, text: str) -> int:
    try:
        number = json.loads(text)
    except ValueError:
        number = None
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**31:
        return number
    raise InvalidInput([Fault(path=_path(key), given=text, wanted="a whole number")], what="the study's metadata")


def _path(key: str) -> str:
    return f"study.study_spec.metadata[{NAMESPACE}][{key}]"
