"""Studies that their clients run: clients ask for trials, report on them, and complete them.

Any number of processes may serve one study: nobody owns it, and each change is written only if the study still is as it
was read (`Changes.basis`), else decided anew. What is decided is in `katib.core.lending`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from katib.core import lending
from katib.core.lending import Demand
from katib.core.observation import MetricPoint
from katib.core.study import RetryPolicy, Study
from katib.core.trial import Reason, Transition, Trial, TrialState
from katib.core.verdict import used_up
from katib.errors import Fault, InvalidInput, NotFound
from katib.service.adding import BY_HAND, Added, add_trials
from katib.service.advising import Adviser
from katib.service.judging import Judges
from katib.service.once import Once
from katib.service.open_studies import Decide, OpenStudies
from katib.service.reading import (
    beyond,
    completion,
    condition_after,
    held_by,
    refuse_closed,
    room_in,
    stale_after,
    unfinished_trial,
)
from katib.stores.contract import NAME_LIMIT, Changes, Event, Store, StudyView, TrialFilter, TrialPoints
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping import open_early_stopping
from katib.suggestion.early_stopping.contract import EarlyStopping

T = TypeVar("T")

LOAN_SECONDS = 3600.0
"""How long a trial is lent without another word from its client; a report renews the loan."""

MOST_AT_ONCE = 10_000
"""Trials in one request."""


class Lender:
    """Serves studies that their clients run. Thread-safe.

    Args:
        suggestions: who answers for algorithms.
        now: seconds since the epoch.
        stopping: who answers for early stopping; None for what is installed.
        stock: answers to keep ahead of need for algorithms that do not learn.
        seconds: how long a trial is lent unless its client says.
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
        self._now = now
        self._seconds = seconds
        self._retry = RetryPolicy()
        self._judges = Judges(store, stopping or open_early_stopping())
        self._adviser = Adviser(store, suggestions, now=now, stock=stock)
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
        seconds = self._seconds if seconds is None else seconds
        demand = Demand(client=client, count=count, seconds=seconds, afresh=afresh)
        while True:
            trials, needed = self._hand_out(study, demand, once)
            if not needed:
                return trials
            if not self._adviser.advise(self._studies.get(study), needed):
                trials, _ = self._hand_out(study, demand, once, final=True)
                return trials

    def _hand_out(self, key: str, demand: Demand, once: Once | None, *, final: bool = False) -> tuple[list[Trial], int]:
        """Lend what is there; or nothing, and how much advice has to be there, because there is not enough. Unless it
        is `final`: who asks gets all in one answer.
        """

        def decide(view: StudyView, now: float) -> tuple[Changes | None, tuple[list[int], int]]:
            study = view.study
            refuse_closed(study)
            over = used_up(study, stale=stale_after(view, (), study.summary), now=now)
            handed = lending.hand_out(
                demand,
                unfinished=view.unfinished,
                advised=view.advised,
                room=room_in(view),
                retry=self._retry,
                now=now,
                closing=over[1] if over else "",
            )
            if handed.missing and not final and not study.exhausted:
                return None, ([], handed.needed)
            condition = condition_after(view, handed.moves, now)
            if not handed.moves and not condition:
                return None, (list(handed.ordinals), 0)
            receipt = once.receipt(handed.ordinals) if once else None
            changes = Changes(transitions=handed.moves, condition=condition, receipt=receipt)
            return changes, (list(handed.ordinals), 0)

        done = self._studies.change(key, decide, advice=demand.count)
        ordinals, needed = done.result
        by_ordinal = {trial.ordinal: trial for trial in done.view.unfinished}
        return [by_ordinal[ordinal] for ordinal in ordinals], needed

    def renew(self, study: str, ordinal: int, client: str, *, seconds: float | None = None) -> Trial:
        """Keep a trial for longer: by default for as long again as it was lent.

        Does nothing when it is not `client`'s any more. Raises NotFound.
        """

        def decide(view: StudyView, now: float) -> tuple[Changes | None, None]:
            trial = unfinished_trial(view, ordinal)
            if trial is None or not held_by(trial, client):
                return None, None
            return Changes(transitions=(lending.renewed(trial, now, seconds),)), None

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
        if loan is not None and theirs and loan.until - now < loan.seconds / 2:
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
            now_running = unfinished_trial(view, ordinal)
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
            return completion(view.study, trial, metrics, step=step, now=now)

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
            trial = unfinished_trial(view, ordinal)
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
            ended = view.unfinished if stopping else beyond(view)
            moves = [lending.stopped(trial, why, now=now) for trial in ended]
            return self._moves(view, [move for move in moves if move], now), None

        return self._studies.change(study, decide).view.study

    def _moves(self, view: StudyView, moves: Sequence[Transition], now: float) -> Changes | None:
        condition = condition_after(view, moves, now)
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
            trial = unfinished_trial(view, ordinal)
            if trial is None:
                known = self._trial(view.study.uid, ordinal)
                event = Event(time=now, kind="Normal", reason="LateReport", message=late, ordinal=known.ordinal)
                return Changes(events=[event]), None
            points, move = end(view, trial, now)
            condition = condition_after(view, (move,), now)
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
        added: Sequence[Added],
        *,
        origin: str = BY_HAND,
        begun: Sequence[int] = (),
        once: Once | None = None,
    ) -> list[int]:
        """Add any number of trials as `add_trial` does; see `adding.add_trials`."""
        done = tuple(once.ordinals) if once is not None and once.done else tuple(begun)
        return add_trials(self._studies, study, added, origin=origin, begun=done, once=once)

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


def _check_demand(client: str, count: int) -> None:
    faults = []
    if not client or len(client) > NAME_LIMIT:
        wanted = f"a name of 1 to {NAME_LIMIT} characters for the client, the same each time it asks"
        faults.append(Fault(path="client", given=client, wanted=wanted))
    if not 0 <= count <= MOST_AT_ONCE:
        faults.append(Fault(path="count", given=str(count), wanted=f"from 0 to {MOST_AT_ONCE} trials"))
    if faults:
        raise InvalidInput(faults, what="the request for trials")
