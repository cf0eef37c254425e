"""What is optimised: one objective, or a list of several."""

from collections.abc import Iterator

from katib.errors import Fault
from katib.spec.experiment import Experiment, ObjectiveSpec
from katib.spec.rules.table import Cluster, Rule
from katib.spec.schema import closest

ONE, SEVERAL = "spec.objective", "spec.objectives"


def _placed(experiment: Experiment) -> Iterator[tuple[str, ObjectiveSpec]]:
    spec = experiment.spec
    if spec.objective is not None and spec.objective.model_fields_set:
        yield ONE, spec.objective
    yield from ((f"{SEVERAL}[{index}]", each) for index, each in enumerate(spec.objectives))


def _required(experiment: Experiment) -> Iterator[Fault]:
    placed = list(_placed(experiment))
    if not placed and "objectives" not in experiment.spec.model_fields_set:
        hint = "several of them go into a list, `objectives`"
        yield Fault(path=ONE, wanted="missing: an objective, `type` and `objectiveMetricName`", hint=hint)
    for path, objective in placed:
        if not objective.type:
            yield Fault(path=f"{path}.type", wanted="missing: `minimize` or `maximize`")
        if not objective.objective_metric_name.strip():
            given = objective.objective_metric_name
            wanted = "the name of the metric to optimise" if given else "missing: the name of the metric to optimise"
            yield Fault(path=f"{path}.objectiveMetricName", given=given, wanted=wanted)


def _forms(experiment: Experiment) -> Iterator[Fault]:
    spec = experiment.spec
    if "objectives" not in spec.model_fields_set:
        return
    if spec.objective is not None:
        wanted = "either `objective` or a list of `objectives`, not both"
        yield Fault(path=SEVERAL, wanted=wanted, hint="move `objective` into the list")
    elif not spec.objectives:
        yield Fault(path=SEVERAL, wanted="at least one objective", hint="each has `type` and `objectiveMetricName`")
    names = [each.objective_metric_name for each in spec.objectives]
    for index, name in enumerate(names):
        if name and name in names[:index]:
            path = f"{SEVERAL}[{index}].objectiveMetricName"
            yield Fault(path=path, given=name, wanted="another metric: this one is an objective already")


def _additional(experiment: Experiment) -> Iterator[Fault]:
    placed = list(_placed(experiment))
    names = {objective.objective_metric_name for _path, objective in placed}
    for path, objective in placed:
        for index, name in enumerate(objective.additional_metric_names):
            if name and name in names:
                at = f"{path}.additionalMetricNames[{index}]"
                yield Fault(path=at, given=name, wanted="another metric than an objective's, which is collected anyway")


def _additional_names(experiment: Experiment) -> Iterator[Fault]:
    known: set[str] = set()
    for path, objective in _placed(experiment):
        for index, name in enumerate(objective.additional_metric_names):
            at = f"{path}.additionalMetricNames[{index}]"
            if not name.strip():
                yield Fault(path=at, given=name, wanted="a metric's name")
            elif name in known:
                yield Fault(path=at, given=name, wanted="each metric once")
            known.add(name)


def _strategies(experiment: Experiment) -> Iterator[Fault]:
    for path, objective in _placed(experiment):
        metrics = [objective.objective_metric_name, *objective.additional_metric_names]
        named = [strategy.name for strategy in objective.metric_strategies]
        for index, strategy in enumerate(objective.metric_strategies):
            at = f"{path}.metricStrategies[{index}]"
            if strategy.name not in metrics:
                hint = closest(strategy.name, metrics) or _where(experiment, strategy.name)
                wanted = "a metric that is collected" if path == ONE else "a metric of this objective"
                yield Fault(path=f"{at}.name", given=strategy.name, wanted=wanted, hint=hint)
            elif strategy.name in named[:index]:
                yield Fault(path=f"{at}.name", given=strategy.name, wanted="one strategy per metric")
            if not strategy.value:
                yield Fault(path=f"{at}.value", wanted="one of min, max, latest")


def _where(experiment: Experiment, name: str) -> str:
    """What to do about a strategy for a metric that is not its objective's."""
    for path, objective in _placed(experiment):
        if name in (objective.objective_metric_name, *objective.additional_metric_names):
            return f"it belongs to {path}"
    return "add it to additionalMetricNames"


RULES = (
    Rule(
        id="objective",
        refuses="no objective; a type other than minimize and maximize; no objectiveMetricName",
        check=_required,
        cluster=Cluster.CRD,
        katib=10,
    ),
    Rule(
        id="objectives",
        refuses="`objectives` beside `objective`, an empty list of them, or two for one metric",
        check=_forms,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="additional-is-objective",
        refuses="additionalMetricNames that contain an objective's metric",
        check=_additional,
        cluster=Cluster.CRD,
        katib=10,
    ),
    Rule(
        id="additional-names",
        refuses="an additional metric without a name, or named twice",
        check=_additional_names,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="strategies",
        refuses="a metricStrategies entry for a metric that is not collected, a second one for it, one without value",
        check=_strategies,
        cluster=Cluster.CRD,
    ),
)
