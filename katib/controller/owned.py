"""A study that this process owns: its lease, its template, its runner, and what is not saved yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from katib.core.advice import Abilities
from katib.core.observation import MetricPoint
from katib.core.run import RunKey, RunReport
from katib.core.study import RetryPolicy
from katib.runners.contract import TrialRunner
from katib.spec.experiment import Experiment
from katib.spec.render import Template
from katib.spec.study import objective
from katib.stores.contract import Lease


@dataclass
class OwnedStudy:
    """What the controller keeps for a study between two looks. All of it can be lost: the store has the truth.

    Attributes:
        unsaved: points that the runner delivered and no commit has taken yet; delivered again after a restart.
        refused: runs that could not be ordered because their manifest could not be made, with the reason.
    """

    lease: Lease
    experiment: Experiment
    effective: Mapping[str, Any]
    template: Template
    runner: TrialRunner
    retry: RetryPolicy
    abilities: Abilities
    unsaved: dict[RunKey, tuple[MetricPoint, ...]] = field(default_factory=dict)
    refused: dict[RunKey, RunReport] = field(default_factory=dict)
    adopted: bool = False

    @property
    def name(self) -> str:
        return self.lease.study

    @property
    def uid(self) -> str:
        return self.lease.uid

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """What to collect, the objective first."""
        return objective(self.experiment).metrics

    @property
    def collector(self) -> Mapping[str, Any]:
        """The effective metricsCollectorSpec, as plain data."""
        return dict(self.effective["spec"]["metricsCollectorSpec"])

    @property
    def container(self) -> str:
        """The primary container's name."""
        return str(self.effective["spec"]["trialTemplate"]["primaryContainerName"])
