"""The study API for Python: create a study, ask for trials, report results; with a server or without.

`AdvisorClient` has the methods of advisor's client. Importing it loads httpx and nothing heavier; without an address
the engine runs in this process, and is loaded then.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katib.client.advisor import AdvisorClient

__all__ = ["AdvisorClient"]

_HOMES = {"AdvisorClient": "katib.client.advisor"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'katib.client' has no attribute {name!r}; it has: {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
