"""The store's contract, in words. `katib.testing.stores` holds every implementation to it.

* **The store is the truth.** Every method is one transaction: all of it is done or nothing, and what has returned
  survives kill -9 of any process.
* **Values in, values out.** What is returned is a fresh value; changing it, or what was passed in, changes nothing.
* **Thread-safe and process-safe.** Any number of processes may use one store.
* **One owner per study.** A lease carries a growing term. `commit` is refused with `Stale` when the lease's term is not
  the study's. A lease expires by the caller's clock, and then anyone may take it with the next term.
* **Exact.** A study's summary is updated in the transaction of the transition; a recount never differs.
* **Monotone.** Ordinals grow and are never reused, recorded advice never changes, a finished trial stays finished.
* **Observations need no lease.** Appending the same observation twice stores it once.
* Errors are those of `katib.errors`: StoreUnavailable, StoreFull, StoreReadOnly, StoreRefused, StoreTooNew,
  StoreDamaged, StoreMisplaced, and NotFound, AlreadyExists, Stale, LeaseHeld where a method says so.
* Times are seconds since the epoch, given by the caller: a store never reads the clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from katib.core.advice import Advice
from katib.core.objective import Objective
from katib.core.observation import MetricPoint
from katib.core.study import Budget, Condition, Study
from katib.core.trial import Transition, Trial, TrialState


@dataclass(frozen=True, kw_only=True)
class NewStudy:
    """A study to create; see `Study` for the fields."""

    name: str
    uid: str
    document: Mapping[str, Any]
    effective: Mapping[str, Any]
    objective: Objective
    budget: Budget
    run_dir: str = ""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a user wants of a study from now on. None leaves a field as it is.

    Attributes:
        stop: True to stop it, False to let it go on.
        budget: the budget that holds from now on.
        reopen: let a concluded study go on: its verdict is taken back and its status is RUNNING again.
    """

    stop: bool | None = None
    budget: Budget | None = None
    reopen: bool = False


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to write a study. `term` grows with every change of owner."""

    study: str
    uid: str
    owner: str
    term: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialPoints:
    """Observations of one attempt of one trial."""

    trial: str
    attempt: int
    points: tuple[MetricPoint, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something worth telling a person about a study; `ordinal` is 0 when it is about the study itself."""

    time: float
    kind: str
    reason: str
    message: str
    ordinal: int = 0


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What one pass of the controller writes, in this order, in one transaction.

    Attributes:
        advice: new rows in state ADVISED. Advice for an ordinal that is on record already is ignored: the stored one
            stands.
        observations: as `append_observations`.
        transitions: each a compare-and-swap. One whose source or attempt does not match is skipped and returned.
        condition: the study's new condition; None leaves it.
        exhausted, overrides: see `Study`; None leaves them.
        events: appended.
        expected_revision: the revision of the study that this was decided on. When the study has another one by now (its
            user wished something), nothing is written and Conflict is raised. None: no check.
    """

    advice: Sequence[Advice] = ()
    observations: Sequence[TrialPoints] = ()
    transitions: Sequence[Transition] = ()
    condition: Condition | None = None
    exhausted: str | None = None
    overrides: Mapping[str, str] | None = None
    events: Sequence[Event] = ()
    expected_revision: int | None = None


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What `commit` did: the study as it is now, and the transitions that were skipped."""

    study: Study
    skipped: tuple[Transition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """One consistent reading of a study: itself, its unfinished trials and its unused advice, by ordinal."""

    study: Study
    unfinished: tuple[Trial, ...] = ()
    advised: tuple[Trial, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrialFilter:
    """Which trials to list; None means any. ADVISED rows are listed only when asked for by state."""

    states: frozenset[TrialState] | None = None
    ordinals: frozenset[int] | None = None
    after_revision: int | None = None
    limit: int | None = None
    after_ordinal: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One stored observation. `arrived` is when it was stored first."""

    trial: str
    ordinal: int
    attempt: int
    point: MetricPoint
    arrived: float = field(default=0.0)


class Store(Protocol):
    """See the module's text for what holds for all methods."""

    def create_study(self, new: NewStudy, *, now: float) -> Study:
        """Record a study, with status CREATED. Raises AlreadyExists when the name is taken."""
        ...

    def get_study(self, name: str) -> Study:
        """The study of that name. Raises NotFound."""
        ...

    def list_studies(self) -> list[Study]:
        """All studies, oldest first."""
        ...

    def delete_study(self, name: str) -> None:
        """Remove a study with its trials, observations and events. Raises NotFound."""
        ...

    def wish(self, name: str, wish: Wish, *, now: float) -> Study:
        """Record what the user wants; needs no lease. Grows the generation when something changed. Raises NotFound.

        `reopen` on a study that is not concluded does nothing by itself.
        """
        ...

    def acquire(self, name: str, owner: str, *, now: float, seconds: float) -> Lease:
        """Become the owner until now + seconds. Raises NotFound, and LeaseHeld while another owner's lease runs.

        The owner itself may acquire again; each acquisition grows the term.
        """
        ...

    def renew(self, lease: Lease, *, now: float, seconds: float) -> None:
        """Stay the owner until now + seconds, also after expiry while nobody else took over. Raises Stale."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the study up; the next owner need not wait. Does nothing when the lease is stale."""
        ...

    def view(self, uid: str) -> StudyView:
        """What a decision is made from, in one consistent reading. Raises NotFound."""
        ...

    def commit(self, lease: Lease, changes: Changes, *, now: float) -> Committed:
        """Write one pass of the owner.

        Raises Stale when the lease's term is not the study's, and Conflict when the study is not at
        `expected_revision`; then nothing was written. `append_observations` does not change the revision.

        The observations' summaries on their trials, the transitions, and the study's summary change together.
        """
        ...

    def append_observations(self, uid: str, batch: Sequence[TrialPoints], *, now: float) -> int:
        """Store observations of any attempt of trials of this study, and return how many were new. Needs no lease.

        Points of the current attempt of an unfinished trial are folded into the trial's `metrics`; others are stored
        only. Points of unknown trials are ignored.
        """
        ...

    def trials(self, uid: str, which: TrialFilter = TrialFilter()) -> list[Trial]:
        """Trials by ordinal (by revision, then ordinal, when `after_revision` is given)."""
        ...

    def observations(
        self, uid: str, *, ordinal: int | None = None, metric: str | None = None, attempt: int | None = None
    ) -> list[Observation]:
        """Observations in the order (ordinal, attempt, time, seq)."""
        ...

    def events(self, uid: str, *, limit: int | None = None) -> list[Event]:
        """The study's events, oldest first; the latest `limit` of them."""
        ...

    def close(self) -> None:
        """Release connections. The store must not be used afterwards."""
        ...
