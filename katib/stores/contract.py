"""The store's contract, in words. `katib.testing.stores` holds every implementation to it.

* **The store is the truth.** Every method is one transaction: all of it is done or nothing, and what has returned
  survives kill -9 of any process.
* **Values in, values out.** What is returned is a fresh value; changing it, or what was passed in, changes nothing.
  Every reported number comes back as it went in: -0.0, the smallest and the largest, inf and nan.
* **Thread-safe and process-safe.** Any number of processes may use one store.
* **One owner per study.** A lease carries a growing term. `commit` is refused with `Stale` when the lease is not the
  study's (another owner or term, or released). A lease expires by the caller's clock, and then anyone may take it with
  the next term; until somebody does, its holder goes on. A study that nobody owns (its clients run it) is written
  under a lease with an empty owner and the study's term, by anybody.
* **Exact.** A study's summary is updated in the transaction of the transition; a recount never differs.
* **Monotone.** Ordinals grow and are never reused, recorded advice never changes, a finished trial stays finished.
* **Observations need no lease.** Appending an observation whose identity is stored already changes nothing: the first
  one stands.
* **The revision** of a study grows by one with each wish and each commit that changes the study or one of its trials.
  Leases, observations, events and metadata leave it alone.
* Errors are those of `katib.errors`: StoreUnavailable, StoreFull, StoreReadOnly, StoreRefused, StoreTooNew,
  StoreDamaged, StoreMisplaced from any method; NotFound from every method that names a study which is not there;
  AlreadyExists, Stale, LeaseHeld, Conflict where a method says so. ValueError is a caller's mistake: a move that is not
  in `ALLOWED`, a value that is not finite or belongs to no finished trial, a name or a number beyond the limits; and
  in `commit` a finished trial with values for some of the study's objectives.
* Limits: names, uids, owners and the keys of metadata have at most NAME_LIMIT characters; integers fit in 64 bits with
  a sign. Any text is taken; the characters that not every database can keep (NUL and lone surrogates) come back as
  U+FFFD. Documents, labels and overrides are plain data as JSON has it, and come back exactly.
* Times are seconds since the epoch, finite, given by the caller: a store never reads the clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from katib.core.advice import Advice
from katib.core.metadata import MetadataItem
from katib.core.objective import Objective
from katib.core.observation import MetricPoint
from katib.core.study import Budget, Condition, Study, StudyStatus
from katib.core.trial import Transition, Trial, TrialState

NAME_LIMIT = 255
"""Characters of a study's, trial's or metric's name, a uid or an owner: what every database can index."""


REPLIES_KEPT = 86_400.0
"""Seconds for which the answer to a request with a key is kept."""


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
    further_objectives: tuple[Objective, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a user wants of a study from now on. None leaves a field as it is.

    Attributes:
        stop: True to stop it, False to let it go on.
        budget: the budget that holds from now on.
        reopen: let a concluded study go on: its verdict is taken back and its status is RUNNING again.
        generation: the one of the study that the user saw. When it has another by now, somebody else's wish came first:
            nothing is written and Conflict is raised. None: no check.
    """

    stop: bool | None = None
    budget: Budget | None = None
    reopen: bool = False
    generation: int | None = None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """That the operation of a request with a key is done, and what came of it.

    Attributes:
        key: of the request, which was claimed, see `Store.claim_reply`.
        text: not empty; enough to answer the request from, should whoever does it not live to answer.
    """

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What one pass of the controller writes, in this order, in one transaction.

    Attributes:
        advice: new rows in state ADVISED. Advice for an ordinal that is on record already is ignored: the stored one
            stands.
        observations: as `append_observations`.
        transitions: in this order, each a compare-and-swap. One whose source or attempt does not match, or whose trial
            is not there, is skipped and returned. Leaving ADVISED sets `created_at` to the commit's time. When the
            attempt changes, `started_at` is cleared and `metrics` begin anew.
        condition: the study's new condition; None leaves it. The first RUNNING one sets the study's `started_at` to
            its `since`; one in which the study has ended sets `ended_at`, any other clears it.
        exhausted, overrides: see `Study`; None leaves them, anything else replaces them.
        events: appended.
        metadata: each replaces the item of its ordinal, namespace and key; one of a trial that is not there is ignored.
        removed: ordinals of trials that go, with all that is stored about them; their summary is as if they had never
            been, but their ordinals stay spent. One that is not there is ignored.
        receipt: put with its key's claim, which has none yet. When there is no such claim, somebody else has done the
            request: nothing is written and StoreUnavailable is raised. None: no request with a key does this.
        basis: the view that this was decided on. When the study has another revision or lease by now (its user wished
            something), or a trial of it that is moved or observed has other metrics, nothing is written and Conflict is
            raised. None: no check. A store may take from it what it would otherwise have to read.
    """

    advice: Sequence[Advice] = ()
    observations: Sequence[TrialPoints] = ()
    transitions: Sequence[Transition] = ()
    condition: Condition | None = None
    exhausted: str | None = None
    overrides: Mapping[str, str] | None = None
    events: Sequence[Event] = ()
    metadata: Sequence[MetadataItem] = ()
    removed: Sequence[int] = ()
    receipt: Receipt | None = None
    basis: "StudyView | None" = None


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """One consistent reading of a study: itself, its unfinished trials and its unused advice, by ordinal."""

    study: Study
    unfinished: tuple[Trial, ...] = ()
    advised: tuple[Trial, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What `commit` did.

    Attributes:
        study: as it is now.
        skipped: the transitions that were skipped; none where there was a basis.
        view: what the basis has become, so that it need not be read again; None without one, with advice or with
            trials removed.
        trials: with a view, the trials that changed, as they are now, by ordinal.
    """

    study: Study
    skipped: tuple[Transition, ...] = ()
    view: StudyView | None = None
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrialFilter:
    """Which trials to list; None means any. ADVISED rows are listed only when asked for by state."""

    states: frozenset[TrialState] | None = None
    ordinals: frozenset[int] | None = None
    names: frozenset[str] | None = None
    after_revision: int | None = None
    limit: int | None = None
    after_ordinal: int = 0


@dataclass(frozen=True, kw_only=True)
class StudyFilter:
    """Which studies to list.

    Attributes:
        prefix, contains: what the name begins with, and has in it, by character.
        statuses: None for any.
        uid: that one only; None for any.
        after: (created_at, uid) of a study: those that come after it in the list, whether it is still there or not.
        limit: so many at most; None for all.
    """

    prefix: str = ""
    contains: str = ""
    statuses: frozenset[StudyStatus] | None = None
    uid: str | None = None
    after: tuple[float, str] | None = None
    limit: int | None = None


ANY_STUDY = StudyFilter()
ANY_TRIAL = TrialFilter()
"""Every trial, advice apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One stored observation. `arrived` is when it was stored first."""

    trial: str
    ordinal: int
    attempt: int
    point: MetricPoint
    arrived: float = field(default=0.0)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a request that carried a key was answered with.

    Attributes:
        digest: of the request, to tell another one that carries the same key.
        status: of the answer; 0 while the request is being answered.
        body: of the answer; while it is being answered, the receipt of what was done: empty until then.
    """

    digest: str
    status: int = 0
    body: str = ""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A secret that somebody was given, without the secret.

    Attributes:
        id: names it; no secret.
        digest: of the secret.
        role: what it allows; the store does not look at it.
        study_uid: the study that it is for; empty for any.
        ordinal: the trial of that study that it is for; 0 for any.
        note: for people.
    """

    id: str
    digest: str
    role: str
    study_uid: str = ""
    ordinal: int = 0
    note: str = ""
    created_at: float = 0.0


class Store(Protocol):
    """See the module's text for what holds for all methods."""

    def create_study(self, new: NewStudy, *, now: float) -> Study:
        """Record a study, with status CREATED. Raises AlreadyExists when the name is taken."""
        ...

    def get_study(self, name: str) -> Study:
        """The study of that name. Raises NotFound."""
        ...

    def list_studies(self, which: StudyFilter = ANY_STUDY) -> list[Study]:
        """Studies, oldest first: by (created_at, uid)."""
        ...

    def delete_study(self, name: str) -> None:
        """Remove a study with its trials, observations and events. Raises NotFound."""
        ...

    def wish(self, name: str, wish: Wish, *, now: float) -> Study:
        """Record what the user wants; needs no lease. Grows generation and revision by one when something changed.

        In this order:

        * `reopen` on a concluded study takes its verdict back: RUNNING with reason RESTARTING, `ended_at` and
          `exhausted` cleared, and not stopped. On a study that is not concluded it does nothing.
        * `budget` is in force from now on; by itself it does not reopen a concluded study.
        * `stop=True` requests a stop, except of a concluded study: there is nothing left to stop.
        * `stop=False` takes the request back; a STOPPED study is RUNNING again with reason RESTARTING, `ended_at`
          cleared.

        Raises NotFound, and Conflict when the study is not at the wish's generation.
        """
        ...

    def acquire(self, name: str, owner: str, *, now: float, seconds: float, dead: str = "") -> Lease:
        """Become the owner until now + seconds. Raises NotFound, and LeaseHeld while another owner's lease runs.

        The owner itself may acquire again; each acquisition grows the term. `dead` names an owner that is known to be
        gone (its process does not exist any more): a lease that it holds does not count. A lease that ends at `now` has
        ended.
        """
        ...

    def renew(self, lease: Lease, *, now: float, seconds: float) -> None:
        """Stay the owner until now + seconds, also after expiry while nobody else took over.

        Raises Stale, and NotFound when the study was deleted.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give the study up; the next owner need not wait, and this lease is stale from now on.

        Does nothing when it is stale already, or the study was deleted.
        """
        ...

    def view(self, uid: str, *, advice: int | None = None) -> StudyView:
        """What a decision is made from, in one consistent reading. Raises NotFound.

        `advice`: at most this many rows of unused advice, the first by ordinal; None for all.
        """
        ...

    def commit(self, lease: Lease, changes: Changes, *, now: float) -> Committed:
        """Write one pass of the owner.

        Raises NotFound when the study was deleted, Stale when the lease is not the study's, and Conflict when the
        record is not what `basis` says any more; then nothing was written.

        The observations' summaries on their trials, the transitions, and the study's summary change together.
        """
        ...

    def append_observations(self, uid: str, batch: Sequence[TrialPoints], *, now: float) -> int:
        """Store observations of any attempt of trials of this study, and return how many were new. Needs no lease.

        New points of the current attempt of a trial that is not finished are folded into the trial's `metrics`; others
        are stored only, and folded should the trial come to that attempt later. Thus the metrics of a trial that is not
        finished are always the fold of what is stored of its attempt. Points of unknown trials are ignored.
        """
        ...

    def trials(self, uid: str, which: TrialFilter = ANY_TRIAL) -> list[Trial]:
        """Trials by ordinal (by revision, then ordinal, when `after_revision` is given)."""
        ...

    def observations(
        self, uid: str, *, ordinal: int | None = None, metric: str | None = None, attempt: int | None = None
    ) -> list[Observation]:
        """Observations in the order (ordinal, attempt, time, seq, metric)."""
        ...

    def metadata(self, uid: str, *, ordinal: int | None = None) -> list[MetadataItem]:
        """The items of a trial, of the study itself (0), or all of them, in the order (ordinal, namespace, key).

        Texts are in the order of their code points.
        """
        ...

    def events(self, uid: str, *, limit: int | None = None) -> list[Event]:
        """The study's events, oldest first; the latest `limit` of them."""
        ...

    def claim_reply(self, key: str, digest: str, *, now: float, until: float) -> Reply | None:
        """Begin to answer a request that carries a key, unless it was answered or is being answered: then its reply.

        A claim that was neither kept nor dropped holds until `until`, and one with a receipt for good: what is missing
        is its answer only. Replies older than REPLIES_KEPT are forgotten.
        """
        ...

    def hold_reply(self, key: str, *, until: float) -> None:
        """Have a claim hold for longer, until `until`. One that was kept, dropped or has a receipt stays as it is."""
        ...

    def keep_reply(self, key: str, reply: Reply, *, now: float) -> None:
        """Keep the answer to a request that was claimed."""
        ...

    def drop_reply(self, key: str) -> None:
        """Take a claim back: the request may be sent again. One with a receipt stays: it was done."""
        ...

    def add_token(self, token: Token) -> None:
        """Record a token. Raises AlreadyExists when its id is taken."""
        ...

    def tokens(self) -> list[Token]:
        """All tokens, oldest first."""
        ...

    def token(self, token_id: str) -> Token:
        """The token of that id. Raises NotFound."""
        ...

    def delete_token(self, token_id: str) -> None:
        """Forget a token: it is not valid any more. Raises NotFound."""
        ...

    def close(self) -> None:
        """Release connections. The store must not be used afterwards."""
        ...
