"""The studies that a process serves for their clients: what it keeps of each, and how a change of one is written.

Nobody owns such a study. A change is decided on the view that was read or written last, and written only if the study
still is as in that view; else it is read and decided about again. Losing all that is kept here costs time only.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from katib.core.study import Study, StudyConfig, run_by_clients
from katib.core.trial import Trial, TrialState
from katib.errors import Conflict, Fault, InvalidInput, KatibError, NotFound
from katib.service.record import Record
from katib.service.studies import find_study
from katib.service.turns import Turn
from katib.spec.prepare import from_effective
from katib.spec.study import stopping_config, study_config
from katib.stores.contract import Changes, Lease, Store, StudyView
from katib.suggestion.contract import SuggestionService

T = TypeVar("T")

Decide = Callable[[StudyView, float], tuple[Changes | None, T]]
"""From a view and the time to what to write, if anything, and a result."""

MOST_OPEN = 1000
"""Studies that a process keeps at hand."""


@dataclass
class OpenStudy:
    """What this process keeps of a study that it serves. Losing it changes nothing but time.

    Attributes:
        study: as it was read first; good for what never changes of it.
        stopping: what early stopping is told of it; None without.
        turn: held while the study is read, decided about and written.
        asking: held while its algorithm is asked, which may take long; trials are reported and completed meanwhile.
        wanted: advice that clients are waiting for, the unused one included: who asks next, asks for all of it.
        answered: how often the algorithm gave advice.
        view: the study as it was read or written last. What is decided on it is written only if it still is so.
    """

    study: Study
    config: StudyConfig
    stopping: StudyConfig | None
    oblivious: bool
    turn: Turn = field(default_factory=Turn)
    asking: Turn = field(default_factory=Turn)
    record: Record = field(default_factory=Record)
    wanted: int = 0
    answered: int = 0
    view: StudyView | None = None


@dataclass(frozen=True, kw_only=True)
class Done(Generic[T]):
    """What came of a decision: its result, the study afterwards, and the trials that were written."""

    result: T
    view: StudyView
    changed: tuple[Trial, ...] = ()


class _Gone(NotFound):
    """A study that was here is not in the store any more."""


class OpenStudies:
    """See above. Thread-safe.

    Args:
        suggestions: who knows the abilities of algorithms.
        now: seconds since the epoch.
        advice: how much unused advice to read with a study at least.
        on_gone: called with the uid of a study that was deleted.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        *,
        now: Callable[[], float],
        advice: int,
        on_gone: Callable[[str], None],
    ) -> None:
        self._store = store
        self._suggestions = suggestions
        self._now = now
        self._advice = advice
        self._on_gone = on_gone
        self._open: dict[str, OpenStudy] = {}
        self._uids: dict[str, str] = {}
        self._opening = threading.Lock()

    def get(self, key: str) -> OpenStudy:
        """What is kept of the study of that name or uid. Raises NotFound, and InvalidInput when the engine runs it."""
        with self._opening:
            opened = self._open.get(self._uids.get(key, ""))
        if opened is not None:
            return opened
        study = find_study(self._store, key)
        if not run_by_clients(study):
            fault = Fault(path=key, wanted="a study that its clients run; the engine runs this one's trials")
            raise InvalidInput([fault], what="the study", hint=f"`katib resume {study.name}` runs it")
        experiment = from_effective(study.effective)
        config = study_config(experiment, uid=study.uid)
        new = OpenStudy(
            study=study,
            config=config,
            stopping=stopping_config(experiment, uid=study.uid),
            oblivious=self._suggestions.abilities(config.algorithm).oblivious,
        )
        with self._opening:
            if len(self._open) >= MOST_OPEN:
                self._open.clear()
                self._uids.clear()
            self._uids[key] = study.uid
            return self._open.setdefault(study.uid, new)

    def change(
        self,
        key: str,
        decide: "Decide[T]",
        *,
        advice: int = 0,
    ) -> "Done[T]":
        """Decide about a study, and write that; once more whenever it changed meanwhile."""
        opened = self.get(key)
        try:
            return self._decide(opened, decide, advice)
        except _Gone:
            self.forget(opened.config.uid)
            # Another one may have its name by now.
            return self._decide(self.get(key), decide, advice)

    def forget(self, uid: str) -> None:
        """Let go of what is kept of a study, because it was deleted."""
        with self._opening:
            self._open.pop(uid, None)
            self._uids = {key: of for key, of in self._uids.items() if of != uid}
        self._on_gone(uid)

    def _decide(self, opened: OpenStudy, decide: "Decide[T]", advice: int) -> "Done[T]":
        with opened.turn:
            while True:
                kept = opened.view
                view = kept or self._read(opened, advice)
                opened.view = None
                now = self._now()
                try:
                    changes, result = decide(view, now)
                except KatibError:
                    if kept is None:
                        opened.view = view
                        raise
                    # What was kept may be old, and only what is written is compared with the store.
                    continue
                if changes is None:
                    if kept is not None and not self._is_current(kept):
                        continue
                    opened.view = view
                    return Done(result=result, view=view)
                try:
                    committed = self._store.commit(nobody(view.study), replace(changes, basis=view), now=now)
                except Conflict:
                    continue
                except NotFound as error:
                    raise _Gone(error.message, hint=error.hint) from error
                opened.view = committed.view
                after = committed.view or self._read(opened, advice)
                return Done(result=result, view=after, changed=committed.trials)

    def _is_current(self, view: StudyView) -> bool:
        """Whether a view that was kept is what would be read now, metrics apart: a row instead of a hundred."""
        study = view.study
        if len(view.advised) < study.summary.count(TrialState.ADVISED):
            return False
        try:
            now = self._store.get_study(study.name)
        except NotFound:
            return False
        return (now.uid, now.revision) == (study.uid, study.revision)

    def _read(self, opened: OpenStudy, advice: int) -> StudyView:
        try:
            return self._store.view(opened.config.uid, advice=max(advice, self._advice))
        except NotFound as error:
            raise _Gone(error.message, hint=error.hint) from error


def nobody(study: Study) -> Lease:
    """The lease of a study without an owner, in the term in which nobody owns it."""
    return Lease(study=study.name, uid=study.uid, owner="", term=study.term)
