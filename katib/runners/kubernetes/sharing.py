"""One watch of a namespace for all studies that run there: a hundred of them do not ask a cluster a hundred times.

What runs trials, and its pods, is told to the study whose label it carries; what carries none, as events do, to all.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from katib.runners.kubernetes.cluster import Cluster
from katib.runners.kubernetes.objects import STUDY_LABEL
from katib.runners.kubernetes.running import Kind
from katib.runners.kubernetes.watching import Watch

Tell = Callable[[dict[str, Any], bool], None]
Trouble = Callable[[str], None]


@dataclass(eq=False)
class Listener:
    """One study's part of a watch, until `stop`."""

    study_uid: str
    tell: Tell
    trouble: Trouble
    leave: Callable[["Listener"], None]
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is told something, so that what it is told first is the oldest."""
    stopped: bool = False

    def stop(self) -> None:
        """Be told no more."""
        self.stopped = True
        self.leave(self)


class _Shared:
    """A watch of one kind of objects, and who listens to it."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.watch: Watch | None = None
        self.said = ""

    def tell(self, found: dict[str, Any], gone: bool) -> None:
        for listener in tuple(self.listeners):
            if _concerns(found, listener.study_uid):
                with listener.turn:
                    if not listener.stopped:
                        listener.tell(found, gone)

    def trouble(self, said: str) -> None:
        self.said = said
        for listener in tuple(self.listeners):
            with listener.turn:
                listener.trouble(said)


class SharedWatches:
    """The watches of one namespace. Each begins with its first listener, and ends with its last. For any thread.

    Args:
        selector: of objects and pods; by default those of any study.
    """

    def __init__(self, cluster: Cluster, selector: str = STUDY_LABEL) -> None:
        self._cluster, self._selector = cluster, selector
        self._shared: dict[tuple[str | Kind, str], _Shared] = {}
        self._lock = threading.Lock()

    def listen(
        self, what: str | Kind, study_uid: str, tell: Tell, trouble: Trouble, *, selector: str | None = None
    ) -> Listener:
        """Be told of a study's objects: all that are there, and then each change; see `Cluster.watch`.

        `selector`: of other objects than those with a study's label.
        """
        if selector is None:
            selector = "" if what == "events" else self._selector
        key = (what, selector)
        listener = Listener(study_uid, tell, trouble, lambda listener: self._leave(key, listener))
        with listener.turn:
            with self._lock:
                shared = self._shared.setdefault(key, _Shared())
                shared.listeners.append(listener)
                if shared.watch is None:
                    shared.watch = self._cluster.watch(what, selector, shared.tell, shared.trouble)
                    return listener
            # What came before it listened. What comes now waits for its turn.
            for found in shared.watch.known():
                if _concerns(found, study_uid):
                    tell(found, False)
            if shared.said:
                trouble(shared.said)
        return listener

    def _leave(self, key: tuple[str | Kind, str], listener: Listener) -> None:
        with self._lock:
            shared = self._shared[key]
            if listener in shared.listeners:
                shared.listeners.remove(listener)
            if not shared.listeners and shared.watch is not None:
                del self._shared[key]
                shared.watch.stop()


def _concerns(found: Mapping[str, Any], study_uid: str) -> bool:
    return (found["metadata"].get("labels") or {}).get(STUDY_LABEL) in (None, study_uid)
