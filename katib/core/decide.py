"""The decision: from everything known about a study at one moment to everything that should be done about it.

Total, pure and level-triggered. Actions are wishes with a name ("attempt 2 of trial 7 should run", "advice should exist
up to 12"): doing one twice changes nothing, doing only the first few is safe, and so is deciding on an old view.

The order of questions: what became of each run; is the study concluded; does its user want it stopped; is its goal
reached; did too many fail; is its budget of trials, of time or of patience spent; has the algorithm nothing left; is
something surplus; is there room.
"""

from dataclasses import dataclass, field

from katib.core.classify import Bucket, TrialView, classify
from katib.core.moves import Moved, judged, move, paused_until
from katib.core.run import Phase
from katib.core.stopping import EarlyStop, Judgement, StopRule
from katib.core.study import Condition, RetryPolicy, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import Reason, Transition, Trial, TrialState
from katib.core.verdict import stale, used_up, verdict


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything a decision is made from.

    Attributes:
        now: seconds since the epoch; the only time there is.
        trials: every unfinished trial with its run's report, by ordinal.
        advised: the first advice on record that no trial was made of yet, by ordinal: all of it, or as many as the
            study is wide.
        retry: what follows a failed or lost attempt.
        patience: seconds to wait after a run's end for its metrics.
        stock: answers of the algorithm to keep ahead of need; 0 for one that learns from results.
        ahead: how many launched runs may wait at the runner for one of the study's places; None for a runner that
            starts at once whatever is launched.
        judgements: early stopping verdicts that were found, on whatever attempts.
        rules: early stopping rules to attach to trials that are created now.
    """

    now: float
    study: Study
    trials: tuple[TrialView, ...] = ()
    advised: tuple[Trial, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    patience: float = 30.0
    stock: int = 0
    ahead: int | None = None
    judgements: tuple[Judgement, ...] = ()
    rules: tuple[StopRule, ...] = ()

    @property
    def unused_advice(self) -> int:
        """How much advice on record no trial was made of yet."""
        return max(len(self.advised), self.study.summary.count(TrialState.ADVISED))

    @property
    def room(self) -> int:
        """How many trials may be unfinished at a time: those that run, and those that wait for their places."""
        return self.study.budget.parallel + (self.ahead or 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """Attempt `attempt` of trial `ordinal` should run."""

    ordinal: int
    attempt: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """The run of attempt `attempt` of trial `ordinal` should end."""

    ordinal: int
    attempt: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What should be done, in this order; an empty plan means that the study is at rest.

    Attributes:
        transitions: moves of trials on record.
        condition: the study's new condition; None when it stays.
        stops, launches: wishes to the runner. A launch of a trial that this plan creates comes after its creation.
        advise_upto: advice should exist up to this ordinal; None when enough does.
        wake_at: look again at this time even if nothing happens; None when only news can change the plan.
        notes: what the study is doing or waiting for, for people; never empty.
    """

    transitions: tuple[Transition, ...] = ()
    condition: Condition | None = None
    stops: tuple[Stop, ...] = ()
    launches: tuple[Launch, ...] = ()
    advise_upto: int | None = None
    wake_at: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.transitions or self.condition or self.stops or self.launches or self.advise_upto)


def decide(snapshot: Snapshot) -> Plan:
    """The plan for a snapshot. Never raises for a well-typed one; the same snapshot gives the same plan."""
    draft = _Draft.of(snapshot)
    for view in snapshot.trials:
        draft.take(view)
    closing = draft.closing
    if closing and not snapshot.study.condition.concluded and not snapshot.study.stop_requested:
        draft.give_up(closing)
    condition = verdict(
        snapshot.study, draft.summary, unused_advice=snapshot.unused_advice, now=snapshot.now, stale=draft.stale
    )
    if condition.concluded:
        draft.wind_down(condition)
    elif snapshot.study.stop_requested:
        draft.interrupt()
        condition = _stopping(condition, draft, snapshot)
    else:
        draft.drop_surplus()
        if not closing:
            draft.fill_room()
    return draft.plan(condition)


def _stopping(condition: Condition, draft: "_Draft", snapshot: Snapshot) -> Condition:
    """STOPPED once nothing runs any more; until then the study is what it was."""
    if draft.busy:
        return condition
    return Condition(
        status=StudyStatus.STOPPED,
        reason=StudyReason.STOPPED,
        message="stopped on request; unfinished trials run again when it is resumed",
        since=snapshot.now,
    )


@dataclass
class _Draft:
    """A plan in the making. Lives for one call of `decide`.

    Attributes:
        alive: trials with a run that runs or is about to.
        draining: trials whose run ended and whose last metrics are awaited: each holds its place, nothing can stop it.
        waiting: trials without a run, as they are after this plan's transitions.
        condemned: those among the alive ones that are to be stopped early.
        verdicts: the judgements of the snapshot, by (ordinal, attempt).
        transitions: by ordinal, at most one each.
        stops: by ordinal, likewise.
    """

    snapshot: Snapshot
    summary: Summary
    alive: list[Trial] = field(default_factory=list)
    draining: list[Trial] = field(default_factory=list)
    waiting: list[Trial] = field(default_factory=list)
    condemned: set[int] = field(default_factory=set)
    verdicts: dict[tuple[int, int], EarlyStop] = field(default_factory=dict)
    transitions: dict[int, Transition] = field(default_factory=dict)
    stops: dict[int, Stop] = field(default_factory=dict)
    launches: list[Launch] = field(default_factory=list)
    advise_upto: int | None = None
    wakes: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Draft":
        verdicts = {(each.ordinal, each.attempt): each.stop for each in snapshot.judgements}
        return cls(snapshot=snapshot, summary=snapshot.study.summary, verdicts=verdicts)

    @property
    def busy(self) -> int:
        """Trials whose run is not over and done with."""
        return len(self.alive) + len(self.draining)

    @property
    def stale(self) -> int:
        """How many trials after the best one are finished."""
        unfinished = {trial.ordinal for trial in (*self.alive, *self.draining, *self.waiting)}
        # Advice is used in its order, so all that is left of it comes after the best trial.
        return stale(self.summary, unfinished, ())

    @property
    def closing(self) -> str:
        """Why nothing is begun any more though there is budget for trials; empty while something is."""
        over = used_up(self.snapshot.study, stale=self.stale, now=self.snapshot.now)
        return over[1] if over else ""

    def give_up(self, why: str) -> None:
        """Nothing is begun any more: what does not run will not, and what runs may end."""
        for trial in self.waiting:
            self._kill(trial, Reason.BUDGET_SPENT, why)
        self.waiting = []
        if self.busy:
            self.notes.append(f"{why}; waiting for {_runs(self.busy)} to end")

    def take(self, view: TrialView) -> None:
        """Sort one unfinished trial: move it on, or note that it is alive, draining or waiting."""
        snapshot = self.snapshot
        trial = view.trial
        bucket = classify(view, now=snapshot.now, patience=snapshot.patience)
        moved = move(view, bucket, study=snapshot.study, retry=snapshot.retry, now=snapshot.now)
        if moved.transition is not None:
            self.transitions[trial.ordinal] = moved.transition
            self.summary = self.summary.moved(trial.state, moved.transition.target)
            self.summary = self.summary.with_values(trial.ordinal, moved.transition.values, snapshot.study.objectives)
        if bucket is Bucket.ALIVE:
            self._judge(view, moved)
        if bucket is Bucket.DRAINING:
            self.draining.append(trial)
            self.wakes.append(view.drained_by(snapshot.patience))
            self.notes.append(f"trial {trial.ordinal} ended; its last metrics are being read")
        elif moved.alive:
            self.alive.append(trial)
        elif moved.waiting is not None:
            self.waiting.append(moved.waiting)

    def _judge(self, view: TrialView, moved: Moved) -> None:
        """Stop a run that is to be stopped early, once that is on record; record it when that is new."""
        trial = view.trial
        stop = trial.stopped_by
        if stop is None:
            stop = self.verdicts.get((trial.ordinal, trial.attempt))
            recorded = None if stop is None else judged(view, stop, moved)
            if recorded is None:
                return
            self.transitions[trial.ordinal] = recorded
            self.notes.append(f"trial {trial.ordinal} {recorded.message}")
        if stop is not None and not stop.shadow:
            self.condemned.add(trial.ordinal)
            self._stop(trial, f"stopped early: {stop.message}")

    def wind_down(self, condition: Condition) -> None:
        """The verdict stands: what still runs is surplus."""
        reason = Reason.GOAL_REACHED if condition.reason is StudyReason.GOAL_REACHED else Reason.STUDY_FAILED
        why = f"the study is concluded: {condition.message}"
        for trial in self.alive:
            self._stop(trial, why)
        for trial in self.waiting:
            self._kill(trial, reason, why)
        self.notes.append(
            f"concluded; waiting for {_runs(self.busy)} to end" if self.busy else f"concluded: {condition.message}"
        )

    def interrupt(self) -> None:
        """The user wants it stopped: unfinished trials go back to Pending and keep their place."""
        for trial in self.alive:
            self._stop(trial, "the study is to stop")
        self.notes.append(f"stopping: waiting for {_runs(self.busy)} to end" if self.busy else "stopped on request")

    def drop_surplus(self) -> None:
        """A budget lowered below what exists: the newest trials go; a width lowered: the newest runs go back."""
        budget = self.snapshot.study.budget
        if budget.max_trials is not None:
            # A killed trial has gone already: counting it here would drop another one in its stead, pass after pass.
            excess = self.summary.created - self.summary.count(TrialState.KILLED) - budget.max_trials
            self._drop_newest(excess, f"the budget is now {budget.max_trials} trials")
        staying = [trial for trial in self.alive if trial.ordinal not in self.stops]
        if self.snapshot.ahead is not None:
            # The others wait, and begin only when there is a place.
            running = {view.trial.ordinal for view in self.snapshot.trials if view.run.phase is Phase.RUNNING}
            staying = [trial for trial in staying if trial.ordinal in running]
        for trial in _newest(staying, len(staying) - budget.parallel):
            self._stop(trial, f"parallelism is now {budget.parallel}")
        if self.stops:
            self.notes.append(f"waiting for {_runs(len(self.stops))} to end: {next(iter(self.stops.values())).why}")

    def _drop_newest(self, excess: int, why: str) -> None:
        waiting = {trial.ordinal for trial in self.waiting}
        # One that is being stopped early counts in the end, like one that ended by itself: dropping it gains nothing.
        staying = [trial for trial in self.alive if trial.ordinal not in self.condemned]
        dropped = _newest([*self.waiting, *staying], excess)
        for trial in dropped:
            if trial.ordinal in waiting:
                self._kill(trial, Reason.BUDGET_LOWERED, why)
            else:
                self._stop(trial, why)
        gone = {trial.ordinal for trial in dropped}
        self.waiting = [trial for trial in self.waiting if trial.ordinal not in gone]

    def fill_room(self) -> None:
        """Start what waits, then create trials from advice, then ask for more advice."""
        budget = self.snapshot.study.budget
        self._resume(slots=self.snapshot.room - self.busy)
        room = self.snapshot.room - self.busy - len(self.waiting)
        left = None if budget.max_trials is None else max(budget.max_trials - self.summary.created, 0)
        room = max(room if left is None else min(room, left), 0)
        for advice in self.snapshot.advised[:room]:
            self._create(advice)
        self._ask(missing=room - self.snapshot.unused_advice, left=left)
        running = len(self.alive) + len(self.launches)
        if self.snapshot.ahead:
            running = min(running, budget.parallel)
        if running:
            self.notes.append(f"{_runs(running)} in progress")

    def _resume(self, *, slots: int) -> None:
        """Start trials that exist and do not run, the oldest first."""
        snapshot = self.snapshot
        for trial in self.waiting:
            until = paused_until(trial, retry=snapshot.retry, now=snapshot.now)
            if until is not None:
                self.wakes.append(until)
                self.notes.append(f"trial {trial.ordinal} runs again after a pause: {trial.message}")
            elif slots > 0:
                slots -= 1
                self.launches.append(Launch(ordinal=trial.ordinal, attempt=trial.attempt, why=trial.reason.value))

    def _create(self, advice: Trial) -> None:
        self.transitions[advice.ordinal] = Transition(
            ordinal=advice.ordinal,
            source=TrialState.ADVISED,
            attempt=advice.attempt,
            target=TrialState.PENDING,
            reason=Reason.CREATED,
            rules=self.snapshot.rules,
        )
        self.launches.append(Launch(ordinal=advice.ordinal, attempt=advice.attempt, why="there is room"))

    def _ask(self, *, missing: int, left: int | None) -> None:
        """Wish for advice when it is missing; and, when stock is kept, for stock along with it or when half is gone."""
        study, stock = self.snapshot.study, self.snapshot.stock
        unused = max(-missing, 0)
        if study.exhausted or (missing <= 0 and unused >= (stock + 1) // 2):
            return
        wanted = missing + stock
        if left is not None:
            # Never more answers on record than the budget can use.
            wanted = min(wanted, left - self.snapshot.unused_advice)
        if wanted > 0:
            self.advise_upto = study.summary.highest_ordinal + wanted
            if missing > 0:
                self.notes.append(f"waiting for the algorithm to suggest {missing} more")

    def _stop(self, trial: Trial, why: str) -> None:
        self.stops[trial.ordinal] = Stop(ordinal=trial.ordinal, attempt=trial.attempt, why=why)

    def _kill(self, trial: Trial, reason: Reason, why: str) -> None:
        """A waiting trial will not run any more; what this plan found out about its last attempt stays on record."""
        again = self.transitions.get(trial.ordinal)
        self.transitions[trial.ordinal] = Transition(
            ordinal=trial.ordinal,
            source=again.source if again else trial.state,
            attempt=again.attempt if again else trial.attempt,
            target=TrialState.KILLED,
            reason=reason,
            message=why,
            failures=again.failures if again else None,
            losses=again.losses if again else None,
            ended_at=self.snapshot.now,
        )
        self.summary = self.summary.moved(TrialState.PENDING, TrialState.KILLED)

    def _time_over(self) -> float | None:
        """When its time will be over; None where that is no matter."""
        study, now = self.snapshot.study, self.snapshot.now
        if study.budget.max_seconds is None or study.condition.ended:
            return None
        at = (now if study.started_at is None else study.started_at) + study.budget.max_seconds
        return at if at > now else None

    def plan(self, condition: Condition) -> Plan:
        over = self._time_over()
        if over is not None and not condition.concluded:
            self.wakes.append(over)
        old = self.snapshot.study.condition
        changed = (condition.status, condition.reason) != (old.status, old.reason)
        return Plan(
            transitions=tuple(self.transitions.values()),
            condition=condition if changed else None,
            stops=tuple(self.stops.values()),
            launches=tuple(self.launches),
            advise_upto=self.advise_upto,
            wake_at=min(self.wakes, default=None),
            notes=tuple(self.notes) or (condition.message or "nothing to do",),
        )


def _newest(trials: list[Trial], number: int) -> list[Trial]:
    """The `number` trials with the highest ordinals; none when it is 0 or less."""
    return sorted(trials, key=lambda trial: -trial.ordinal)[: max(number, 0)]


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
