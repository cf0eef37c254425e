"""The study API for Python: create a study, ask for trials, report results; with a server or without.

`Client` is katib's own, `AsyncClient` the same for asyncio; `AdvisorClient` has the methods of advisor's. Importing
them loads httpx and nothing heavier; without an address the engine runs in this process, and is loaded then.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katib.client.advisor import AdvisorClient
    from katib.client.aio import AsyncClient, AsyncStudy, AsyncTrial
    from katib.client.inside import current_trial
    from katib.client.native import Client
    from katib.client.study import Hypervolume, Study
    from katib.client.trial import Measurement, Trial
    from katib.client.wire import ServerUnavailable

__all__ = [
    "AdvisorClient",
    "AsyncClient",
    "AsyncStudy",
    "AsyncTrial",
    "Client",
    "Hypervolume",
    "Measurement",
    "ServerUnavailable",
    "Study",
    "Trial",
    "current_trial",
]

_HOMES = {
    "AdvisorClient": "katib.client.advisor",
    "AsyncClient": "katib.client.aio",
    "AsyncStudy": "katib.client.aio",
    "AsyncTrial": "katib.client.aio",
    "Client": "katib.client.native",
    "Hypervolume": "katib.client.study",
    "Measurement": "katib.client.trial",
    "ServerUnavailable": "katib.client.wire",
    "Study": "katib.client.study",
    "Trial": "katib.client.trial",
    "current_trial": "katib.client.inside",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'katib.client' has no attribute {name!r}; it has: {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
