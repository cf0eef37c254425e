"""What an early stopping algorithm is: a function of what trials reported.

A whole one, complete with a checked setting:

    class Ceiling(StoppingRule):
        '''Stops a trial whose objective exceeds a ceiling.'''

        settings = (CEILING, shadow())

        def should_stop(self, trial, report, record):
            ceiling = CEILING.of(self.config)
            if report.value <= ceiling:
                return None
            return self.stop(report, report.value, Comparison.GREATER, ceiling, f"{report.value} is too much")

It is installed by an entry point `ceiling = "my_package:Ceiling"` in the group `katib.early_stopping`, and checked by
subclassing `katib.testing.early_stopping.EarlyStoppingContract`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from algorithms.options import Option, faults_of
from katib.core.advice import Setting
from katib.core.curves import Curve, Record
from katib.core.objective import Direction
from katib.core.stopping import Comparison, EarlyStop, Report, StoppingAbilities, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault, InvalidInput

SETTINGS_PATH = "spec.earlyStopping.algorithmSettings"

LAST_STEP = 2**31 - 1
"""The largest that Katib's rules have room for."""


class StoppingRule(ABC):
    """The base of early stopping algorithms that judge each report.

    `should_stop` is a function of (config, record, trial, report). An instance may cache what it likes, as long as a
    fresh one answers the same. A value that is not finite is worse than any number.

    Attributes:
        about, paper: what it says about itself, see `katib.core.advice.Description`; the docstring speaks for a class
            without.
        settings: the settings it takes; make them with `options`, and put `shadow()` among them.
        requires, install: as for search algorithms.
    """

    about: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    abilities: ClassVar[StoppingAbilities] = StoppingAbilities(live=True)
    settings: ClassVar[tuple[Setting, ...]] = ()
    requires: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""

    def __init__(self, config: StudyConfig) -> None:
        """`config`: the study, with the early stopping's own name and settings. Raises InvalidInput."""
        if faults := self.validate(config):
            raise InvalidInput(faults, what=f"early stopping algorithm {config.algorithm!r}")
        self.config = config
        self.objective = config.objective

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        """Everything wrong with the settings. Extend it for rules of your own."""
        return [replace(fault, path=path(fault.path.rpartition(".")[2])) for fault in faults_of(cls.settings, config)]

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that it looks at."""
        return frozenset({self.objective.metric})

    @abstractmethod
    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:
        """The verdict on a running trial after `report`, which its curve includes; None to let it go on."""

    def rules(self, trials: Sequence[Trial], record: Record) -> Sequence[StopRule]:
        """Rules in Katib's form for trials that start now, from the curves of finished ones.

        Override it where rules can say what the algorithm does, and declare the ability `rules`. Raises InvalidInput
        when they cannot with these settings.
        """
        raise NotImplementedError

    @property
    def worse(self) -> Comparison:
        """How a worse value of the objective compares to a better one."""
        return Comparison.GREATER if self.objective.direction is Direction.MINIMIZE else Comparison.LESS

    def cost(self, value: float) -> float:
        """The value so that less is better, and what is not finite is worst."""
        if not math.isfinite(value):
            return math.inf
        return value if self.objective.direction is Direction.MINIMIZE else -value

    def stop(self, report: Report, value: float, comparison: Comparison, threshold: float, message: str) -> EarlyStop:
        """The verdict that `value` compares so to `threshold` at `report`."""
        name = self.config.algorithm
        return EarlyStop(
            rule=name,
            metric=report.metric,
            value=value,
            comparison=comparison,
            threshold=threshold,
            step=report.step,
            message=f"{name}: {message}",
        )


def path(setting: str) -> str:
    """Where a setting stands in an Experiment."""
    return f"{SETTINGS_PATH}.{setting}"


def truth(text: str) -> bool:
    """`true` or `false`, in any case."""
    known = {"true": True, "false": False}
    if text.strip().lower() not in known:
        raise ValueError("it is neither true nor false")
    return known[text.strip().lower()]


def shadow() -> Option[bool]:
    """Judge and record, and stop nothing. The engine acts on it; every early stopping algorithm takes it."""
    return Option(
        name="shadow",
        accepts="true or false",
        default="false",
        what="Record once for each trial that it would have been stopped, and stop nothing.",
        absent=False,
        parse=truth,
        allows=lambda _value: True,
    )


def start_step(default: int, least: int, refusal: str = "") -> Option[int]:
    """The first step at which a trial is judged. `refusal`: Katib's words for one below `least`, if it has some."""
    return Option(
        name="start_step",
        accepts=f"an integer from {least} to {LAST_STEP}",
        default=str(default),
        what="The first step at which a trial is judged. Trials that give no steps: the number of the report.",
        absent=default,
        parse=int,
        allows=lambda value: least <= value <= LAST_STEP,
        refusal=refusal,
        katib_refuses=lambda value: value < least,
    )
