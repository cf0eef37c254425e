"""Asks algorithms: in a worker process with a deadline, restarts and a labelled fallback."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from katib.config import SuggestionSettings
    from katib.suggestion.contract import SuggestionService


def open_suggestions(settings: "SuggestionSettings | None" = None) -> "SuggestionService":
    """The suggestion service of this machine, its first worker on the way. Close it to end the workers.

    Raises InvalidInput when the settings name an endpoint that is none, and KatibError when they name some and the
    packages to reach them are not installed.
    """
    # Imported here: a worker imports this package too, and needs none of it.
    from katib.suggestion.fallback import ResilientSuggestions
    from katib.suggestion.pool import WorkerPool
    from katib.suggestion.replicates import ReplicatedSuggestions

    elsewhere = _elsewhere(settings) if settings and settings.endpoints else {}
    pool = WorkerPool(settings)
    pool.start()
    service: SuggestionService = pool
    if elsewhere:
        from katib.suggestion.routed import RoutedSuggestions

        service = RoutedSuggestions(service, elsewhere)
    return ReplicatedSuggestions(ResilientSuggestions(service, settings))


def _elsewhere(settings: "SuggestionSettings") -> "dict[str, SuggestionService]":
    from katib.rpc import check_installed
    from katib.suggestion.endpoints import connected

    def connect(endpoint: str) -> "SuggestionService":
        check_installed("an algorithm at an endpoint")
        from katib.suggestion.grpc import GrpcSuggestions

        return GrpcSuggestions(endpoint, settings)

    return connected(settings.endpoints, connect, option="--algorithm-endpoint", what="an algorithm")
