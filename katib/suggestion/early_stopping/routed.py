"""Some early stopping is somewhere else: which service answers for which name."""

from collections.abc import Mapping, Sequence

from katib.core.advice import Setting
from katib.core.curves import Record
from katib.core.stopping import StoppingAbilities, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault
from katib.suggestion.early_stopping.contract import EarlyStopping, Judge


class RoutedEarlyStopping:
    """An `EarlyStopping` of several.

    Args:
        here: answers for all names that `elsewhere` has not.
        elsewhere: name -> who answers for it; wins over one of the same name here.
    """

    def __init__(self, here: EarlyStopping, elsewhere: Mapping[str, EarlyStopping]) -> None:
        self._here = here
        self._elsewhere = dict(elsewhere)

    def abilities(self, name: str) -> StoppingAbilities:
        """See EarlyStopping."""
        return self._of(name).abilities(name)

    def settings(self, name: str) -> tuple[Setting, ...]:
        """See EarlyStopping."""
        return self._of(name).settings(name)

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See EarlyStopping."""
        return self._of(config.algorithm).validate(config)

    def judge(self, config: StudyConfig) -> Judge:
        """See EarlyStopping."""
        return self._of(config.algorithm).judge(config)

    def rules(self, config: StudyConfig, trials: Sequence[Trial], record: Record) -> tuple[StopRule, ...]:
        """See EarlyStopping."""
        return self._of(config.algorithm).rules(config, trials, record)

    def close(self) -> None:
        """See EarlyStopping."""
        for service in {id(each): each for each in (*self._elsewhere.values(), self._here)}.values():
            service.close()

    def _of(self, name: str) -> EarlyStopping:
        return self._elsewhere.get(name, self._here)
