"""Follows objects of a cluster: all that are there, and then each change."""

import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from kubernetes.client import ApiException
from kubernetes.informer import ADDED, DELETED, ERROR, MODIFIED, SharedInformer

from katib.runners.kubernetes.faults import first_line

# It reports each lost connection with a traceback; `trouble` says it once.
logging.getLogger("kubernetes.informer").setLevel(logging.CRITICAL)


class Watch:
    """Objects of one kind, followed in a thread until `stop`.

    Args:
        tell: called with each object that is there or changes, and whether it was deleted.
        trouble: called with what is wrong when the API server does not answer; with nothing when it does.
        plain: makes plain data of an object.
    """

    def __init__(
        self,
        listing: Callable[..., Any],
        namespace: str | None,
        selector: str,
        tell: Callable[[Any, bool], None],
        trouble: Callable[[str], None],
        *,
        plain: Callable[[Any], Any] = lambda found: found,
    ) -> None:
        self._plain = plain
        self._stopping = threading.Event()
        self._troubled = False
        self._trouble = trouble
        self._informer = SharedInformer(listing, namespace=namespace, label_selector=selector or None)
        for kind in (ADDED, MODIFIED, DELETED):
            self._informer.add_event_handler(kind, lambda found, gone=kind == DELETED: self._tell(tell, found, gone))
        self._informer.add_event_handler(ERROR, self._failed)
        self._informer.start()

    def known(self) -> list[Any]:
        """The objects that are there, as far as it was heard. What is told is known already."""
        return [self._plain(found) for found in self._informer.cache.list()]

    def stop(self) -> None:
        """Follow no more. Its thread ends when its connection does."""
        self._stopping.set()
        # Joining would wait for the server's next word.
        threading.Thread(target=self._informer.stop, daemon=True, name="katib-unwatch").start()

    def _tell(self, tell: Callable[[Any, bool], None], found: Any, gone: bool) -> None:
        if self._troubled:
            self._troubled = False
            self._trouble("")
        tell(self._plain(found), gone)

    def _failed(self, error: object) -> None:
        """Called in the informer's thread, which tries again as soon as this returns."""
        if self._stopping.is_set() or (isinstance(error, ApiException) and error.status == 410):
            return
        self._troubled = True
        self._trouble(first_line(error) if isinstance(error, Exception) else str(error))
        self._stopping.wait(1.0)


def plain_listing(listing: Callable[..., Any], *, accept: str = "") -> Callable[..., Any]:
    """A listing of the client's that gives plain data, as a watch takes it.

    `accept`: the media type to ask for, with `{kind}` in it.
    """

    def listed(**options: Any) -> Any:
        watching = bool(options.get("watch"))
        if accept:
            kind = "PartialObjectMetadata" if watching else "PartialObjectMetadataList"
            options["_headers"] = {"Accept": accept.format(kind=kind)}
        found = listing(**options)
        if watching:
            return found
        version = SimpleNamespace(resource_version=found["metadata"]["resourceVersion"])
        return SimpleNamespace(items=found["items"], metadata=version)

    # The client's watch looks there for the type of what comes: plain data.
    listed.__doc__ = ":rtype: object"
    return listed
