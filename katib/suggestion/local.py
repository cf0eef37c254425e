"""Algorithms in this process: what a worker runs, and what tests and simulations may use directly."""

from collections import OrderedDict
from collections.abc import Sequence

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault, InvalidInput, SuggestionError
from katib.suggestion.check import checked, condition_faults, objective_faults
from katib.suggestion.describe import plain
from katib.suggestion.registry import Algorithm, Registry, missing

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
        if absent := missing(config.algorithm, found):
            return (absent,)
        if not config.space.parameters:
            return tuple(getattr(found, "validate_settings", _nothing)(config))
        return (*self._unfit(config, found.abilities), *found.validate(config))

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
            absent = missing(config.algorithm, found)
            if faults := (absent,) if absent else self._unfit(config, found.abilities):
                raise InvalidInput(faults, what=f"algorithm {config.algorithm!r}")
            kept = (config, found(config))
        self._kept[study_key(config)] = kept
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept[1]

    def _unfit(self, config: StudyConfig, abilities: Abilities) -> tuple[Fault, ...]:
        """What the algorithm cannot do, and the study asks for."""
        single = config.further_objectives and not abilities.several_objectives
        others = [name for name in self._registry.names if self._takes_several(name)] if single else []
        return (*objective_faults(config, abilities, others), *condition_faults(config, abilities))

    def _takes_several(self, algorithm: str) -> bool:
        try:
            return self._registry.find(algorithm).abilities.several_objectives
        except SuggestionError:
            return False


def _nothing(_config: StudyConfig) -> tuple[Fault, ...]:
    """What an algorithm finds wrong that cannot judge its settings alone."""
    return ()


def _ordinal(trial: Trial) -> int:
    return trial.ordinal
