"""A valid experiment -> the core's values."""

from collections.abc import Mapping
from dataclasses import replace

from katib.core.objective import Direction, Objective, Strategy
from katib.core.space import Choice, Distribution, Parameter, ParameterType, Range, SearchSpace, When
from katib.core.study import Budget, StudyConfig
from katib.spec.defaults import DEFAULT_ALGORITHM, DEFAULT_PARALLEL
from katib.spec.experiment import AlgorithmSpec, Experiment, ObjectiveSpec, ParameterCondition, ParameterSpec


def search_space(experiment: Experiment) -> SearchSpace:
    """The search space; empty for an architecture search."""
    by_name = {each.name: _parameter(each) for each in experiment.spec.parameters}
    return SearchSpace(
        parameters=tuple(
            replace(by_name[each.name], condition=_when(each.condition, by_name)) for each in experiment.spec.parameters
        )
    )


def _when(condition: ParameterCondition | None, by_name: Mapping[str, Parameter]) -> When | None:
    if condition is None:
        return None
    parse = by_name[condition.parameter].parse
    return When(parameter=condition.parameter, values=tuple(parse(text) for text in condition.values))


def _parameter(spec: ParameterSpec) -> Parameter:
    kind, space = ParameterType(spec.parameter_type), spec.feasible_space
    if kind in (ParameterType.DISCRETE, ParameterType.CATEGORICAL):
        return Choice(name=spec.name, type=kind, values=tuple(space.list_))
    read = int if kind is ParameterType.INT else float
    return Range(
        name=spec.name,
        type=kind,
        low=read(space.min),
        high=read(space.max),
        step=read(space.step) if space.step else None,
        distribution=Distribution.UNIFORM
        if space.distribution in ("", "unknown")
        else Distribution(space.distribution),
    )


def objectives(experiment: Experiment) -> tuple[Objective, ...]:
    """The objectives, in order; mostly one."""
    return tuple(_objective(spec) for spec in experiment.spec.every_objective)


def _objective(spec: ObjectiveSpec) -> Objective:
    return Objective(
        metric=spec.objective_metric_name,
        direction=Direction(spec.type),
        goal=spec.goal,
        additional=tuple(spec.additional_metric_names),
        strategies={strategy.name: Strategy(strategy.value) for strategy in spec.metric_strategies},
    )


def budget(experiment: Experiment) -> Budget:
    """The budget that the experiment asks for."""
    spec = experiment.spec
    parallel = spec.parallel_trial_count
    return Budget(
        max_trials=spec.max_trial_count,
        parallel=DEFAULT_PARALLEL if parallel is None else parallel,
        max_failed=spec.max_failed_trial_count,
        max_seconds=spec.max_seconds,
        max_stale=spec.max_stale_trial_count,
    )


def study_config(
    experiment: Experiment,
    *,
    uid: str,
    budget: Budget | None = None,
    settings_overrides: Mapping[str, str] | None = None,
) -> StudyConfig:
    """What an algorithm is told.

    Args:
        budget: the one in force; None for the experiment's own.
        settings_overrides: settings that the algorithm asked to be remembered; they win over the experiment's.
    """
    spec = experiment.spec
    settings = {setting.name: setting.value for setting in spec.algorithm.algorithm_settings}
    objective, *further = objectives(experiment)
    return StudyConfig(
        name=experiment.name,
        uid=uid,
        space=search_space(experiment),
        objective=objective,
        further_objectives=tuple(further),
        algorithm=spec.algorithm.algorithm_name or DEFAULT_ALGORITHM,
        settings={**settings, **(settings_overrides or {})},
        budget=budget if budget is not None else _budget(experiment),
        replicates=spec.replicates or 1,
    )


def stopping_config(experiment: Experiment, *, uid: str, budget: Budget | None = None) -> StudyConfig | None:
    """What an early stopping algorithm is told: the study, with its own name and settings. None when none is asked."""
    stopping = experiment.spec.early_stopping
    if stopping is None:
        return None
    return replace(
        study_config(experiment, uid=uid, budget=budget),
        algorithm=stopping.algorithm_name,
        settings={setting.name: setting.value for setting in stopping.algorithm_settings},
    )


def settings_alone(spec: AlgorithmSpec) -> StudyConfig:
    """What is told of a study of which nothing but this is known."""
    return StudyConfig(
        name="",
        uid="",
        space=SearchSpace(parameters=()),
        objective=Objective(metric="", direction=Direction.MINIMIZE),
        algorithm=spec.algorithm_name or DEFAULT_ALGORITHM,
        settings={setting.name: setting.value for setting in spec.algorithm_settings},
    )


_budget = budget
"""`study_config` has an argument of that name."""
