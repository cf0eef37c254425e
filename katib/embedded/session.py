"""An engine in this process: a store, a runner per study, algorithms in a worker, and the controller over them."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from katib.config import Settings
from katib.controller.controller import Controller, Progress
from katib.controller.opening import Opener
from katib.controller.owned import OwnedStudy
from katib.core.study import Study, run_by_clients
from katib.embedded.runners import open_runner
from katib.errors import Fault, InvalidInput, LeaseHeld
from katib.service.owners import Owner
from katib.service.studies import Studies
from katib.stores.contract import Lease, Store, Wish
from katib.suggestion import open_suggestions
from katib.suggestion.early_stopping import open_early_stopping
from katib.suggestion.early_stopping.contract import EarlyStopping


class Session:
    """Everything needed to run studies on this machine. A context manager; leaving it lets runs go on.

    Args:
        store: a path or URL.
        early_stopping: who answers for it; None for who the settings name.
    """

    def __init__(
        self, store: str, settings: Settings | None = None, *, early_stopping: EarlyStopping | None = None
    ) -> None:
        self.settings = settings or Settings()
        # The worker starts while the libraries of the store are loaded: each takes a good part of the time to the first
        # trial.
        self.suggestions = open_suggestions(self.settings.suggestion)
        from katib.stores.opening import open_store

        self.store: Store = open_store(store)
        self.early_stopping: EarlyStopping = early_stopping or open_early_stopping(self.settings.early_stopping)
        self.studies = Studies(self.store, now=time.time)
        self._controller = Controller(self.store, self.suggestions, self.settings)
        self._opener = Opener(self.store, self.suggestions, self.early_stopping, self.settings, self._controller.news)
        self._owned: dict[str, OwnedStudy] = {}
        self._closing = threading.Lock()

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, name: str, on_progress: Callable[[Progress], None] = lambda _progress: None) -> Study:
        """Carry a study to its end, in the calling thread, and return it. May be called again when it was interrupted.

        Raises:
            LeaseHeld: another live process runs it.
            Stale: another process took it over meanwhile.
        """
        owned = self.own(name)
        if not self._controller.watches(name):
            self._controller.take(owned, on_progress)
        with _short_turns():
            return self._controller.run_until_over(name)

    def grace(self, name: str) -> float:
        """Seconds that a run of a study which is owned here gets to end when it is stopped."""
        return self.own(name).orders.grace

    def interrupt(self, name: str) -> None:
        """Ask a study that runs here to stop cleanly; safe from any thread."""
        self._controller.stop(name)

    def kill(self, name: str) -> None:
        """End every run of a study at once, and record that it is stopped: they are found dead, as after a crash."""
        owned = self._owned.pop(name)
        owned.runner.close(kill=True)
        if owned.stopper is not None:
            owned.stopper.close()
        self._controller.let_go(name)
        self.store.wish(name, Wish(stop=True), now=time.time())
        self.run(name)

    def close(self) -> None:
        """Give up leases, let go of runs, end the workers, close the store."""
        with self._closing:
            self._controller.close()
            for owned in self._owned.values():
                owned.close()
            self._owned.clear()
            self.suggestions.close()
            self.early_stopping.close()
            self.store.close()

    def own(self, name: str) -> OwnedStudy:
        """Become the owner of a study, unless this session is that already. Raises LeaseHeld, NotFound."""
        return self._owned.get(name) or self._take(name)

    def _take(self, name: str) -> OwnedStudy:
        if run_by_clients(self.store.get_study(name)):
            fault = Fault(
                path="study", given=name, wanted="one with a trialTemplate: clients run the trials of this one"
            )
            raise InvalidInput([fault], what="the study")
        lease = self._acquire(name)
        study = self.store.get_study(name)
        owned = self._opener.open(lease, study, open_runner(study))
        self._owned[name] = owned
        return owned

    def _acquire(self, name: str) -> Lease:
        study = self.store.get_study(name)
        owner = Owner.parse(study.owner)
        dead = study.owner if owner is not None and owner.is_dead() else ""
        try:
            return self.store.acquire(
                name, str(Owner.me()), now=time.time(), seconds=self.settings.lease.seconds, dead=dead
            )
        except LeaseHeld as error:
            by = owner.described if owner else "another process"
            raise LeaseHeld(
                f"study {name!r} is being run by {by}",
                hint=f"`katib resume {name}` watches it, `katib explain {name}` says more, `katib stop {name}` ends it",
            ) from error


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let threads take turns more often than every 5 ms, Python's default.

    The thread that hears of ended runs and the one that decides about them share the interpreter; with the default the
    first waits for the second longer than a short trial takes.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, 0.0005))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
