"""The trials of a study as an algorithm is told them: read once, then only what is new since."""

from dataclasses import dataclass, field

from katib.core.trial import Trial, TrialState
from katib.stores.contract import Store, TrialFilter

EVERY_STATE = frozenset(TrialState)


@dataclass
class Record:
    """The trials of one study as last read. Not thread-safe: whoever asks an algorithm does so one by one.

    Attributes:
        oblivious: the algorithm looks at no results, so what becomes of a trial that was read is no news to it.
    """

    oblivious: bool = False
    trials: dict[int, Trial] = field(default_factory=dict)
    revision: int = -1
    ordinal: int = 0

    def refresh(self, store: Store, uid: str, number: int) -> list[Trial]:
        """Every trial, advice included, by ordinal as far as they were recorded in order.

        Args:
            number: how many there were a moment ago: when fewer than are known, some were removed.
        """
        known = bool(self.trials)
        for trial in store.trials(uid, self._unread()):
            self.trials[trial.ordinal] = trial
            self.revision = max(self.revision, trial.revision)
            self.ordinal = max(self.ordinal, trial.ordinal)
        if known and len(self.trials) > number:
            self.trials, self.revision, self.ordinal = {}, -1, 0
            return self.refresh(store, uid, number)
        return list(self.trials.values())

    def _unread(self) -> TrialFilter:
        if self.oblivious:
            return TrialFilter(states=EVERY_STATE, after_ordinal=self.ordinal)
        return TrialFilter(states=EVERY_STATE, after_revision=None if self.revision < 0 else self.revision)
