"""Everything that is installed: search algorithms and early stopping, each described."""

from collections.abc import Callable, Mapping

from katib.core.advice import Abilities, Description, Kind
from katib.core.stopping import StoppingAbilities
from katib.errors import AlgorithmUnknown
from katib.suggestion.describe import describe
from katib.suggestion.early_stopping.local import stopping_registry
from katib.suggestion.registry import Registry

REGISTRIES: Mapping[Kind, Callable[[], Registry]] = {Kind.SEARCH: Registry, Kind.EARLY_STOPPING: stopping_registry}
ABILITIES: Mapping[Kind, type] = {Kind.SEARCH: Abilities, Kind.EARLY_STOPPING: StoppingAbilities}
"""What the abilities of a kind are."""


def find(name: str, kinds: tuple[Kind, ...]) -> list[Description]:
    """Those of that name, at most one of each kind.

    Raises AlgorithmUnknown when there is none, and SuggestionError when one cannot be loaded.
    """
    registries = [REGISTRIES[kind]() for kind in kinds]
    found = [describe(registry, name) for registry in registries if name in registry.names]
    if found:
        return found
    unknown = []
    for registry in registries:
        try:
            registry.find(name)
        except AlgorithmUnknown as error:
            unknown.append(error)
    raise AlgorithmUnknown("; ".join(each.message for each in unknown), hint="; ".join(each.hint for each in unknown))
