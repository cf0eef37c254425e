"""Asks algorithms: in a worker process with a deadline, restarts and a labelled fallback."""

import re
from typing import TYPE_CHECKING

from katib.errors import Fault, InvalidInput

if TYPE_CHECKING:
    from katib.config import SuggestionSettings
    from katib.suggestion.contract import SuggestionService


ENDPOINT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
"""host:port; an IPv6 address stands in brackets."""


def open_suggestions(settings: "SuggestionSettings | None" = None) -> "SuggestionService":
    """The suggestion service of this machine, its first worker on the way. Close it to end the workers.

    Raises InvalidInput when the settings name an endpoint that is none, and KatibError when they name some and the
    packages to reach them are not installed.
    """
    # Imported here: a worker imports this package too, and needs none of it.
    from katib.suggestion.fallback import ResilientSuggestions
    from katib.suggestion.pool import WorkerPool

    elsewhere = _elsewhere(settings) if settings and settings.endpoints else {}
    pool = WorkerPool(settings)
    pool.start()
    service: SuggestionService = pool
    if elsewhere:
        from katib.suggestion.routed import RoutedSuggestions

        service = RoutedSuggestions(service, elsewhere)
    return ResilientSuggestions(service, settings)


def _elsewhere(settings: "SuggestionSettings") -> "dict[str, SuggestionService]":
    """Who answers for the algorithms that have an endpoint; one connection for each endpoint."""
    from katib.rpc import check_installed

    if faults := [
        _fault(name, at) for name, at in settings.endpoints.items() if not name or not ENDPOINT.fullmatch(at)
    ]:
        raise InvalidInput(faults, what="the endpoints of algorithms")
    check_installed("an algorithm at an endpoint")
    from katib.suggestion.grpc import GrpcSuggestions

    services = {endpoint: GrpcSuggestions(endpoint, settings) for endpoint in set(settings.endpoints.values())}
    return {name: services[endpoint] for name, endpoint in settings.endpoints.items()}


def _fault(name: str, endpoint: str) -> Fault:
    wanted = "NAME=HOST:PORT, the name of an algorithm and where a server answers for it"
    return Fault(path="--algorithm-endpoint", given=f"{name}={endpoint}", wanted=wanted)
