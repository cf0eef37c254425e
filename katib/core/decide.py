"""The decision: from everything known about a study at one moment to everything that should be done about it.

Total, pure and level-triggered. Actions are wishes with a name ("attempt 2 of trial 7 should run", "advice should exist
up to 12"): doing one twice changes nothing, doing only the first few is safe, and so is deciding on an old view.

The order of questions: what became of each run; is the study concluded; does its user want it stopped; is its goal
reached; did too many fail; is its budget spent; has the algorithm nothing left; is something surplus; is there room.
"""

from dataclasses import dataclass, field

from katib.core.classify import Bucket, TrialView, classify
from katib.core.moves import Moved, move
from katib.core.study import Condition, RetryPolicy, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import Reason, Transition, Trial, TrialState
from katib.core.verdict import verdict


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything a decision is made from.

    Attributes:
        now: seconds since the epoch; the only time there is.
        trials: every unfinished trial with its run's report, by ordinal.
        advised: advice on record that no trial was made of yet, by ordinal.
        retry: what follows a failed or lost attempt.
        patience: seconds to wait after a run's end for its metrics.
        stock: answers of the algorithm to keep ahead of need; 0 for one that learns from results.
    """

    now: float
    study: Study
    trials: tuple[TrialView, ...] = ()
    advised: tuple[Trial, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    patience: float = 30.0
    stock: int = 0


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
    condition = verdict(snapshot.study, draft.summary, unused_advice=len(snapshot.advised), now=snapshot.now)
    if condition.concluded:
        draft.wind_down(condition)
    elif snapshot.study.stop_requested:
        draft.interrupt()
        condition = _stopping(condition, draft, snapshot)
    else:
        draft.drop_surplus()
        draft.fill_room()
    return draft.plan(condition)


def _stopping(condition: Condition, draft: "_Draft", snapshot: Snapshot) -> Condition:
    """STOPPED once nothing runs any more; until then the study is what it was."""
    if draft.alive:
        return condition
    return Condition(
        status=StudyStatus.STOPPED,
        reason=StudyReason.STOPPED,
        message="stopped on request; unfinished trials run again when it is resumed",
        since=snapshot.now,
    )


@dataclass
class _Draft:
    """A plan in the making. Lives for one call of `decide`."""

    snapshot: Snapshot
    summary: Summary
    alive: list[Trial] = field(default_factory=list)
    waiting: list[Trial] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    advise_upto: int | None = None
    wakes: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Draft":
        return cls(snapshot=snapshot, summary=snapshot.study.summary)

    @property
    def unfinished(self) -> int:
        return len(self.alive) + len(self.waiting)

    def take(self, view: TrialView) -> None:
        """Sort one unfinished trial: move it on, or note that it is alive or waiting."""
        snapshot = self.snapshot
        bucket = classify(view, now=snapshot.now, patience=snapshot.patience)
        moved = move(view, bucket, study=snapshot.study, retry=snapshot.retry, now=snapshot.now)
        if moved.transition is not None:
            self.transitions.append(moved.transition)
            self._count(view.trial, moved)
        if moved.wake_at is not None:
            self.wakes.append(moved.wake_at)
        if moved.alive:
            self.alive.append(view.trial)
            if bucket is Bucket.DRAINING:
                self.notes.append(f"trial {view.trial.ordinal} ended; its last metrics are being read")
        elif moved.waiting is not None:
            self.waiting.append(moved.waiting)

    def _count(self, trial: Trial, moved: Moved) -> None:
        transition = moved.transition
        if transition is None:
            return
        self.summary = self.summary.moved(trial.state, transition.target)
        self.summary = self.summary.with_value(trial.ordinal, transition.value, self.snapshot.study.objective)

    def wind_down(self, condition: Condition) -> None:
        """The verdict stands: what still runs is surplus."""
        reason = Reason.GOAL_REACHED if condition.reason is StudyReason.GOAL_REACHED else Reason.STUDY_FAILED
        why = f"the study is concluded: {condition.message}"
        self._stop(self.alive, why)
        for trial in self.waiting:
            self._kill(trial, reason, why)
        self.waiting = []
        if self.alive:
            self.notes.append(f"concluded; waiting for {_runs(len(self.alive))} to end")
        else:
            self.notes.append(condition.message)

    def interrupt(self) -> None:
        """The user wants it stopped: unfinished trials go back to Pending and keep their place."""
        self._stop(self.alive, "the study is to stop")
        self.notes.append(
            f"stopping: waiting for {_runs(len(self.alive))} to end" if self.alive else "stopped on request"
        )

    def drop_surplus(self) -> None:
        """A budget lowered below what exists: the newest trials go; a width lowered: the newest runs go back."""
        budget = self.snapshot.study.budget
        if budget.max_trials is not None:
            excess = self.summary.created - budget.max_trials
            self._drop_newest(excess, f"the budget is now {budget.max_trials} trials")
        width = len(self.alive) - budget.parallel
        if width > 0:
            newest = sorted(self.alive, key=lambda trial: trial.ordinal)[-width:]
            self._stop(newest, f"parallelism is now {budget.parallel}")

    def _drop_newest(self, excess: int, why: str) -> None:
        for trial in sorted([*self.waiting, *self.alive], key=lambda trial: -trial.ordinal)[: max(excess, 0)]:
            if trial in self.waiting:
                self.waiting.remove(trial)
                self._kill(trial, Reason.BUDGET_LOWERED, why)
            else:
                self._stop([trial], why)

    def fill_room(self) -> None:
        """Start what waits, then create trials from advice, then ask for more advice."""
        budget = self.snapshot.study.budget
        slots = budget.parallel - len(self.alive)
        for trial in self.waiting:
            if trial.not_before > self.snapshot.now:
                self.wakes.append(trial.not_before)
                self.notes.append(f"trial {trial.ordinal} runs again after a pause: {trial.message}")
            elif slots > 0:
                slots -= 1
                self.launches.append(Launch(ordinal=trial.ordinal, attempt=trial.attempt, why=trial.reason.value))
        room = budget.parallel - self.unfinished
        left = None if budget.max_trials is None else max(budget.max_trials - self.summary.created, 0)
        room = max(room if left is None else min(room, left), 0)
        for advice in self.snapshot.advised[:room]:
            self._create(advice)
        self._ask(missing=room - len(self.snapshot.advised), left=left)
        self._note_progress()

    def _create(self, advice: Trial) -> None:
        why = "there is room"
        self.transitions.append(
            Transition(
                ordinal=advice.ordinal,
                source=TrialState.ADVISED,
                attempt=advice.attempt,
                target=TrialState.PENDING,
                reason=Reason.CREATED,
            )
        )
        self.summary = self.summary.moved(TrialState.ADVISED, TrialState.PENDING)
        self.launches.append(Launch(ordinal=advice.ordinal, attempt=advice.attempt, why=why))

    def _ask(self, *, missing: int, left: int | None) -> None:
        """Wish for advice when it is missing; and, when stock is kept, for stock along with it or when half is gone."""
        study, stock = self.snapshot.study, self.snapshot.stock
        unused = max(-missing, 0)
        if study.exhausted or (missing <= 0 and unused >= (stock + 1) // 2):
            return
        wanted = missing + stock
        if left is not None:
            # Never more answers on record than the budget can use.
            wanted = min(wanted, left - len(self.snapshot.advised))
        if wanted > 0:
            self.advise_upto = study.summary.highest_ordinal + wanted
            if missing > 0:
                self.notes.append(f"waiting for the algorithm to suggest {missing} more")

    def _note_progress(self) -> None:
        running = len(self.alive) + len(self.launches)
        if running:
            self.notes.append(f"{_runs(running)} in progress")

    def _stop(self, trials: list[Trial], why: str) -> None:
        self.stops.extend(Stop(ordinal=trial.ordinal, attempt=trial.attempt, why=why) for trial in trials)

    def _kill(self, trial: Trial, reason: Reason, why: str) -> None:
        """A waiting trial will not run any more."""
        self.transitions = [done for done in self.transitions if done.ordinal != trial.ordinal]
        source = next(view.trial for view in self.snapshot.trials if view.trial.ordinal == trial.ordinal)
        self.transitions.append(
            Transition(
                ordinal=trial.ordinal,
                source=source.state,
                attempt=source.attempt,
                target=TrialState.KILLED,
                reason=reason,
                message=why,
                ended_at=self.snapshot.now,
            )
        )
        self.summary = self.summary.moved(TrialState.PENDING, TrialState.KILLED)

    def plan(self, condition: Condition) -> Plan:
        old = self.snapshot.study.condition
        changed = (condition.status, condition.reason) != (old.status, old.reason)
        return Plan(
            transitions=tuple(self.transitions),
            condition=condition if changed else None,
            stops=tuple(self.stops),
            launches=tuple(self.launches),
            advise_upto=self.advise_upto,
            wake_at=min(self.wakes, default=None),
            notes=tuple(self.notes) or (condition.message,),
        )


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
