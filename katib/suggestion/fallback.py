"""When an algorithm fails, the study goes on: random points, labelled as such, that were not used before."""

import threading
import time
from collections.abc import Callable, Sequence

from katib.config import SuggestionSettings
from katib.core.advice import FALLBACK_LABEL, Abilities, Advice, AdviceReply, Setting
from katib.core.draw import UsedPoints, draw_unused
from katib.core.encode import Cube
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, Fault
from katib.suggestion.contract import SuggestionService


def fallback(
    config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int], error: AlgorithmFailed
) -> AdviceReply:
    """Points for `ordinals`: a function of the study and its record, as an algorithm's answers are."""
    cube, used = Cube(config.space), UsedPoints(config.space)
    for trial in trials:
        used.add(trial.assignment)
    advice: list[Advice] = []
    for ordinal in ordinals:
        point = draw_unused(cube, used, f"fallback/{config.uid}/{ordinal}")
        if point is None:
            said = "every point of the search space was suggested"
            return AdviceReply(advice=tuple(advice), exhausted=said, failure=str(error))
        used.add(point)
        advice.append(Advice(ordinal=ordinal, assignment=point, labels={FALLBACK_LABEL: error.why}))
    return AdviceReply(advice=tuple(advice), failure=str(error))


class ResilientSuggestions:
    """A SuggestionService whose `suggest` never fails for the algorithm's sake.

    A failure is tried once more with a fresh worker while less than half of the deadline has passed, so one that hangs
    is not waited for twice; then the fallback answers, and goes on answering for that study for `rest` seconds. What
    is wrong with the user's input passes through: AlgorithmUnknown, InvalidInput.
    """

    def __init__(
        self,
        service: SuggestionService,
        settings: SuggestionSettings | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._settings = settings or SuggestionSettings()
        self._now = now
        self._resting: dict[str, tuple[float, AlgorithmFailed]] = {}
        self._lock = threading.Lock()

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        return self._service.validate(config)

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService."""
        return self._service.abilities(algorithm)

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService."""
        return self._service.settings(algorithm)

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService; `failure` of the reply says why the fallback answered."""
        error = self._recent_failure(config.uid)
        if error is None:
            try:
                return self._try_twice(config, trials, ordinals)
            except AlgorithmFailed as failed:
                error = failed
                with self._lock:
                    self._resting[config.uid] = (self._now() + self._settings.rest, error)
        return fallback(config, trials, ordinals, error)

    def close(self) -> None:
        """See SuggestionService."""
        self._service.close()

    def _try_twice(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        asked = self._now()
        try:
            return self._service.suggest(config, trials, ordinals)
        except AlgorithmFailed:
            if self._now() - asked >= self._settings.deadline / 2:
                raise
        return self._service.suggest(config, trials, ordinals)

    def _recent_failure(self, uid: str) -> AlgorithmFailed | None:
        """The failure that the study's algorithm still rests from."""
        with self._lock:
            now = self._now()
            self._resting = {each: (until, error) for each, (until, error) in self._resting.items() if until > now}
            return self._resting[uid][1] if uid in self._resting else None
