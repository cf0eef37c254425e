"""Advisor's study configuration as an Experiment's `spec`, and back."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from katib.core.study import UNBOUNDED, Study
from katib.errors import AlgorithmUnknown, Fault, InvalidInput
from katib.spec.schema import closest

METRIC = "objective_value"
"""The name of the objective, which has none in advisor's API."""

CONFIGURATION_NOTE = "katib.kubeflow.org/advisor-configuration"
ALGORITHM_NOTE = "katib.kubeflow.org/advisor-algorithm"
"""Annotations of a study: what it was created with, word for word."""

ALGORITHMS: Mapping[str, str] = {
    "RandomSearch": "random",
    "RandomSearchAlgorithm": "random",
    "GridSearch": "grid",
    "BayesianOptimization": "gp",
    "TPE": "tpe",
    "HyperoptRandomSearch": "random",
    "SimulateAnneal": "anneal",
    "QuasiRandomSearch": "sobol",
    "ChocolateRandomSearch": "random",
    "ChocolateGridSearch": "grid",
    "ChocolateBayes": "gp",
    "CMAES": "cmaes",
    "MOCMAES": "cmaes",
    "SkoptBayesianOptimization": "bayesianoptimization",
}
"""Advisor's names and ours. Ours are taken as well."""

GRID_POINTS = 10
"""Values of a DOUBLE in a grid: advisor's configuration has no step."""

_KINDS = {"DOUBLE": "double", "INTEGER": "int", "DISCRETE": "discrete", "CATEGORICAL": "categorical"}
_GOALS = {"MAXIMIZE": "maximize", "MINIMIZE": "minimize"}


def spec_of(configuration: Any, algorithm: str) -> dict[str, Any]:
    """The `spec` of a study that its clients run. Keys that advisor does not read are passed over, such as scalingType.

    Args:
        configuration: the object, or the JSON text of one.
        algorithm: advisor's name or one of ours.

    Raises:
        InvalidInput: with every fault, its path as in the configuration.
    """
    given = _parsed(configuration)
    faults: list[Fault] = []
    goal = _GOALS.get(str(given.get("goal", "")).upper(), "")
    if not goal:
        faults.append(Fault(path="goal", given=_said(given.get("goal")), wanted="MAXIMIZE or MINIMIZE"))
    params = given.get("params")
    if not isinstance(params, Sequence) or isinstance(params, str) or not params:
        faults.append(Fault(path="params", given=_said(params), wanted="a list of at least one parameter"))
        params = []
    parameters = [_parameter(each, f"params[{place}]", faults) for place, each in enumerate(params)]
    budget = _budget(given, faults)
    if faults:
        raise InvalidInput(faults, what="study_configuration")
    return {
        # Advisor's tools give the last of several values as the value of the trial.
        "objective": {
            "type": goal,
            "objectiveMetricName": METRIC,
            "metricStrategies": [{"name": METRIC, "value": "latest"}],
        },
        "algorithm": _algorithm(algorithm, given, parameters),
        "parameters": parameters,
        **budget,
    }


def configuration_of(study: Study) -> dict[str, Any]:
    """The configuration of a study that was not created by this API, as far as advisor's words reach."""
    spec = study.effective["spec"]
    return {
        "goal": study.objective.direction.value.upper(),
        "maxTrials": study.budget.max_trials,
        "maxParallelTrials": None if study.budget.parallel == UNBOUNDED else study.budget.parallel,
        "enforceBudgets": True,
        "params": [_param(each) for each in spec.get("parameters") or ()],
    }


def _parsed(configuration: Any) -> Mapping[str, Any]:
    try:
        given = json.loads(configuration) if isinstance(configuration, str) else configuration
    except ValueError as error:
        fault = Fault(path="study_configuration", given=configuration, wanted=f"an object as JSON: {error}")
        raise InvalidInput([fault], what="the study") from error
    if not isinstance(given, Mapping):
        fault = Fault(path="study_configuration", given=_said(given), wanted='an object: {"goal": …, "params": […]}')
        raise InvalidInput([fault], what="the study")
    return given


def _parameter(given: Any, path: str, faults: list[Fault]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        faults.append(Fault(path=path, given=_said(given), wanted='an object: {"parameterName": …, "type": …}'))
        return {}
    name, kind = given.get("parameterName"), str(given.get("type", "")).upper()
    if not isinstance(name, str) or not name:
        faults.append(Fault(path=f"{path}.parameterName", given=_said(name), wanted="a name"))
    if kind not in _KINDS:
        wanted = f"one of {', '.join(_KINDS)}"
        faults.append(Fault(path=f"{path}.type", given=_said(given.get("type")), wanted=wanted))
        return {}
    ranged = kind in ("DOUBLE", "INTEGER")
    space = _range(given, kind, path, faults) if ranged else _list(given, kind, path, faults)
    return {"name": name, "parameterType": _KINDS[kind], "feasibleSpace": space}


def _range(given: Mapping[str, Any], kind: str, path: str, faults: list[Fault]) -> dict[str, Any]:
    bounds = []
    for key in ("minValue", "maxValue"):
        number = _number(given.get(key))
        if number is None or (kind == "INTEGER" and number != int(number)):
            wanted = "a whole number" if kind == "INTEGER" else "a finite number"
            faults.append(Fault(path=f"{path}.{key}", given=_said(given.get(key)), wanted=wanted))
        else:
            bounds.append(int(number) if kind == "INTEGER" else number)
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        wanted = f"no more than maxValue, {bounds[1]}"
        faults.append(Fault(path=f"{path}.minValue", given=str(bounds[0]), wanted=wanted))
    return {"min": repr(bounds[0]), "max": repr(bounds[1])} if len(bounds) == 2 else {}


def _list(given: Mapping[str, Any], kind: str, path: str, faults: list[Fault]) -> dict[str, Any]:
    points = given.get("feasiblePoints")
    items = points.split(",") if isinstance(points, str) else points if isinstance(points, Sequence) else []
    texts = list(dict.fromkeys(text for text in (str(item).strip() for item in items) if text))
    if not texts:
        wanted = 'values with commas between them: "8, 16, 32"'
        faults.append(Fault(path=f"{path}.feasiblePoints", given=_said(points), wanted=wanted))
    if kind == "DISCRETE":
        wrong = [text for text in texts if _number(text) is None]
        faults += [Fault(path=f"{path}.feasiblePoints", given=text, wanted="numbers only") for text in wrong]
    return {"list": texts}


def _budget(given: Mapping[str, Any], faults: list[Fault]) -> dict[str, int]:
    enforced = given.get("enforceBudgets", False)
    if not isinstance(enforced, bool):
        faults.append(Fault(path="enforceBudgets", given=_said(enforced), wanted="true or false"))
    if enforced is not True:
        return {}
    budget = {}
    for key, field in (("maxTrials", "maxTrialCount"), ("maxParallelTrials", "parallelTrialCount")):
        number = given.get(key)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            faults.append(Fault(path=key, given=_said(number), wanted="a whole number, 1 or more"))
        else:
            budget[field] = number
    if len(budget) == 2 and budget["parallelTrialCount"] > budget["maxTrialCount"]:
        budget["parallelTrialCount"] = budget["maxTrialCount"]
    return budget


def _algorithm(name: str, given: Mapping[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    ours = ALGORITHMS.get(name, name)
    if ours not in ALGORITHMS.values() and ours[:1].isupper():
        known = ", ".join(ALGORITHMS)
        raise AlgorithmUnknown(f"Unknown algorithm: {name}", hint=closest(name, ALGORITHMS) or f"known are {known}")
    numeric = [each for each in parameters if each["parameterType"] in ("double", "int")]
    if ours == "cmaes" and (len(numeric) < 2 or len(numeric) < len(parameters)):
        ours = "catcma"
    if ours == "grid":
        for each in numeric:
            _stepped(each)
    first = given.get("randomInitTrials")
    if ours == "gp" and isinstance(first, int) and not isinstance(first, bool) and first > 0:
        return {"algorithmName": ours, "algorithmSettings": [{"name": "n_startup_trials", "value": str(first)}]}
    return {"algorithmName": ours}


def _stepped(parameter: dict[str, Any]) -> None:
    """Give a DOUBLE of a grid a step."""
    space = parameter["feasibleSpace"]
    low, high = float(space["min"]), float(space["max"])
    if parameter["parameterType"] == "double" and low < high:
        space["step"] = repr((high - low) / (GRID_POINTS - 1))


def _param(parameter: Mapping[str, Any]) -> dict[str, Any]:
    space = parameter.get("feasibleSpace") or {}
    kinds = {ours: theirs for theirs, ours in _KINDS.items()}
    log = str(space.get("distribution", "")).startswith("log")
    return {
        "parameterName": parameter.get("name"),
        "type": kinds.get(str(parameter.get("parameterType")), "CATEGORICAL"),
        "minValue": _number(space.get("min")) or 0,
        "maxValue": _number(space.get("max")) or 0,
        "feasiblePoints": ", ".join(map(str, space.get("list") or ())),
        "scalingType": "LOG" if log else "LINEAR",
    }


def _number(given: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _said(given: Any) -> str:
    return "" if given is None else repr(given)
