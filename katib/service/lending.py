"""Studies that their clients run: clients ask for trials, report on them, and complete them.

Any number of processes may serve one study: nobody owns it, and each change is written only if the study still is as it
was read (`Changes.basis`), else decided anew. What is decided is in `katib.core.lending`.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from katib.core import lending
from katib.core.advice import Advice, AdviceReply
from katib.core.lending import Demand
from katib.core.observation import MetricPoint, fold
from katib.core.study import UNBOUNDED, Condition, RetryPolicy, Study, StudyConfig, StudyReason, StudyStatus
from katib.core.trial import Reason, Transition, Trial, TrialState
from katib.core.verdict import verdict
from katib.errors import Conflict, Fault, InvalidInput, NotFound, StudyClosed
from katib.service.record import Record
from katib.service.values import assignment_of, final_points, final_values
from katib.spec.prepare import from_effective
from katib.spec.study import study_config
from katib.stores.contract import NAME_LIMIT, Changes, Event, Lease, Store, StudyView, TrialFilter, TrialPoints
from katib.suggestion.contract import SuggestionService

T = TypeVar("T")

LOAN_SECONDS = 3600.0
"""How long a trial is lent without another word from its client; a report renews the loan."""

MOST_AT_ONCE = 10_000
"""Trials in one request."""

ORIGIN_LABEL = "katib.kubeflow.org/origin"
BY_HAND = "user"
"""The label of a trial that a user made, and not an algorithm."""


def run_by_clients(study: Study) -> bool:
    """Whether the study has no trial template: its clients run its trials."""
    return not study.effective["spec"].get("trialTemplate")


@dataclass
class _Open:
    """What this process keeps of a study that it serves. Losing it changes nothing but time.

    Attributes:
        turn: held while the study is read, decided about and written.
        asking: held while its algorithm is asked, which may take long; trials are reported and completed meanwhile.
        wanted: trials that clients are waiting for: who asks next, asks for all of them.
    """

    config: StudyConfig
    oblivious: bool
    turn: threading.RLock = field(default_factory=threading.RLock)
    asking: threading.Lock = field(default_factory=threading.Lock)
    record: Record = field(default_factory=Record)
    wanted: int = 0


class Lender:
    """Serves studies that their clients run. Thread-safe.

    Args:
        suggestions: who answers for algorithms.
        now: seconds since the epoch.
        stock: answers to keep ahead of need for algorithms that do not learn.
        seconds: how long a trial is lent.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        *,
        now: Callable[[], float] = time.time,
        stock: int = 64,
        seconds: float = LOAN_SECONDS,
    ) -> None:
        self.store = store
        self._suggestions = suggestions
        self._now = now
        self._stock = stock
        self._seconds = seconds
        self._retry = RetryPolicy()
        self._open: dict[str, _Open] = {}
        self._opening = threading.Lock()

    # --- Trials for clients

    def suggest(
        self, study: str, client: str, count: int = 1, *, afresh: bool = False, seconds: float | None = None
    ) -> list[Trial]:
        """Trials for `client` to run: the ones it runs already, then those that wait or were lost, then new ones.

        Args:
            count: how many it wants to have; it may get fewer: the budget or the search space has no more, and none at
                all when others still run the last ones.
            afresh: it wants `count` trials besides those it runs.
            seconds: how long they are lent; infinity to never take them back.

        Raises:
            NotFound: no such study.
            StudyClosed: it has ended, or is stopped.
            AlgorithmFailed: the algorithm could not answer.
        """
        _check_demand(client, count)
        until = self._now() + (self._seconds if seconds is None else seconds)
        demand = Demand(client=client, count=count, until=until, afresh=afresh)
        opened = self._opened(study)
        while True:
            trials, missing = self._hand_out(opened, demand)
            if not missing:
                return trials
            if not self._advise(opened, missing):
                trials, _ = self._hand_out(opened, demand, final=True)
                return trials

    def _hand_out(self, opened: _Open, demand: Demand, *, final: bool = False) -> tuple[list[Trial], int]:
        """Lend what is there; how many more advice is needed for. Nothing is lent while some is, unless it is `final`:
        who asks gets all in one answer.
        """

        def decide(view: StudyView, now: float) -> tuple[Changes | None, tuple[list[int], int]]:
            study = view.study
            _refuse_closed(study)
            handed = lending.hand_out(
                demand,
                unfinished=view.unfinished,
                advised=view.advised,
                room=_room(view),
                retry=self._retry,
                now=now,
            )
            missing = 0 if final or study.exhausted else handed.missing
            if missing:
                return None, ([], missing)
            condition = _condition(view, handed.moves, now)
            changes = Changes(transitions=handed.moves, condition=condition) if handed.moves or condition else None
            return changes, (list(handed.ordinals), 0)

        (ordinals, missing), after = self._change(opened, decide, advice=demand.count)
        by_ordinal = {trial.ordinal: trial for trial in after.unfinished}
        return [by_ordinal[ordinal] for ordinal in ordinals], missing

    def _advise(self, opened: _Open, missing: int) -> bool:
        """Have advice for `missing` more trials recorded, by this thread or by the one that asks already. False when
        the algorithm has none left.
        """
        with opened.turn:
            opened.wanted += missing
        try:
            with opened.asking:
                view = self.store.view(opened.config.uid, advice=0)
                _refuse_closed(view.study)
                unused = view.study.summary.count(TrialState.ADVISED)
                wanted = min(opened.wanted, _left(view.study)) - unused
                if wanted <= 0:
                    return unused > 0
                if view.study.exhausted:
                    return False
                return self._ask(opened, view.study, wanted)
        finally:
            with opened.turn:
                opened.wanted -= missing

    def _ask(self, opened: _Open, study: Study, wanted: int) -> bool:
        config = replace(opened.config, budget=study.budget, settings={**opened.config.settings, **study.overrides})
        stock = min(self._stock, max(_left(study) - wanted, 0)) if opened.oblivious else 0
        first = study.summary.highest_ordinal + 1
        trials = opened.record.refresh(self.store, study.uid, sum(study.summary.counts.values()))
        reply = self._suggestions.suggest(config, trials, range(first, first + wanted + stock))
        self._store_advice(opened, study, reply)
        return bool(reply.advice)

    def _store_advice(self, opened: _Open, study: Study, reply: AdviceReply) -> None:
        changes = Changes(
            advice=reply.advice,
            exhausted=reply.exhausted or None,
            overrides={**study.overrides, **reply.overrides} if reply.overrides else None,
        )
        with opened.turn:
            self.store.commit(_nobody(study), changes, now=self._now())

    def renew(self, study: str, ordinal: int, client: str, *, seconds: float | None = None) -> Trial:
        """Keep a trial for longer. Raises NotFound; does nothing when it is not `client`'s any more."""

        def decide(view: StudyView, now: float) -> tuple[Changes | None, None]:
            trial = _find(view, ordinal)
            if trial is None or not _held_by(trial, client):
                return None, None
            move = lending.renewed(trial, now + (self._seconds if seconds is None else seconds))
            return Changes(transitions=(move,)), None

        return self._moved(study, ordinal, decide)

    def report(self, study: str, ordinal: int, points: Sequence[MetricPoint], *, attempt: int | None = None) -> Trial:
        """Record intermediate values of a trial, whatever state it is in. Raises NotFound, InvalidInput."""
        opened = self._opened(study)
        trial = self._trial(opened.config.uid, ordinal)
        batch = TrialPoints(trial=trial.name, attempt=attempt or trial.attempt, points=tuple(points))
        self.store.append_observations(opened.config.uid, [batch], now=self._now())
        return self._trial(opened.config.uid, ordinal)

    # --- Their ends

    def complete(
        self, study: str, ordinal: int, metrics: Mapping[str, float] | None = None, *, step: int | None = None
    ) -> Trial:
        """End a trial with its values.

        Args:
            metrics: name -> value; None to take what was reported last. nan or an infinity ends it without a value.

        Returns:
            The trial. One that had ended before stays as it was; the report is noted in the study's events.

        Raises:
            NotFound: no such study or trial.
            InvalidInput: no value for one of the objectives.
        """

        def end(view: StudyView, trial: Trial, now: float) -> tuple[TrialPoints | None, Transition]:
            points = final_points(metrics or {}, step=step, now=now)
            folded = fold(trial.metrics, points)
            values = final_values(view.study.objectives, metrics, folded, trial)
            batch = TrialPoints(trial=trial.name, attempt=trial.attempt, points=points) if points else None
            if isinstance(values, str):
                return batch, lending.failed(trial, Reason.DIVERGED, values, now=now)
            return batch, lending.completed(trial, values, stopped=trial.condemned, now=now)

        return self._end(study, ordinal, end, late=f"a late report: {dict(metrics or {})}")

    def fail(self, study: str, ordinal: int, message: str, *, infeasible: bool = False) -> Trial:
        """End a trial that gave no value: its point is impossible, or its run failed. Late ones are noted, see above.

        Raises NotFound.
        """
        reason = Reason.INFEASIBLE if infeasible else Reason.REPORTED_FAILED

        def end(_view: StudyView, trial: Trial, now: float) -> tuple[None, Transition]:
            return None, lending.failed(trial, reason, message, now=now)

        return self._end(study, ordinal, end, late=f"a late report: {reason.value}: {message}")

    def abandon(self, study: str, ordinal: int, message: str = "abandoned by its client") -> Trial:
        """End a trial of which nothing was learnt. Raises NotFound."""

        def end(_view: StudyView, trial: Trial, now: float) -> tuple[None, Transition]:
            return None, lending.abandoned(trial, message, now=now)

        return self._end(study, ordinal, end, late="abandoned after its end")

    def _end(
        self,
        study: str,
        ordinal: int,
        end: Callable[[StudyView, Trial, float], tuple[TrialPoints | None, Transition]],
        *,
        late: str,
    ) -> Trial:
        def decide(view: StudyView, now: float) -> tuple[Changes | None, None]:
            trial = _find(view, ordinal)
            if trial is None:
                known = self._trial(view.study.uid, ordinal)
                event = Event(time=now, kind="Normal", reason="LateReport", message=late, ordinal=known.ordinal)
                return Changes(events=[event]), None
            points, move = end(view, trial, now)
            condition = _condition(view, (move,), now)
            return Changes(observations=[points] if points else (), transitions=(move,), condition=condition), None

        return self._moved(study, ordinal, decide)

    # --- Trials by hand

    def add_trial(
        self, study: str, assignment: Mapping[str, object], *, metrics: Mapping[str, float] | None = None
    ) -> Trial:
        """Add a trial of one's own: to be run by the next client that asks, or with its result.

        Raises:
            NotFound: no such study.
            InvalidInput: the assignment is not in the search space, or a value is missing.
        """
        opened = self._opened(study)
        checked = assignment_of(opened.config.space, assignment)

        def decide(view: StudyView, _now: float) -> tuple[Changes | None, int]:
            ordinal = view.study.summary.highest_ordinal + 1
            advice = Advice(ordinal=ordinal, assignment=checked, labels={ORIGIN_LABEL: BY_HAND})
            created = Transition(
                ordinal=ordinal,
                source=TrialState.ADVISED,
                attempt=1,
                target=TrialState.PENDING,
                reason=Reason.CREATED,
                message="added by a user",
            )
            return Changes(advice=(advice,), transitions=(created,)), ordinal

        ordinal, _ = self._change(opened, decide)
        if metrics is not None:
            return self.complete(study, ordinal, metrics)
        return self._trial(opened.config.uid, ordinal)

    # --- Inside

    def _moved(
        self, study: str, ordinal: int, decide: Callable[[StudyView, float], tuple[Changes | None, None]]
    ) -> Trial:
        opened = self._opened(study)
        self._change(opened, decide)
        return self._trial(opened.config.uid, ordinal)

    def _change(
        self,
        opened: _Open,
        decide: Callable[[StudyView, float], tuple[Changes | None, T]],
        *,
        advice: int = 0,
    ) -> tuple[T, StudyView]:
        """Read a study, decide, and write; once more whenever it changed meanwhile. The view is the one afterwards."""
        with opened.turn:
            while True:
                view = self.store.view(opened.config.uid, advice=advice)
                now = self._now()
                changes, result = decide(view, now)
                if changes is None:
                    return result, view
                try:
                    committed = self.store.commit(_nobody(view.study), replace(changes, basis=view), now=now)
                except Conflict:
                    continue
                return result, committed.view or self.store.view(opened.config.uid, advice=0)

    def _opened(self, name: str) -> _Open:
        study = self.store.get_study(name)
        with self._opening:
            opened = self._open.get(study.uid)
            if opened is None:
                if not run_by_clients(study):
                    fault = Fault(path=name, wanted="a study that its clients run; the engine runs this one's trials")
                    raise InvalidInput([fault], what="the study", hint=f"`katib resume {name}` runs it")
                config = study_config(from_effective(study.effective), uid=study.uid)
                opened = _Open(config=config, oblivious=self._suggestions.abilities(config.algorithm).oblivious)
                self._open[study.uid] = opened
            return opened

    def _trial(self, uid: str, ordinal: int) -> Trial:
        found = self.store.trials(uid, TrialFilter(ordinals=frozenset({ordinal})))
        if not found:
            raise NotFound(f"there is no trial {ordinal} in this study", hint="trials are counted from 1")
        return found[0]


def _nobody(study: Study) -> Lease:
    """The lease of a study without an owner, in the term in which nobody owns it."""
    return Lease(study=study.name, uid=study.uid, owner="", term=study.term)


def _left(study: Study) -> int:
    """How many trials may still be created."""
    return UNBOUNDED if study.budget.max_trials is None else max(study.budget.max_trials - study.summary.created, 0)


def _room(view: StudyView) -> int:
    """How many trials may be created now: those that wait for a client take up room as well."""
    return max(min(_left(view.study), view.study.budget.parallel - len(view.unfinished)), 0)


def _find(view: StudyView, ordinal: int) -> Trial | None:
    return next((trial for trial in view.unfinished if trial.ordinal == ordinal), None)


def _held_by(trial: Trial, client: str) -> bool:
    return trial.state is TrialState.RUNNING and trial.loan is not None and trial.loan.client == client


def _condition(view: StudyView, moves: Sequence[Transition], now: float) -> Condition | None:
    """The study's condition after `moves`, when that is another one than before."""
    study, summary = view.study, view.study.summary
    for move in moves:
        summary = summary.moved(move.source, move.target).with_values(move.ordinal, move.values, study.objectives)
    unused = summary.count(TrialState.ADVISED)
    condition = verdict(study, summary, unused_advice=unused, now=now)
    if study.stop_requested and not condition.concluded and not summary.count(TrialState.RUNNING):
        said = "stopped on request; it gives out no trials until it is resumed"
        condition = Condition(status=StudyStatus.STOPPED, reason=StudyReason.STOPPED, message=said, since=now)
    old = study.condition
    return None if (condition.status, condition.reason) == (old.status, old.reason) else condition


def _refuse_closed(study: Study) -> None:
    """Raises StudyClosed for a study that gives out no trials."""
    if study.condition.concluded:
        raise StudyClosed(
            f"study {study.name!r} has ended: {study.condition.message}",
            hint="raise its budget, or create another study",
        )
    if study.stop_requested:
        raise StudyClosed(f"study {study.name!r} is stopped", hint="resume it")


def _check_demand(client: str, count: int) -> None:
    faults = []
    if not client or len(client) > NAME_LIMIT:
        wanted = f"a name of 1 to {NAME_LIMIT} characters for the client, the same each time it asks"
        faults.append(Fault(path="client", given=client, wanted=wanted))
    if not 0 <= count <= MOST_AT_ONCE:
        faults.append(Fault(path="count", given=str(count), wanted=f"from 0 to {MOST_AT_ONCE} trials"))
    if faults:
        raise InvalidInput(faults, what="the request for trials")
