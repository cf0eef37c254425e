"""Algorithms that look at no results apart from those that learn, so that the quick never wait for the slow."""

from collections.abc import Sequence

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault
from katib.suggestion.contract import SuggestionService


class SplitSuggestions:
    """A SuggestionService of two.

    Args:
        quick: validates, describes, and answers for algorithms that are oblivious.
        learning: answers for all others.
    """

    def __init__(self, quick: SuggestionService, learning: SuggestionService) -> None:
        self._quick = quick
        self._learning = learning

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        return self._quick.validate(config)

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService."""
        return self._quick.abilities(algorithm)

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService."""
        return self._quick.settings(algorithm)

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService."""
        service = self._quick if self._quick.abilities(config.algorithm).oblivious else self._learning
        return service.suggest(config, trials, ordinals)

    def close(self) -> None:
        """See SuggestionService."""
        self._quick.close()
        self._learning.close()
