"""Experiment documents for tests: one to change, and a hypothesis strategy for valid ones."""

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from katib.spec.paths import parse

GONE = object()
"""As a new value: take the key, or list item, away."""

_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "lr",
        "parameterType": "double",
        "feasibleSpace": {"min": "1e-4", "max": "0.1", "distribution": "logUniform"},
    },
    {"name": "layers", "parameterType": "int", "feasibleSpace": {"min": "2", "max": "5"}},
    {"name": "batch", "parameterType": "discrete", "feasibleSpace": {"list": ["16", "32"]}},
    {"name": "optimizer", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
]


def experiment_document(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A valid Experiment with a parameter of every type, with values at some paths changed or GONE."""
    document = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "digits"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss", "additionalMetricNames": ["accuracy"]},
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": 2,
            "maxTrialCount": 8,
            "maxFailedTrialCount": 3,
            "parameters": _PARAMETERS,
            "trialTemplate": template([parameter["name"] for parameter in _PARAMETERS]),
        },
    }
    return changed(document, changes or {})


def template(names: list[str]) -> dict[str, Any]:
    """A trialTemplate whose Job gets every named parameter as an argument."""
    container = {
        "name": "training",
        "image": "docker.io/library/python:3.12",
        "command": ["python", "train.py"],
        "args": [f"--{name}=${{trialParameters.{name}}}" for name in names],
    }
    return {
        "primaryContainerName": "training",
        "trialParameters": [{"name": name, "reference": name} for name in names],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
        },
    }


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with the values at some paths replaced, added or GONE; mappings on the way are made as needed."""
    copied = copy.deepcopy(dict(document))
    for path, value in changes.items():
        *way, last = parse(path)
        around: Any = copied
        for part in way:
            around = around.setdefault(part, {}) if isinstance(around, dict) else around[part]
        if value is GONE:
            del around[last]
        elif isinstance(around, list) and last == len(around):
            around.append(copy.deepcopy(value))
        else:
            around[last] = copy.deepcopy(value)
    return copied


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,10}", fullmatch=True)


@st.composite
def _parameters(draw: st.DrawFn, name: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["double", "int", "discrete", "categorical"]))
    if kind in ("discrete", "categorical"):
        numbers = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str)
        items = _WORDS if kind == "categorical" else numbers.filter(lambda text: float(text) < 1e300)
        space: dict[str, Any] = {"list": draw(st.lists(items, min_size=1, max_size=4, unique=True))}
        return {"name": name, "parameterType": kind, "feasibleSpace": space}
    log = draw(st.booleans())
    least = 1 if kind == "int" else 1e-6
    values = (
        st.integers(int(least) if log else -(10**6), 10**6)
        if kind == "int"
        else st.floats(least if log else -1e6, 1e6, allow_nan=False)
    )
    low, high = sorted([draw(values), draw(values)])
    space = {"min": repr(low), "max": repr(high)}
    if draw(st.booleans()):
        space["step"] = repr(draw(st.integers(1, 100) if kind == "int" else st.floats(1e-3, 1e3)))
    spreads = ["logUniform", "logNormal"] if log else ["uniform", "normal", "unknown", ""]
    if spread := draw(st.sampled_from(spreads)):
        space["distribution"] = spread
    return {"name": name, "parameterType": kind, "feasibleSpace": space}


@st.composite
def experiment_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Valid Experiments over every type of parameter, distribution and budget."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    most = draw(st.none() | st.integers(1, 50))
    spec: dict[str, Any] = {
        "objective": {
            "type": draw(st.sampled_from(["minimize", "maximize"])),
            "objectiveMetricName": "loss",
            "additionalMetricNames": draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True)),
        },
        "parameters": [draw(_parameters(name)) for name in names],
        "trialTemplate": template(names),
    }
    for field, value in {
        "maxTrialCount": most,
        "parallelTrialCount": draw(st.none() | st.integers(1, most or 50)),
        "maxFailedTrialCount": draw(st.none() | st.integers(0, most or 50)),
    }.items():
        if value is not None:
            spec[field] = value
    if draw(st.booleans()):
        spec["algorithm"] = {"algorithmName": draw(st.sampled_from(["random", "grid", "tpe"]))}
    name = draw(st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True))
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": name}, "spec": spec}
