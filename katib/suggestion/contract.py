"""The port to algorithms, in words. `katib.testing.algorithms` holds every implementation to it.

* An answer is a function of (config, trials, ordinals). A cache may make it cheap; losing it changes nothing but time.
* `suggest` answers for a prefix of the ordinals asked; an empty answer without `exhausted` is a failure.
* A crash, hang or timeout surfaces as AlgorithmFailed within the deadline, never as a hang of the caller.
"""

from collections.abc import Sequence
from typing import Protocol

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault


class SuggestionService(Protocol):
    """Something that answers for algorithms."""

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """Everything wrong with the study's algorithm settings and space. Raises AlgorithmUnknown, AlgorithmFailed.

        A space without parameters is one that is not known: then of the settings alone, as far as that can be told.
        """
        ...

    def abilities(self, algorithm: str) -> Abilities:
        """What the algorithm can do. Raises AlgorithmUnknown."""
        ...

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """The settings it takes. Raises AlgorithmUnknown."""
        ...

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """Assignments for `ordinals`, given all `trials` on record (advised ones included). Raises AlgorithmFailed."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...
