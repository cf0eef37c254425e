"""A world to run the real `decide` in: a store, a runner, an algorithm, a clock and a user, all of them toys.

Ten thousand trials take seconds in it, and it has every nuisance of the real world on demand: views that lag behind,
passes that die between two effects, runs that end badly, vanish or are refused, a user who changes his mind, a clock
that jumps.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from katib.core.classify import TrialView
from katib.core.decide import Plan, Snapshot, decide
from katib.core.names import trial_name
from katib.core.observation import Metrics
from katib.core.run import NOT_LAUNCHED, RunKey, RunReport
from katib.core.stopping import Judgement
from katib.core.study import Budget, RetryPolicy, Study
from katib.core.trial import FINISHED, Trial
from katib.errors import Conflict
from katib.stores.contract import Changes, StudyView, Wish
from katib.testing import builders as make
from katib.testing.clock import Clock
from katib.testing.toys import Fate, ToyRunner, ToyStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """By how many changes of the world the two halves of a snapshot are old."""

    view: int = 0
    reports: int = 0


FRESH = Lag()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What could be read at one moment."""

    view: StudyView
    reports: Mapping[RunKey, tuple[RunReport, Metrics]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One step of a pass. Doing it twice is doing it once. `do` raises Conflict when the whole pass must be dropped."""

    name: str
    do: Callable[[], None]


class World:
    """A study, carried by the real `decide`.

    Args:
        fate: what becomes of each run that is left to itself.
        space: how many points the algorithm has; None for any number.
        guarded: commits are refused when the study is not at the snapshot's revision, as the contract says. Without,
            only each transition's compare-and-swap holds.
        memory: how many readings to keep for snapshots that lag.
        watch: called with each snapshot and its plan.

    Attributes:
        question: the ordinals that the algorithm is asked for; None when it is not asked.
        judgements: early stopping verdicts that were found, by (ordinal, attempt); forgotten when the process ends.
        decided_at, width: the time of the snapshot that was committed last, and the parallelism in force then.
    """

    def __init__(
        self,
        study: Study,
        *,
        fate: Callable[[RunKey], Fate] = lambda _key: Fate(),
        retry: RetryPolicy | None = None,
        patience: float = 30.0,
        stock: int = 0,
        ahead: int | None = None,
        space: int | None = None,
        guarded: bool = True,
        memory: int = 1,
        watch: Callable[[Snapshot, Plan], None] = lambda _snapshot, _plan: None,
    ) -> None:
        self.clock = Clock()
        self.store = ToyStore(study=study)
        self.runner = ToyRunner(clock=self.clock, fate=fate, queues=ahead is not None)
        self.retry = retry or RetryPolicy()
        self.patience = patience
        self.stock = stock
        self.ahead = ahead
        self.space = space
        self.guarded = guarded
        self.watch = watch
        self.question: range | None = None
        self.judgements: dict[tuple[int, int], Judgement] = {}
        self.decided_at = self.clock()
        self.width = study.budget.parallel
        self._readings: deque[Reading] = deque(maxlen=memory)
        self._age_of_last_commit = 0
        self.remember()

    @property
    def study(self) -> Study:
        return self.store.study

    def remember(self) -> None:
        """Keep what can be read now, if it is news, for snapshots that lag. To be called after each event."""
        reading = Reading(view=self.store.view(), reports=self.runner.observe())
        last = self._readings[-1] if self._readings else None
        if last and (last.view.study.revision, last.reports) == (reading.view.study.revision, reading.reports):
            return
        self._readings.append(reading)
        self._age_of_last_commit += 1

    def wish(self, *, stop: bool | None = None, budget: Budget | None = None, reopen: bool = False) -> None:
        """The user wishes something."""
        self.store.wish(Wish(stop=stop, budget=budget, reopen=reopen), now=self.clock())

    def answer(self, number: int | None = None) -> None:
        """The algorithm answers the open question, with `number` suggestions or as many as were asked for."""
        if self.question is None:
            return
        known = self.question if self.space is None else [each for each in self.question if each <= self.space]
        given = list(known)[:number]
        exhausted = "every point was tried" if len(known) < len(self.question) and given == list(known) else None
        self.question = None
        self.store.commit(Changes(advice=[make.advice(ordinal) for ordinal in given], exhausted=exhausted))

    def judge(self, ordinal: int, attempt: int, *, shadow: bool = False) -> None:
        """Early stopping finds that an attempt is hopeless, once."""
        self.judgements.setdefault((ordinal, attempt), make.judgement(ordinal, attempt, shadow=shadow))

    def die(self) -> None:
        """The process ends: its open question and what it found about trials is forgotten. Store and runs stay."""
        self.question = None
        self.judgements.clear()

    def snapshot(self, lag: Lag = FRESH) -> Snapshot:
        """What a pass would decide on."""
        view, reports = self._view(lag.view), self._reports(lag.reports)
        return Snapshot(
            now=self.clock(),
            study=view.study,
            trials=tuple(_seen(trial, reports) for trial in view.unfinished),
            advised=view.advised[: view.study.budget.parallel + (self.ahead or 0)],
            retry=self.retry,
            patience=self.patience,
            stock=self.stock,
            ahead=self.ahead,
            judgements=tuple(self.judgements.values()),
        )

    def _view(self, lag: int) -> StudyView:
        return self._readings[-1 - min(lag, len(self._readings) - 1)].view if lag else self.store.view()

    def _reports(self, lag: int) -> Mapping[RunKey, tuple[RunReport, Metrics]]:
        if not self.guarded:
            return self._readings[-1 - min(lag, len(self._readings) - 1)].reports if lag else self.runner.observe()
        # A runner's reports never go back behind what it said for the last commit, and a run that was asked for is
        # reported from then on: its contract.
        now = self.runner.observe()
        oldest = min(lag, len(self._readings) - 1, self._age_of_last_commit)
        if oldest <= 0:
            return now
        old = self._readings[-1 - oldest].reports
        return {**{key: (make.starting(), {}) for key in now}, **old}

    def effects(self, lag: Lag = FRESH) -> list[Effect]:
        """One pass: the snapshot is read and decided on now, the rest is in the effects, to be done in this order."""
        snapshot = self.snapshot(lag)
        return list(self._effects(snapshot, decide(snapshot)))

    def step(self, lag: Lag = FRESH) -> Plan | None:
        """A whole pass: its plan, or None when it was dropped as too old."""
        snapshot = self.snapshot(lag)
        plan = decide(snapshot)
        try:
            for effect in self._effects(snapshot, plan):
                effect.do()
        except Conflict:
            return None
        return plan

    def play(self, *, passes: int, seconds: float = 1.0) -> int:
        """Fair play: time passes, runs run, questions are answered, until the study has ended and is at rest.

        Returns the passes that took. Raises AssertionError when `passes` were not enough.
        """
        for number in range(passes):
            plan = self.step()
            if plan is not None and plan.at_rest:
                if self.study.condition.ended:
                    return number
                # Nothing runs and nothing is asked: only time helps.
                self.clock.time = max(self.clock(), plan.wake_at or 0.0)
            self.answer()
            self.clock.advance(seconds)
            self.runner.work(seconds)
        raise AssertionError(f"not at rest after {passes} passes: {decide(self.snapshot())}")

    def _effects(self, snapshot: Snapshot, plan: Plan) -> Iterator[Effect]:
        self.watch(snapshot, plan)
        yield Effect(name="commit", do=partial(self._commit, snapshot, plan))
        if self.runner.queues and self.runner.limit != snapshot.study.budget.parallel:
            yield Effect(name="limit", do=partial(self.runner.set_limit, snapshot.study.budget.parallel))
        for stop in plan.stops:
            key = (_name(stop.ordinal), stop.attempt)
            yield Effect(name=f"stop {stop.ordinal}", do=partial(self.runner.stop, key))
        for launch in plan.launches:
            key = (_name(launch.ordinal), launch.attempt)
            yield Effect(name=f"launch {launch.ordinal}", do=partial(self.runner.launch, key))
        if plan.advise_upto is not None:
            asked = range(snapshot.study.summary.highest_ordinal + 1, plan.advise_upto + 1)
            yield Effect(name="ask", do=partial(self._ask, asked))

    def _ask(self, ordinals: range) -> None:
        if self.question is None:
            self.question = ordinals

    def _commit(self, snapshot: Snapshot, plan: Plan) -> None:
        basis = StudyView(study=snapshot.study) if self.guarded else None
        self.store.commit(Changes(transitions=plan.transitions, condition=plan.condition, basis=basis))
        self.decided_at = snapshot.now
        self.width = self.study.budget.parallel
        self._age_of_last_commit = 0
        for move in plan.transitions:
            if move.target in FINISHED or move.attempt_after not in (None, move.attempt):
                self.runner.forget((_name(move.ordinal), move.attempt))


def _seen(trial: Trial, reports: Mapping[RunKey, tuple[RunReport, Metrics]]) -> TrialView:
    report, metrics = reports.get((trial.name, trial.attempt), (NOT_LAUNCHED, {}))
    return TrialView(trial=replace(trial, metrics=metrics), run=report)


def _name(ordinal: int) -> str:
    return trial_name(make.STUDY, make.UID, ordinal)
