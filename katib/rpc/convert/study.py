"""Experiments: api.Experiment <-> StudyConfig.

What is read is judged by the very rules that judge an Experiment file. Without a study record, as from Katib's
controller, what Katib leaves out has its default, and the uid, which is the seed where the user gives none, is made of
what the search is about: name, space, objective and algorithm, but not budget and settings, which may change on the
way.
"""

import hashlib
from typing import Any

from katib.core.objective import Direction, Objective
from katib.core.study import StudyConfig
from katib.errors import Fault, InvalidInput
from katib.rpc import api
from katib.rpc.convert.space import parameter_document, write_parameter
from katib.spec import rules, shape
from katib.spec.study import settings_alone, study_config

WHAT = "the experiment in the request"

_TYPES = {Direction.MINIMIZE: api.MINIMIZE, Direction.MAXIMIZE: api.MAXIMIZE}
_TYPE_NAMES = {int(number): direction.value for direction, number in _TYPES.items()}
_RULES = (*rules.objective.RULES, *rules.algorithm.RULES, *rules.parameters.RULES)
"""Katib sends no template, no collector and no budget for failures."""


def write_objective(objective: Objective) -> api.ObjectiveSpec:
    """The message of an objective."""
    return api.ObjectiveSpec(
        type=_TYPES[objective.direction],
        goal=objective.goal or 0.0,
        objective_metric_name=objective.metric,
        additional_metric_names=objective.additional,
    )


def write_experiment(config: StudyConfig) -> api.Experiment:
    """The message of a study."""
    objective, budget = config.objective, config.budget
    return api.Experiment(
        name=config.name,
        spec=api.ExperimentSpec(
            parameter_specs=api.ExperimentSpec.ParameterSpecs(
                parameters=[write_parameter(parameter) for parameter in config.space.parameters]
            ),
            objective=write_objective(objective),
            algorithm=api.AlgorithmSpec(
                algorithm_name=config.algorithm,
                algorithm_settings=[
                    api.AlgorithmSetting(name=name, value=value) for name, value in config.settings.items()
                ],
            ),
            parallel_trial_count=budget.parallel,
            max_trial_count=budget.max_trials or 0,
        ),
        study=api.StudyRecord(
            uid=config.uid,
            goal=objective.goal,
            strategies=_strategies(objective),
            max_failed=budget.max_failed,
            further_objectives=[
                api.ObjectiveRecord(
                    objective=write_objective(each),
                    goal=each.goal,
                    strategies=_strategies(each),
                )
                for each in config.further_objectives
            ],
        ),
    )


def _strategies(objective: Objective) -> dict[str, str]:
    return {metric: strategy.value for metric, strategy in objective.strategies.items()}


def read_experiment(message: api.Experiment) -> StudyConfig:
    """The study of a message. Raises InvalidInput with everything that is wrong with it."""
    experiment, faults = shape.parse({"metadata": {"name": message.name}, "spec": _spec(message)})
    faults = [*faults, *(fault for rule in _RULES if rule.check for fault in rule.check(experiment))]
    if not message.spec.algorithm.algorithm_name:
        faults.append(Fault(path="spec.algorithm.algorithmName", wanted="the name of the algorithm to ask"))
    if faults:
        raise InvalidInput(list(dict.fromkeys(faults)), what=WHAT)
    return study_config(experiment, uid=message.study.uid or content_uid(message))


def read_settings(message: api.AlgorithmSpec) -> StudyConfig:
    """An algorithm and its settings, of a study of which nothing else is known."""
    settings = [{"name": each.name, "value": each.value} for each in message.algorithm_settings]
    spec = {"algorithm": {"algorithmName": message.algorithm_name, "algorithmSettings": settings}}
    experiment, _ = shape.parse({"spec": spec})
    return settings_alone(experiment.spec.algorithm)


def content_uid(message: api.Experiment) -> str:
    """A uid for an experiment that brings none: equal for equal searches, and the same at every request."""
    about = api.Experiment(
        name=message.name,
        spec=api.ExperimentSpec(
            parameter_specs=message.spec.parameter_specs,
            objective=message.spec.objective,
            algorithm=api.AlgorithmSpec(algorithm_name=message.spec.algorithm.algorithm_name),
        ),
    )
    return hashlib.sha256(about.SerializeToString(deterministic=True)).hexdigest()[:32]


def _spec(message: api.Experiment) -> dict[str, Any]:
    spec, study = message.spec, message.study
    objective = _objective(spec.objective, study)
    further = [_objective(each.objective, each) for each in study.further_objectives]
    document: dict[str, Any] = {
        "parameters": [parameter_document(each) for each in spec.parameter_specs.parameters],
        **({"objectives": [objective, *further]} if further else {"objective": objective}),
        "algorithm": {
            "algorithmName": spec.algorithm.algorithm_name,
            "algorithmSettings": [
                {"name": setting.name, "value": setting.value} for setting in spec.algorithm.algorithm_settings
            ],
        },
    }
    if spec.parallel_trial_count > 0:
        document["parallelTrialCount"] = spec.parallel_trial_count
    if spec.max_trial_count > 0:
        document["maxTrialCount"] = spec.max_trial_count
    if study.HasField("max_failed"):
        document["maxFailedTrialCount"] = study.max_failed
    return document


def _objective(spec: api.ObjectiveSpec, record: api.StudyRecord | api.ObjectiveRecord) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": _TYPE_NAMES.get(spec.type, ""),
        "objectiveMetricName": spec.objective_metric_name,
        "additionalMetricNames": list(spec.additional_metric_names),
        "metricStrategies": [{"name": name, "value": value} for name, value in record.strategies.items()],
    }
    return {**document, "goal": record.goal} if record.HasField("goal") else document
