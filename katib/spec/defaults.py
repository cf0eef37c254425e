"""What an Experiment means where it says nothing: Katib's defaults, and two of our own (see docs/divergences.md)."""

from typing import Any, TypeVar

from katib.spec.experiment import (
    CollectorSpec,
    Experiment,
    ExperimentSpec,
    FileSystemPath,
    HttpGet,
    MetricsCollectorSpec,
    MetricStrategy,
    Model,
    ObjectiveSpec,
    ParameterSpec,
    SourceSpec,
    TrialTemplate,
)
from katib.spec.kinds import kind_of

DEFAULT_ALGORITHM = "auto"
DEFAULT_PARALLEL = 3

M = TypeVar("M", bound=Model)


def with_defaults(experiment: Experiment) -> Experiment:
    """The experiment with every default filled in. Doing it twice changes nothing."""
    return _with(experiment, spec=_spec(experiment.spec))


def _spec(spec: ExperimentSpec) -> ExperimentSpec:
    algorithm = spec.algorithm
    if not algorithm.algorithm_name and not algorithm.algorithm_settings:
        algorithm = _with(algorithm, algorithm_name=DEFAULT_ALGORITHM)
    objectives: dict[str, Any] = {}
    if spec.objective is not None:
        objectives["objective"] = _objective(spec.objective)
    if spec.objectives:
        objectives["objectives"] = [_objective(objective) for objective in spec.objectives]
    return _with(
        spec,
        **objectives,
        parameters=[_parameter(parameter) for parameter in spec.parameters],
        algorithm=algorithm,
        trial_template=_template(spec.trial_template),
        parallel_trial_count=spec.parallel_trial_count if spec.parallel_trial_count is not None else _parallel(spec),
        metrics_collector_spec=_collector(spec.metrics_collector_spec),
        resume_policy=spec.resume_policy or "Never",
    )


def _parallel(spec: ExperimentSpec) -> int:
    # Katib refuses three at a time of two trials in all even where nobody wrote the three.
    most = spec.max_trial_count
    return DEFAULT_PARALLEL if most is None or most < 1 else min(DEFAULT_PARALLEL, most)


def _parameter(parameter: ParameterSpec) -> ParameterSpec:
    space = parameter.feasible_space
    return _with(parameter, feasible_space=_with(space, distribution=space.distribution or "uniform"))


def _objective(objective: ObjectiveSpec) -> ObjectiveSpec:
    if objective.type not in ("minimize", "maximize"):
        return objective
    best = "min" if objective.type == "minimize" else "max"
    known = {strategy.name for strategy in objective.metric_strategies}
    metrics = dict.fromkeys([objective.objective_metric_name, *objective.additional_metric_names])
    missing = [MetricStrategy(name=name, value=best) for name in metrics if name and name not in known]
    return _with(objective, metric_strategies=[*objective.metric_strategies, *missing])


def _template(template: TrialTemplate) -> TrialTemplate:
    kind = kind_of(template.trial_spec or {})
    if kind is None:
        return template
    changes: dict[str, Any] = {
        "success_condition": template.success_condition or kind.success,
        "failure_condition": template.failure_condition or kind.failure,
    }
    if kind.pod_labels and not template.primary_pod_labels:
        changes["primary_pod_labels"] = dict(kind.pod_labels)
    return _with(template, **changes)


def _collector(spec: MetricsCollectorSpec) -> MetricsCollectorSpec:
    kind = spec.collector.kind or "StdOut"
    collector: CollectorSpec = _with(spec.collector, kind=kind)
    source = spec.source or SourceSpec()
    if kind == "PrometheusMetric":
        get = source.http_get or HttpGet()
        source = _with(source, http_get=_with(get, path=get.path or "/metrics", port=get.port or 8080))
    elif kind == "File":
        at = source.file_system_path or FileSystemPath()
        path, form = at.path or "/var/log/katib/metrics.log", at.format or "TEXT"
        source = _with(source, file_system_path=_with(at, kind=at.kind or "File", path=path, format=form))
    elif kind == "TensorFlowEvent":
        at = source.file_system_path or FileSystemPath()
        path = at.path or "/var/log/katib/tfevent/"
        source = _with(source, file_system_path=_with(at, kind=at.kind or "Directory", path=path))
    elif spec.source is None:
        return _with(spec, collector=collector)
    return _with(spec, collector=collector, source=source)


def _with(model: M, **changes: Any) -> M:
    return model.model_copy(update=changes)
