"""Algorithms in this process: what a worker runs, and what tests and simulations may use directly."""

from collections import OrderedDict
from collections.abc import Sequence

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault, InvalidInput
from katib.suggestion.check import checked, condition_faults
from katib.suggestion.describe import plain
from katib.suggestion.registry import Algorithm, AlgorithmClass, Registry, missing

KEPT = 64
"""Studies whose algorithm is kept between requests; the one asked longest ago is rebuilt when it is asked again."""


def study_key(config: StudyConfig) -> str:
    """What is kept of a study between requests is kept under this. Two callers may have studies of one uid."""
    return f"{config.uid}/{config.name}"


class LocalSuggestions:
    """A SuggestionService without deadline or protection: a crash is the caller's. Not for several threads at once."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or Registry()
        self._kept: OrderedDict[str, tuple[StudyConfig, Algorithm]] = OrderedDict()

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        found = self._registry.find(config.algorithm)
        unfit = _unfit(config, found)
        return (unfit,) if unfit else (*condition_faults(config, found.abilities), *found.validate(config))

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService."""
        return self._registry.find(algorithm).abilities

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService."""
        return tuple(plain(setting) for setting in self._registry.find(algorithm).settings)

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService. What the algorithm raises passes through; InvalidInput when the config has faults."""
        algorithm = self._instance(config)
        return checked(config, trials, ordinals, algorithm.suggest(sorted(trials, key=_ordinal), ordinals))

    def close(self) -> None:
        """See SuggestionService."""
        self._kept.clear()

    def _instance(self, config: StudyConfig) -> Algorithm:
        kept = self._kept.pop(study_key(config), None)
        if kept is None or kept[0] != config:
            found = self._registry.find(config.algorithm)
            if unfit := _unfit(config, found):
                raise InvalidInput((unfit,), what=f"algorithm {config.algorithm!r}")
            if faults := condition_faults(config, found.abilities):
                raise InvalidInput(faults, what=f"algorithm {config.algorithm!r}")
            kept = (config, found(config))
        self._kept[study_key(config)] = kept
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept[1]


def _unfit(config: StudyConfig, algorithm: AlgorithmClass) -> Fault | None:
    """Why the algorithm cannot be asked about this study at all, if so."""
    if config.further_objectives and not algorithm.abilities.several_objectives:
        return Fault(
            path="spec.objectives",
            given=f"{len(config.objectives)} objectives",
            wanted=f"one objective, since algorithm {config.algorithm!r} takes no more",
            hint="give `spec.objective`, or choose one that takes several (`katib algorithms` tells its abilities)",
        )
    return missing(config.algorithm, algorithm)


def _ordinal(trial: Trial) -> int:
    return trial.ordinal
