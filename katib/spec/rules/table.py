"""What a rule is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from katib.errors import Fault
from katib.spec.experiment import Experiment

Check = Callable[[Experiment], Iterator[Fault]]
"""Every fault of one kind in an experiment that has its defaults."""


class Cluster(StrEnum):
    """What enforces a rule on a cluster."""

    CRD = "CRD"
    OPERATOR = "operator"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that an Experiment must be.

    Attributes:
        id: its name, for people and tests.
        refuses: what it refuses, in words.
        check: finds the faults on this machine; None where only a cluster can.
        cluster: what enforces it on a cluster.
        katib: the number of Katib's own rule in our list of them; 0 where Katib has none.
    """

    id: str
    refuses: str
    check: Check | None
    cluster: Cluster
    katib: int = 0


def by_type(_experiment: Experiment) -> Iterator[Fault]:
    """The check of a rule that the types of `katib.spec.experiment` keep: nothing is left to find."""
    return iter(())
