"""The loop: takes names from the queue, looks at each study it owns, keeps its lease, and backs off from trouble."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from katib.config import Settings
from katib.controller.asking import Asker
from katib.controller.owned import OwnedStudy
from katib.controller.queue import WorkQueue
from katib.controller.reconcile import Looked, look
from katib.core.study import Study
from katib.core.trial import Trial
from katib.errors import Conflict, KatibError, Stale, StoreError
from katib.stores.contract import Changes, Event, Store, Wish
from katib.suggestion.contract import SuggestionService

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a look found, for people to see.

    Attributes:
        error: why the last look failed; empty when it did not.
        over: there is nothing more to look at: the study has ended, or belongs to somebody else.
    """

    looked: Looked | None = None
    error: str = ""
    over: bool = False


@dataclass
class _Watched:
    owned: OwnedStudy
    renewed: float
    on_progress: Callable[[Progress], None]
    progress: Progress = field(default_factory=Progress)
    over: threading.Event = field(default_factory=threading.Event)
    failure: KatibError | None = None
    looking: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody works on the study."""


class Controller:
    """Carries the studies it owns to their verdicts, in the thread that calls `run_until_over` or `run`.

    Studies may be taken and let go from any thread.

    Args:
        now: seconds since the epoch; the controller's only clock for what it records.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._queue = WorkQueue(
            first_delay=settings.controller.first_error_delay, longest_delay=settings.controller.longest_error_delay
        )
        self._asker = Asker(suggestions, store, on_answer=self._queue.add)
        self._watched: dict[str, _Watched] = {}
        self._stopping: set[str] = set()

    def take(self, owned: OwnedStudy, on_progress: Callable[[Progress], None] = lambda _progress: None) -> None:
        """Look after a study from now on."""
        self._watched[owned.name] = _Watched(owned=owned, renewed=self._now(), on_progress=on_progress)
        owned.runner.on_change(lambda: self._queue.add(owned.name))
        self._queue.add(owned.name)

    def watches(self, name: str) -> bool:
        """Whether it looks after that study."""
        return name in self._watched

    def let_go(self, name: str) -> None:
        """Give up a study's lease, and look after it no more, once a look that is under way is over."""
        watched = self._watched.pop(name)
        with watched.looking:
            self._store.release(watched.owned.lease)

    def remove(self, name: str, trial: Trial, why: str) -> None:
        """Take a trial of a study off the record, and end its run. Raises what `Store.commit` raises."""
        watched = self._watched[name]
        owned, now = watched.owned, self._now()
        with watched.looking:
            owned.view = None
            event = Event(time=now, kind="Normal", reason="TrialRemoved", message=f"{trial.name}: {why}")
            self._store.commit(owned.lease, Changes(removed=[trial.ordinal], events=[event]), now=now)
            owned.unsaved.pop((trial.name, trial.attempt), None)
            owned.runner.stop((trial.name, trial.attempt))
            owned.runner.forget([(trial.name, trial.attempt)])
        self.wake(name)

    def wake(self, name: str) -> None:
        """Look at a study now: something about it changed."""
        watched = self._watched.get(name)
        if watched is not None:
            watched.owned.changed = True
        self._queue.add(name)

    def stop(self, name: str) -> None:
        """Stop a study cleanly, as soon as that can be written down; safe from any thread."""
        self._stopping.add(name)
        self._queue.add(name)

    def news(self, name: str) -> None:
        """Look at a study now: there is news of its trials, and nothing that the record does not say."""
        self._queue.add(name)

    def run_until_over(self, name: str) -> Study:
        """Work until the study has come to an end and nothing of it runs.

        Raises Stale when another process took the study over.
        """
        watched = self._watched[name]
        while not watched.over.is_set():
            self._step(self._settings.controller.wish_poll)
        if watched.failure is not None:
            raise watched.failure
        return self._store.get_study(name)

    def run(self, stopping: threading.Event) -> None:
        """Work on whatever studies there are until told to stop. What goes wrong with one is no other's concern."""
        while not stopping.is_set():
            try:
                self._step(self._settings.controller.wish_poll)
            except Exception:
                log.exception("a study cannot be looked at")

    def close(self) -> None:
        """Give up every study's lease and stop asking. Runs go on."""
        self._asker.close()
        for watched in self._watched.values():
            # A lease that cannot be given up, as on a full disk, runs out, or its owner is found dead.
            with suppress(StoreError):
                self._store.release(watched.owned.lease)
        self._watched.clear()

    def _step(self, timeout: float) -> None:
        name = self._queue.get(timeout)
        watched = self._watched.get(name) if name is not None else None
        if name is None or watched is None:
            return
        with watched.looking:
            self._look(name, watched)

    def _look(self, name: str, watched: _Watched) -> None:
        if self._watched.get(name) is not watched:
            return
        try:
            self._renew(watched)
            self._record_stop(watched)
            looked = look(watched.owned, self._store, self._asker, self._settings.controller, now=self._now())
        except Conflict:
            self._queue.add(name)
        except Stale as error:
            watched.failure = error
            watched.over.set()
            self._publish(watched, Progress(looked=watched.progress.looked, error=str(error), over=True))
        except KatibError as error:
            # Whatever it is (the store is away, the disk is full, the algorithm fails), trials that run go on running
            # and what they report is kept; the look is simply tried again.
            self._queue.failed(name)
            self._publish(watched, Progress(looked=watched.progress.looked, error=str(error)))
        except Exception:
            self._queue.failed(name)
            raise
        else:
            self._queue.succeeded(name)
            self._publish(watched, Progress(looked=looked, over=looked.over))
            if looked.over:
                watched.over.set()
            else:
                self._queue.add(name, after=looked.again_in)

    def _renew(self, watched: _Watched) -> None:
        now, lease = self._now(), self._settings.lease
        if now - watched.renewed >= lease.renew_every or now < watched.renewed:
            self._store.renew(watched.owned.lease, now=now, seconds=lease.seconds)
            watched.owned.changed = True
            watched.renewed = now

    def _record_stop(self, watched: _Watched) -> None:
        name = watched.owned.name
        if name in self._stopping:
            self._store.wish(name, Wish(stop=True), now=self._now())
            watched.owned.changed = True
            self._stopping.discard(name)

    def _publish(self, watched: _Watched, progress: Progress) -> None:
        watched.progress = progress
        watched.on_progress(progress)
