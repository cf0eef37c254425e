"""Some algorithms are somewhere else: which service answers for which name."""

from collections.abc import Mapping, Sequence

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault
from katib.suggestion.contract import SuggestionService


class RoutedSuggestions:
    """A SuggestionService of several.

    Args:
        here: answers for all names that `elsewhere` has not.
        elsewhere: algorithm -> who answers for it; wins over one of the same name here.
    """

    def __init__(self, here: SuggestionService, elsewhere: Mapping[str, SuggestionService]) -> None:
        self._here = here
        self._elsewhere = dict(elsewhere)

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        return self._of(config.algorithm).validate(config)

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService."""
        return self._of(algorithm).abilities(algorithm)

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService."""
        return self._of(algorithm).settings(algorithm)

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService."""
        return self._of(config.algorithm).suggest(config, trials, ordinals)

    def close(self) -> None:
        """See SuggestionService."""
        for service in {id(each): each for each in (*self._elsewhere.values(), self._here)}.values():
            service.close()

    def _of(self, algorithm: str) -> SuggestionService:
        return self._elsewhere.get(algorithm, self._here)
