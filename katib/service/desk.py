"""The study API in this process: what REST, gRPC and the embedded client all call."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

from katib.core.study import UNBOUNDED, Budget, Study, run_by_clients
from katib.errors import Fault, InvalidInput, NotFound
from katib.service.checks import checked_of_clients
from katib.service.lending import Lender
from katib.service.studies import Opened, Studies, find_study, refuse_in_vain
from katib.stores.contract import Store, Wish
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping import open_early_stopping
from katib.suggestion.early_stopping.contract import EarlyStopping


class Limits(TypedDict, total=False):
    """Fields of a budget that are to change; None where there is to be no limit. See `Budget`."""

    max_trials: int | None
    parallel: int | None
    max_failed: int | None
    max_seconds: float | None
    max_stale: int | None


class Desk:
    """Studies that clients run, from their creation to their end. Thread-safe; it owns neither store nor service.

    A study is named by its name or, where no study has that name, by its uid.

    Attributes:
        studies: looks studies up and deletes them.
        stopping: who answers for early stopping.
        lender: gives out their trials and takes their results.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        *,
        stopping: EarlyStopping | None = None,
        now: Callable[[], float] = time.time,
        stock: int = 64,
    ) -> None:
        self.store = store
        self.suggestions = suggestions
        self.now = now
        self.studies = Studies(store, now=now)
        self.stopping = stopping or open_early_stopping()
        self.lender = Lender(store, suggestions, stopping=self.stopping, now=now, stock=stock)

    def create(self, name: str, spec: Mapping[str, Any], *, annotations: Mapping[str, str] | None = None) -> Opened:
        """Create a study, or find the same one.

        Args:
            spec: an Experiment's `spec` without a trialTemplate; its parameters may be short, see `spelled_out`.
            annotations: kept in the study's document; they mean nothing to the engine.

        Raises:
            InvalidInput: with every fault, its path beginning with `spec.`; `metadata.name` is the name.
            AlreadyExists: the name belongs to a study with another specification.
        """
        metadata = {"name": name, **({"annotations": dict(annotations)} if annotations else {})}
        return self.studies.create_for_clients(checked_of_clients(metadata, spec, self.suggestions, self.stopping))

    def faults_of(self, spec: Mapping[str, Any]) -> tuple[Fault, ...]:
        """What `create` would say of a `spec`, of a study that has a fault elsewhere, too."""
        try:
            checked_of_clients({"name": "study"}, spec, self.suggestions, self.stopping)
        except InvalidInput as error:
            return error.faults
        return ()

    def study(self, key: str) -> Study:
        """The study of that name or uid. Raises NotFound."""
        return find_study(self.store, key)

    def known_study(self, key: str) -> Study | None:
        """The study of that name or uid; None when there is none."""
        try:
            return self.study(key)
        except NotFound:
            return None

    # --- Wishes. `generation`: the study's as the user saw it; when it has another by now, Conflict is raised.

    def change_budget(self, key: str, limits: Limits, *, generation: int | None = None) -> Study:
        """Change what a study may do. A larger budget reopens one that had spent the old; a smaller one has the trials
        beyond it stopped, the latest first.

        Raises:
            NotFound: no such study.
            InvalidInput: the numbers are no budget, or the study would end again at once.
            Conflict: see above.
        """
        study = self.study(key)
        wanted = _changed(study.budget, limits)
        if study.condition.concluded:
            _refuse_in_vain(study, wanted)
        wish = Wish(budget=wanted, reopen=study.condition.concluded, generation=generation)
        return self._wish(study, wish)

    def pause(self, key: str, *, generation: int | None = None) -> Study:
        """Have a study give out no more trials. Those that clients run go on. Raises NotFound, Conflict."""
        return self._wish(self.study(key), Wish(stop=True, generation=generation))

    def resume(self, key: str, *, generation: int | None = None) -> Study:
        """Take the wish to pause or stop back. Raises NotFound, Conflict."""
        return self._wish(self.study(key), Wish(stop=False, generation=generation))

    def stop(self, key: str, *, generation: int | None = None) -> Study:
        """Pause a study, and have its trials stopped. Raises NotFound, Conflict."""
        return self._wish(self.study(key), Wish(stop=True, generation=generation), stopping="the study was stopped")

    def delete(self, key: str) -> Study:
        """Remove a study with everything of it. Raises NotFound, and LeaseHeld while an engine runs it."""
        study = self.studies.delete(self.study(key).name)
        self.lender.forget(study.uid)
        return study

    def _wish(self, study: Study, wish: Wish, *, stopping: str = "") -> Study:
        after = self.store.wish(study.name, wish, now=self.now())
        if not run_by_clients(study):
            # Its owner acts on it.
            return after
        return self.lender.settle(study.name, stopping=stopping)


OPTIONS = {
    "--max-trials": "max_trials",
    "--max-failed": "max_failed",
    "--max-time": "max_seconds",
    "--max-stale": "max_stale",
}
"""What the command line calls a limit -> its field."""

LEAST: Mapping[str, int] = {"max_trials": 1, "parallel": 1, "max_failed": 0, "max_stale": 1}


def _changed(budget: Budget, limits: Limits) -> Budget:
    """The budget with other limits. Raises InvalidInput."""
    faults = [
        Fault(path=name, given=repr(limit), wanted=f"a whole number from {LEAST[name]} to {UNBOUNDED}")
        for name, limit in limits.items()
        if name in LEAST and limit is not None and not _is_within(limit, LEAST[name])
    ]
    seconds = limits.get("max_seconds")
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        faults.append(Fault(path="max_seconds", given=repr(seconds), wanted="a number of seconds, more than 0"))
    if faults:
        raise InvalidInput(faults, what="the new budget")
    fields: dict[str, Any] = dict(limits)
    if "parallel" in fields and fields["parallel"] is None:
        fields["parallel"] = UNBOUNDED
    return replace(budget, **fields)


def _is_within(limit: object, least: int) -> bool:
    return isinstance(limit, int) and not isinstance(limit, bool) and least <= limit <= UNBOUNDED


def _refuse_in_vain(study: Study, wanted: Budget) -> None:
    try:
        refuse_in_vain(study, wanted)
    except InvalidInput as error:
        faults = [replace(each, path=OPTIONS.get(each.path, each.path)) for each in error.faults]
        raise InvalidInput(faults, what="the new budget") from error
