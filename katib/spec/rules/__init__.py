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


def check(experiment: Experiment) -> list[Fault]:
    """Every fault of an experiment that has its defaults."""
    return [fault for rule in RULES if rule.check is not None for fault in rule.check(experiment)]
