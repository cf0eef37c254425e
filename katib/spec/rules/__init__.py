"""Every rule, in the order in which faults are told."""

from katib.errors import Fault
from katib.spec.experiment import Experiment
from katib.spec.rules import algorithm, budget, collector, conditions, identity, objective, parameters, template
from katib.spec.rules.table import Cluster, Rule

__all__ = ["RULES", "Cluster", "Rule", "check"]

RULES: tuple[Rule, ...] = (
    *identity.RULES,
    *budget.RULES,
    *objective.RULES,
    *algorithm.RULES,
    *parameters.RULES,
    *conditions.RULES,
    *template.RULES,
    *collector.RULES,
)

_RUN_BY_CLIENTS = (
    *identity.RUN_BY_CLIENTS,
    *budget.RULES,
    *objective.RULES,
    *algorithm.RULES,
    *parameters.RULES,
    *conditions.RULES,
    *template.RUN_BY_CLIENTS,
)
"""Where clients run the trials, nothing is rendered, and a name is in no Kubernetes object."""


def check(experiment: Experiment, *, by_clients: bool = False) -> list[Fault]:
    """Every fault of an experiment that has its defaults; `by_clients` when its clients run its trials."""
    wanted = _RUN_BY_CLIENTS if by_clients else RULES
    return [fault for rule in wanted if rule.check is not None for fault in rule.check(experiment)]
