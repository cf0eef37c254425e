"""Early stopping algorithms in this process: found by entry point, like search algorithms."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, cast

from katib.core.advice import Setting
from katib.core.curves import Record
from katib.core.stopping import StoppingAbilities, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, Fault, InvalidInput
from katib.suggestion.check import stopping_faults
from katib.suggestion.describe import plain
from katib.suggestion.early_stopping.contract import Judge
from katib.suggestion.registry import Registry, missing

GROUP = "katib.early_stopping"
"""The entry point group: `name = "package.module:Class"`."""

NAME_PATH = "spec.earlyStopping.algorithmName"


class RuleMaker(Protocol):
    """An instance of an algorithm that gives rules."""

    def rules(self, trials: Sequence[Trial], record: Record) -> Sequence[StopRule]:
        """Rules for trials that start now; `record` has the curves of finished ones. Raises InvalidInput."""
        ...


class StoppingClass(Protocol):
    """What an entry point names; `algorithms.stopping.base.StoppingRule` is a base class for it.

    An instance is a `Judge` when the class is live, a `RuleMaker` when it gives rules, or both. `about`, `paper`,
    `requires` and `install` are optional, as for search algorithms.
    """

    abilities: StoppingAbilities
    settings: Sequence[Setting]

    def __call__(self, config: StudyConfig) -> Judge | RuleMaker: ...

    def validate(self, config: StudyConfig) -> Iterable[Fault]:
        """Everything wrong with the settings."""
        ...


def stopping_registry() -> Registry:
    """The early stopping algorithms that installed packages declare."""
    return Registry(group=GROUP, kind="early stopping algorithm")


class LocalEarlyStopping:
    """See `EarlyStopping`."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or stopping_registry()

    @property
    def names(self) -> list[str]:
        """Every name, sorted."""
        return self._registry.names

    def abilities(self, name: str) -> StoppingAbilities:
        """See EarlyStopping."""
        return self._find(name).abilities

    def settings(self, name: str) -> tuple[Setting, ...]:
        """See EarlyStopping."""
        return tuple(plain(setting) for setting in self._find(name).settings)

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See EarlyStopping."""
        found = self._find(config.algorithm)
        absent = missing(config.algorithm, found)  # type: ignore[arg-type]  # it reads what both kinds have
        if absent:
            return (replace(absent, path=NAME_PATH),)
        others = [name for name in self.names if self.abilities(name).several_objectives]
        return (*stopping_faults(config, found.abilities, others), *found.validate(config))

    def judge(self, config: StudyConfig) -> Judge:
        """See EarlyStopping."""
        return cast(Judge, self._made(config))

    def rules(self, config: StudyConfig, trials: Sequence[Trial], record: Record) -> tuple[StopRule, ...]:
        """See EarlyStopping."""
        maker = cast(RuleMaker, self._made(config))
        if not self.abilities(config.algorithm).rules:
            raise InvalidInput([self._no_rules(config.algorithm)], what=f"early stopping {config.algorithm!r}")
        try:
            return tuple(maker.rules(sorted(trials, key=lambda trial: trial.ordinal), record))
        except InvalidInput:
            raise
        except Exception as error:
            said = f"early stopping algorithm {config.algorithm!r} raised {type(error).__name__}: {error}"
            raise AlgorithmFailed(said, why="error") from error

    def close(self) -> None:
        """See EarlyStopping."""

    def _no_rules(self, name: str) -> Fault:
        wanted = (
            f"{name} judges every report of a running trial; rules in Katib's form, which are fixed when a trial "
            "starts, cannot say what it does"
        )
        others = [each for each in self.names if self.abilities(each).rules]
        return Fault(path=NAME_PATH, given=name, wanted=wanted, hint=f"these give rules: {', '.join(others)}")

    def _made(self, config: StudyConfig) -> Judge | RuleMaker:
        if faults := self.validate(config):
            raise InvalidInput(faults, what=f"early stopping algorithm {config.algorithm!r}")
        return self._find(config.algorithm)(config)

    def _find(self, name: str) -> StoppingClass:
        return cast(StoppingClass, self._registry.find(name))
