"""What chooses values, and what stops trials early. Which names and settings exist is for the algorithms to say."""

from collections.abc import Iterator

from katib.errors import Fault
from katib.spec.experiment import AlgorithmSpec, Experiment
from katib.spec.rules.table import Cluster, Rule

ALGORITHM, STOPPING = "spec.algorithm", "spec.earlyStopping"


def _named(experiment: Experiment) -> Iterator[Fault]:
    if not experiment.spec.algorithm.algorithm_name:
        yield Fault(
            path=f"{ALGORITHM}.algorithmName", wanted="missing: the name of the algorithm that these settings are for"
        )


def _stopping_named(experiment: Experiment) -> Iterator[Fault]:
    stopping = experiment.spec.early_stopping
    if stopping is not None and not stopping.algorithm_name:
        yield Fault(path=f"{STOPPING}.algorithmName", wanted="missing: the name of an early stopping algorithm")


def _settings(experiment: Experiment) -> Iterator[Fault]:
    yield from _settings_of(ALGORITHM, experiment.spec.algorithm)
    if experiment.spec.early_stopping is not None:
        yield from _settings_of(STOPPING, experiment.spec.early_stopping)


def _settings_of(path: str, algorithm: AlgorithmSpec) -> Iterator[Fault]:
    names = [setting.name for setting in algorithm.algorithm_settings]
    for index, name in enumerate(names):
        at = f"{path}.algorithmSettings[{index}].name"
        if not name:
            yield Fault(path=at, wanted="missing: the setting's name")
        elif name in names[:index]:
            yield Fault(path=at, given=name, wanted="each setting once")


RULES = (
    Rule(
        id="algorithm-name",
        refuses="algorithmSettings without an algorithmName (without both the algorithm is `random`)",
        check=_named,
        cluster=Cluster.CRD,
        katib=11,
    ),
    Rule(
        id="algorithm-installed",
        refuses="an algorithm that is not installed; the algorithm itself then judges its settings",
        check=None,
        cluster=Cluster.OPERATOR,
        katib=11,
    ),
    Rule(
        id="early-stopping-name",
        refuses="earlyStopping without an algorithmName",
        check=_stopping_named,
        cluster=Cluster.CRD,
        katib=12,
    ),
    Rule(
        id="early-stopping-installed",
        refuses="an early stopping algorithm that is not installed",
        check=None,
        cluster=Cluster.OPERATOR,
        katib=12,
    ),
    Rule(
        id="early-stopping-objectives",
        refuses="several objectives with an early stopping algorithm that looks at one",
        check=None,
        cluster=Cluster.OPERATOR,
    ),
    Rule(id="settings", refuses="a setting without a name, or given twice", check=_settings, cluster=Cluster.CRD),
)
