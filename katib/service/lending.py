"""Studies that their clients run: clients ask for trials, report on them, and complete them.

Any number of processes may serve one study: nobody owns it, and each change is written only if the study still is as it
was read (`Changes.basis`), else decided anew. What is decided is in `katib.core.lending`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from katib.core import lending
from katib.core.advice import Advice, AdviceReply
from katib.core.lending import Demand
from katib.core.observation import MetricPoint, fold
from katib.core.study import UNBOUNDED, Condition, RetryPolicy, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import UNFINISHED, Reason, Transition, Trial, TrialState
from katib.core.verdict import stale, used_up, verdict
from katib.errors import Fault, InvalidInput, NotFound, StudyClosed
from katib.service.judging import Judges
from katib.service.once import Once
from katib.service.open_studies import Decide, OpenStudies, OpenStudy, nobody
from katib.service.values import assignment_of, final_points, final_values
from katib.stores.contract import NAME_LIMIT, Changes, Event, Store, StudyView, TrialFilter, TrialPoints
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping import open_early_stopping
from katib.suggestion.early_stopping.contract import EarlyStopping

T = TypeVar("T")

LOAN_SECONDS = 3600.0
"""How long a trial is lent without another word from its client; a report renews the loan."""

MOST_AT_ONCE = 10_000
"""Trials in one request."""

ORIGIN_LABEL = "katib.kubeflow.org/origin"
BY_HAND = "user"
"""The label of a trial that a user made, and not an algorithm."""


class Lender:
    """Serves studies that their clients run. Thread-safe.

    Args:
        suggestions: who answers for algorithms.
        now: seconds since the epoch.
        stopping: who answers for early stopping; None for what is installed.
        stock: answers to keep ahead of need for algorithms that do not learn.
        seconds: how long a trial is lent.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        *,
        stopping: EarlyStopping | None = None,
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
        self._judges = Judges(store, stopping or open_early_stopping())
        self._studies = OpenStudies(store, suggestions, now=now, advice=stock, on_gone=self._judges.forget)

    # --- Trials for clients

    def suggest(
        self,
        study: str,
        client: str,
        count: int = 1,
        *,
        afresh: bool = False,
        seconds: float | None = None,
        once: Once | None = None,
    ) -> list[Trial]:
        """Trials for `client` to run: the ones it runs already, then those that wait or were lost, then new ones.

        Args:
            count: how many it wants to have; it may get fewer: the budget or the search space has no more, and none at
                all when others still run the last ones.
            afresh: it wants `count` trials besides those it runs.
            seconds: how long they are lent; infinity to never take them back.
            once: the request that this is done for, if it has a key: the same trials again when it was done already.

        Raises:
            NotFound: no such study.
            StudyClosed: it has ended, or is stopped.
            AlgorithmFailed: the algorithm could not answer.
        """
        _check_demand(client, count)
        if once is not None and once.done:
            return self._trials(study, once.ordinals)
        until = self._now() + (self._seconds if seconds is None else seconds)
        demand = Demand(client=client, count=count, until=until, afresh=afresh)
        while True:
            trials, needed = self._hand_out(study, demand, once)
            if not needed:
                return trials
            if not self._advise(self._studies.get(study), needed):
                trials, _ = self._hand_out(study, demand, once, final=True)
                return trials

    def _hand_out(self, key: str, demand: Demand, once: Once | None, *, final: bool = False) -> tuple[list[Trial], int]:
        """Lend what is there; or nothing, and how much advice has to be there, because there is not enough. Unless it
        is `final`: who asks gets all in one answer.
        """

        def decide(view: StudyView, now: float) -> tuple[Changes | None, tuple[list[int], int]]:
            study = view.study
            _refuse_closed(study)
            over = used_up(study, stale=_stale(view, (), study.summary), now=now)
            handed = lending.hand_out(
                demand,
                unfinished=view.unfinished,
                advised=view.advised,
                room=_room(view),
                retry=self._retry,
                now=now,
                closing=over[1] if over else "",
            )
            if handed.missing and not final and not study.exhausted:
                return None, ([], handed.needed)
            condition = _condition(view, handed.moves, now)
            if not handed.moves and not condition:
                return None, (list(handed.ordinals), 0)
            receipt = once.receipt(handed.ordinals) if once else None
            changes = Changes(transitions=handed.moves, condition=condition, receipt=receipt)
            return changes, (list(handed.ordinals), 0)

        done = self._studies.change(key, decide, advice=demand.count)
        ordinals, needed = done.result
        by_ordinal = {trial.ordinal: trial for trial in done.view.unfinished}
        return [by_ordinal[ordinal] for ordinal in ordinals], needed

    def _advise(self, opened: OpenStudy, needed: int) -> bool:
        """Have so much advice recorded that `needed` is unused, by this thread or by the one that asks already. False
        when the algorithm has none left.
        """
        with opened.turn:
            opened.wanted += needed
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
                opened.wanted -= needed

    def _ask(self, opened: OpenStudy, study: Study, wanted: int) -> bool:
        config = replace(opened.config, budget=study.budget, settings={**opened.config.settings, **study.overrides})
        stock = min(self._stock, max(_left(study) - wanted, 0)) if opened.oblivious else 0
        first = study.summary.highest_ordinal + 1
        trials = opened.record.refresh(self.store, study.uid, sum(study.summary.counts.values()))
        reply = self._suggestions.suggest(config, trials, range(first, first + wanted + stock))
        self._store_advice(opened, study, reply)
        return bool(reply.advice)

    def _store_advice(self, opened: OpenStudy, study: Study, reply: AdviceReply) -> None:
        changes = Changes(
            advice=reply.advice,
            exhausted=reply.exhausted or None,
            overrides={**study.overrides, **reply.overrides} if reply.overrides else None,
        )
        with opened.turn:
            self.store.commit(nobody(study), changes, now=self._now())

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
        """Record intermediate values of a trial, whatever state it is in. Raises NotFound."""
        self.measure(study, ordinal, points, attempt=attempt)
        return self._trial(self._studies.get(study).config.uid, ordinal)

    def measure(
        self,
        study: str,
        ordinal: int,
        points: Sequence[MetricPoint],
        *,
        attempt: int | None = None,
        client: str | None = None,
    ) -> tuple[int, Trial]:
        """Record intermediate values of a trial, whatever state it is in. Whoever reports is there: the loan of the
        current attempt is renewed when half of it is over.

        Args:
            attempt: the one that the values are of; None for the current one.
            client: who reports; None for whoever runs the trial.

        Returns:
            How many values were new, and the trial as it was before.

        Raises:
            NotFound: no such study or trial.
        """
        uid = self._studies.get(study).config.uid
        trial = self._trial(uid, ordinal)
        of = trial.attempt if attempt is None else attempt
        batch = TrialPoints(trial=trial.name, attempt=of, points=tuple(points))
        now = self._now()
        stored = self.store.append_observations(uid, [batch], now=now)
        loan = trial.loan
        theirs = loan is not None and of == trial.attempt and client in (None, loan.client)
        if loan is not None and theirs and loan.until - now < self._seconds / 2:
            self.renew(study, ordinal, loan.client)
        return stored, trial

    def should_stop(self, study: str, ordinal: int) -> Trial:
        """The trial, `condemned` if it is to stop: a user wished it, or early stopping says so now. A verdict is put on
        record, and stands.

        Raises:
            NotFound: no such study or trial.
            AlgorithmFailed: early stopping gave no answer.
        """
        opened = self._studies.get(study)
        trial = self._trial(opened.config.uid, ordinal)
        if opened.stopping is None or trial.state is not TrialState.RUNNING or trial.stopped_by is not None:
            return trial
        running = (opened.view or self.store.view(opened.config.uid, advice=0)).unfinished
        stop = self._judges.verdict(opened.stopping, trial, [each for each in running if each.loan is not None])
        if stop is None:
            return trial

        def decide(view: StudyView, _now: float) -> tuple[Changes | None, None]:
            now_running = _find(view, ordinal)
            same = now_running is not None and now_running.attempt == trial.attempt
            if now_running is None or not same or now_running.state is not TrialState.RUNNING:
                return None, None
            if now_running.stopped_by is not None:
                return None, None
            return Changes(transitions=(lending.judged(now_running, stop),)), None

        return self._moved(study, ordinal, decide)

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
            return _completed(view.study, trial, metrics, step=step, now=now)

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

    def stop(self, study: str, ordinal: int, message: str = "stopped by a user") -> Trial:
        """Have a trial end early: one that waits ends at once, one that runs when its client asks `should_stop`.

        Raises NotFound. Nothing happens to one that has ended, or is to stop already.
        """

        def decide(view: StudyView, now: float) -> tuple[Changes | None, None]:
            trial = _find(view, ordinal)
            move = lending.stopped(trial, message, now=now) if trial is not None else None
            return self._moves(view, [move] if move else [], now), None

        return self._moved(study, ordinal, decide)

    def settle(self, study: str, *, stopping: str = "") -> Study:
        """Act on what a user wished of the study: its condition may be another one now.

        Args:
            stopping: why its unfinished trials are to stop; empty to let them end.

        Raises NotFound.
        """

        def decide(view: StudyView, now: float) -> tuple[Changes | None, None]:
            why = stopping or "the budget was lowered below it"
            ended = view.unfinished if stopping else _beyond(view)
            moves = [lending.stopped(trial, why, now=now) for trial in ended]
            return self._moves(view, [move for move in moves if move], now), None

        return self._studies.change(study, decide).view.study

    def _moves(self, view: StudyView, moves: Sequence[Transition], now: float) -> Changes | None:
        condition = _condition(view, moves, now)
        return Changes(transitions=moves, condition=condition) if moves or condition else None

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
        self,
        study: str,
        assignment: Mapping[str, object],
        *,
        metrics: Mapping[str, float] | None = None,
        once: Once | None = None,
    ) -> Trial:
        """Add a trial of one's own: to be run by the next client that asks, or with its result.

        Args:
            once: the request that this is done for, if it has a key: the same trial again when it was added already.

        Raises:
            NotFound: no such study.
            InvalidInput: the assignment is not in the search space, or a value is missing.
        """
        (ordinal,) = self.add_trials(study, [(assignment, metrics)], once=once)
        return self._trial(self._studies.get(study).config.uid, ordinal)

    def add_trials(
        self,
        study: str,
        added: Sequence[tuple[Mapping[str, object], Mapping[str, float] | None]],
        *,
        once: Once | None = None,
    ) -> list[int]:
        """Add any number of trials as `add_trial` does, in two transactions; their ordinals. All of them or none.

        When `once` was done already, what is missing of it is: the results of those that are open.

        Raises:
            NotFound: no such study.
            InvalidInput: some assignment is not in the search space, or a value is missing; with all faults of the
                first such trial.
        """
        opened = self._studies.get(study)
        checked = [assignment_of(opened.config.space, assignment) for assignment, _ in added]

        def create(view: StudyView, _now: float) -> tuple[Changes | None, list[int]]:
            for number, (_, metrics) in enumerate(added):
                if metrics is not None:
                    final_values(view.study.objectives, metrics, fold({}, ()), number + 1)
            first = view.study.summary.highest_ordinal + 1
            ordinals = list(range(first, first + len(checked)))
            advice = tuple(
                Advice(ordinal=ordinal, assignment=assignment, labels={ORIGIN_LABEL: BY_HAND})
                for ordinal, assignment in zip(ordinals, checked, strict=True)
            )
            moves, receipt = tuple(lending.added(each) for each in advice), once.receipt(ordinals) if once else None
            return Changes(advice=advice, transitions=moves, receipt=receipt), ordinals

        def complete(view: StudyView, now: float) -> tuple[Changes | None, None]:
            open_ones = {trial.ordinal: trial for trial in view.unfinished}
            ends = [
                _completed(view.study, open_ones[ordinal], metrics, step=None, now=now)
                for ordinal, (_, metrics) in zip(ordinals, added, strict=True)
                if metrics is not None and ordinal in open_ones
            ]
            moves, points = [move for _, move in ends], [each for each, _ in ends if each]
            return Changes(observations=points, transitions=moves, condition=_condition(view, moves, now)), None

        with opened.turn:
            # In one turn, so that no client of this process is given a trial whose result is known.
            done = once is not None and once.done
            ordinals = list(once.ordinals) if once and done else self._studies.change(study, create).result
            if any(metrics is not None for _, metrics in added):
                self._studies.change(study, complete)
        return ordinals

    # --- Inside

    def known(self, study: str) -> Study:
        """The study as it was at some time: good for what never changes of it. Raises NotFound, InvalidInput."""
        return self._studies.get(study).study

    def _moved(self, study: str, ordinal: int, decide: "Decide[None]") -> Trial:
        done = self._studies.change(study, decide)
        found = next((trial for trial in done.changed if trial.ordinal == ordinal), None)
        return found or self._trial(done.view.study.uid, ordinal)

    def forget(self, uid: str) -> None:
        """Let go of what is kept of a study, because it was deleted."""
        self._studies.forget(uid)

    def _trials(self, study: str, ordinals: Sequence[int]) -> list[Trial]:
        return self.store.trials(self._studies.get(study).config.uid, TrialFilter(ordinals=frozenset(ordinals)))

    def _trial(self, uid: str, ordinal: int) -> Trial:
        found = self.store.trials(uid, TrialFilter(ordinals=frozenset({ordinal})))
        if not found:
            raise NotFound(f"there is no trial {ordinal} in this study", hint="trials are counted from 1")
        return found[0]


def _completed(
    study: Study, trial: Trial, metrics: Mapping[str, float] | None, *, step: int | None, now: float
) -> tuple[TrialPoints | None, Transition]:
    """The end of a trial with these metrics, and what is to be stored of them. Raises InvalidInput."""
    points = final_points(metrics or {}, step=step, now=now)
    values = final_values(study.objectives, metrics, fold(trial.metrics, points), trial.ordinal)
    batch = TrialPoints(trial=trial.name, attempt=trial.attempt, points=points) if points else None
    if isinstance(values, str):
        return batch, lending.failed(trial, Reason.DIVERGED, values, now=now)
    return batch, lending.completed(trial, values, stopped=trial.condemned, now=now)


def _left(study: Study) -> int:
    """How many trials may still be created."""
    return UNBOUNDED if study.budget.max_trials is None else max(study.budget.max_trials - study.summary.created, 0)


def _beyond(view: StudyView) -> tuple[Trial, ...]:
    """The unfinished trials that a lowered budget has no place for: the latest."""
    most = view.study.budget.max_trials
    surplus = 0 if most is None else view.study.summary.created - most
    return view.unfinished[-surplus:] if surplus > 0 else ()


def _room(view: StudyView) -> int:
    """How many trials may be created now: those that wait for a client take up room as well."""
    return max(min(_left(view.study), view.study.budget.parallel - len(view.unfinished)), 0)


def _find(view: StudyView, ordinal: int) -> Trial | None:
    return next((trial for trial in view.unfinished if trial.ordinal == ordinal), None)


def _held_by(trial: Trial, client: str) -> bool:
    return trial.state is TrialState.RUNNING and trial.loan is not None and trial.loan.client == client


def _stale(view: StudyView, moves: Sequence[Transition], summary: Summary) -> int:
    """How many trials after the best one are finished after `moves`; 0 where no budget asks for it."""
    if view.study.budget.max_stale is None:
        return 0
    open_ones, advised = {trial.ordinal for trial in view.unfinished}, {trial.ordinal for trial in view.advised}
    for move in moves:
        advised.discard(move.ordinal)
        if move.target in UNFINISHED:
            open_ones.add(move.ordinal)
        else:
            open_ones.discard(move.ordinal)
    return stale(summary, open_ones, advised)


def _condition(view: StudyView, moves: Sequence[Transition], now: float) -> Condition | None:
    """The study's condition after `moves`, when that is another one than before."""
    study, summary = view.study, view.study.summary
    for move in moves:
        summary = summary.moved(move.source, move.target).with_values(move.ordinal, move.values, study.objectives)
    unused = summary.count(TrialState.ADVISED)
    finished = _stale(view, moves, summary)
    condition = verdict(study, summary, unused_advice=unused, now=now, stale=finished)
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
