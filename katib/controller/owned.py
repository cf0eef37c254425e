"""A study that this process owns: its lease, its orders, its runner, and what is not saved yet."""

from dataclasses import dataclass, field

from katib.controller.orders import Orders
from katib.controller.stopping import Stopper
from katib.core.advice import Abilities
from katib.core.observation import MetricPoint
from katib.core.run import RunKey, RunReport
from katib.core.study import RetryPolicy
from katib.runners.contract import TrialRunner
from katib.stores.contract import Lease, StudyView

NEWEST = 0.2
"""The weight of the newest run in the time that runs take lately."""


@dataclass
class OwnedStudy:
    """What the controller keeps for a study between two looks. All of it can be lost: the store has the truth.

    Attributes:
        unsaved: points that the runner delivered and no commit has taken yet; delivered again after a restart.
        adopted: whether the runner was told of what a predecessor may have left.
        view: the study as last read or written; None when it has to be read.
        read_at: when it was read last.
        changed: somebody in this process has changed the study: `view` is old, whatever the time.
        stopper: judges running trials; None in a study without early stopping.
        seconds: how long trials run lately; None before the first one has ended.
        refused: runs that could not be ordered because their manifest could not be made, with the reason.
    """

    lease: Lease
    orders: Orders
    runner: TrialRunner
    retry: RetryPolicy
    abilities: Abilities
    unsaved: dict[RunKey, tuple[MetricPoint, ...]] = field(default_factory=dict)
    refused: dict[RunKey, RunReport] = field(default_factory=dict)
    stopper: Stopper | None = None
    adopted: bool = False
    view: StudyView | None = None
    read_at: float = 0.0
    changed: bool = False
    seconds: float | None = None

    def took(self, seconds: float) -> None:
        """A run has ended that took so long."""
        self.seconds = seconds if self.seconds is None else self.seconds + (seconds - self.seconds) * NEWEST

    @property
    def ahead(self) -> bool:
        """Whether trials may be launched before there is a place for them: nothing can come up that forbids them."""
        return self.runner.queues and self.abilities.oblivious and self.stopper is None

    def close(self) -> None:
        """Let go of its runs, which go on, and judge no more."""
        self.runner.close()
        if self.stopper is not None:
            self.stopper.close()

    @property
    def name(self) -> str:
        return self.lease.study

    @property
    def uid(self) -> str:
        return self.lease.uid
