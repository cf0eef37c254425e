"""Asks algorithms: in a worker process with a deadline, restarts and a labelled fallback."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from katib.config import SuggestionSettings
    from katib.suggestion.contract import SuggestionService


def open_suggestions(settings: "SuggestionSettings | None" = None) -> "SuggestionService":
    """The suggestion service of this machine, its first worker on the way. Close it to end the workers."""
    # Imported here: a worker imports this package too, and needs none of it.
    from katib.suggestion.fallback import ResilientSuggestions
    from katib.suggestion.pool import WorkerPool

    pool = WorkerPool(settings)
    pool.start()
    return ResilientSuggestions(pool, settings)
