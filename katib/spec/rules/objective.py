"""What is optimised."""

from collections.abc import Iterator

from katib.errors import Fault
from katib.spec.experiment import Experiment
from katib.spec.rules.table import Cluster, Rule
from katib.spec.schema import closest

PATH = "spec.objective"


def _required(experiment: Experiment) -> Iterator[Fault]:
    if "objective" not in experiment.spec.model_fields_set or not experiment.spec.objective.model_fields_set:
        yield Fault(path=PATH, wanted="an objective: `type` and `objectiveMetricName`")
        return
    objective = experiment.spec.objective
    if not objective.type:
        yield Fault(path=f"{PATH}.type", wanted="`minimize` or `maximize`")
    if not objective.objective_metric_name.strip():
        given = objective.objective_metric_name
        yield Fault(path=f"{PATH}.objectiveMetricName", given=given, wanted="the name of the metric to optimise")


def _additional(experiment: Experiment) -> Iterator[Fault]:
    objective = experiment.spec.objective
    for index, name in enumerate(objective.additional_metric_names):
        if name and name == objective.objective_metric_name:
            path = f"{PATH}.additionalMetricNames[{index}]"
            yield Fault(path=path, given=name, wanted="another metric than the objective's, which is collected anyway")


def _additional_names(experiment: Experiment) -> Iterator[Fault]:
    names = experiment.spec.objective.additional_metric_names
    for index, name in enumerate(names):
        path = f"{PATH}.additionalMetricNames[{index}]"
        if not name.strip():
            yield Fault(path=path, given=name, wanted="a metric's name")
        elif name in names[:index]:
            yield Fault(path=path, given=name, wanted="each metric once")


def _strategies(experiment: Experiment) -> Iterator[Fault]:
    objective = experiment.spec.objective
    metrics = [objective.objective_metric_name, *objective.additional_metric_names]
    named = [strategy.name for strategy in objective.metric_strategies]
    for index, strategy in enumerate(objective.metric_strategies):
        path = f"{PATH}.metricStrategies[{index}]"
        if strategy.name not in metrics:
            hint = closest(strategy.name, metrics) or "add it to additionalMetricNames"
            yield Fault(path=f"{path}.name", given=strategy.name, wanted="a metric that is collected", hint=hint)
        elif strategy.name in named[:index]:
            yield Fault(path=f"{path}.name", given=strategy.name, wanted="one strategy per metric")
        if not strategy.value:
            yield Fault(path=f"{path}.value", wanted="one of min, max, latest")


RULES = (
    Rule(
        id="objective",
        refuses="no objective; a type other than minimize and maximize; no objectiveMetricName",
        check=_required,
        cluster=Cluster.CRD,
        katib=10,
    ),
    Rule(
        id="additional-is-objective",
        refuses="additionalMetricNames that contain the objective metric",
        check=_additional,
        cluster=Cluster.CRD,
        katib=10,
    ),
    Rule(
        id="additional-names",
        refuses="an additional metric without a name, or named twice",
        check=_additional_names,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="strategies",
        refuses="a metricStrategies entry for a metric that is not collected, a second one for it, one without value",
        check=_strategies,
        cluster=Cluster.CRD,
    ),
)
