"""The trials of a study as an algorithm is told them: read once, then only what changed since."""

from dataclasses import dataclass, field

from katib.core.trial import Trial, TrialState
from katib.stores.contract import Store, TrialFilter

EVERY_STATE = frozenset(TrialState)


@dataclass
class Record:
    """The trials of one study as last read. Not thread-safe: whoever asks an algorithm does so one by one."""

    trials: dict[int, Trial] = field(default_factory=dict)
    revision: int = -1

    def refresh(self, store: Store, uid: str) -> list[Trial]:
        """Every trial, advice included, by ordinal as far as they were recorded in order."""
        after = None if self.revision < 0 else self.revision
        for trial in store.trials(uid, TrialFilter(states=EVERY_STATE, after_revision=after)):
            self.trials[trial.ordinal] = trial
            self.revision = max(self.revision, trial.revision)
        return list(self.trials.values())
