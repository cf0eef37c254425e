"""The port to early stopping, in words. `katib.testing.early_stopping` holds every implementation to it.

* What it is told of a study is a `StudyConfig` whose `algorithm` and `settings` are those of early stopping.
* A verdict is a function of (config, record, trial, report). A cache may make it cheap, and losing it changes nothing.
* An algorithm with the ability `live` gives a judge, which is asked at each report of a running trial. Any other gives
  rules in Katib's form: they are attached to a trial when it starts, never change for it, and are evaluated by
  `katib.core.stopping`. One that is live may give rules, too: for Katib's controller, which knows nothing else.
* Settings may be validated before the study is known, as Katib does: then the space has no parameters and the
  objective's metric no name, and whether a metric is collected cannot be told.
* It decides nothing but whether a trial's numbers are hopeless: who is stopped, and when, is for the engine.
"""

from collections.abc import Sequence
from typing import Protocol

from katib.core.advice import Setting
from katib.core.curves import Curve, Record
from katib.core.stopping import EarlyStop, Report, StoppingAbilities, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault


class Judge(Protocol):
    """Judges the trials of one study.

    Attributes:
        metrics: those that it looks at; it is shown no others.
    """

    @property
    def metrics(self) -> frozenset[str]: ...

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:
        """The verdict on a running trial, after `report`; None to let it go on.

        Args:
            trial: its curve, `report` included.
            record: the curves of all trials, this one among the running ones. Read, never changed.
        """
        ...


class EarlyStopping(Protocol):
    """Something that answers for early stopping algorithms."""

    def abilities(self, name: str) -> StoppingAbilities:
        """What the algorithm can do. Raises AlgorithmUnknown."""
        ...

    def settings(self, name: str) -> tuple[Setting, ...]:
        """The settings it takes. Raises AlgorithmUnknown."""
        ...

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """Everything wrong with the settings. Raises AlgorithmUnknown, AlgorithmFailed."""
        ...

    def judge(self, config: StudyConfig) -> Judge:
        """A judge for a study; of a live algorithm only. Raises InvalidInput when the settings have faults."""
        ...

    def rules(self, config: StudyConfig, trials: Sequence[Trial], record: Record) -> tuple[StopRule, ...]:
        """Rules for trials that start now.

        Args:
            trials: all on record.
            record: the curves of the finished ones, as far as they are known.

        Raises:
            InvalidInput: the algorithm gives none, or none that would mean what the settings ask for.
            AlgorithmFailed: it could not answer.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
