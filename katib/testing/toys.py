"""A toy store and a toy runner, in memory: the semantics of the ports' contracts and none of their cost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from katib.core.advice import Advice
from katib.core.observation import Metrics
from katib.core.run import Cause, Phase, RunKey, RunReport
from katib.core.study import Condition, Study, StudyReason, StudyStatus
from katib.core.trial import FINISHED, UNFINISHED, Transition, Trial, TrialState, verdict_after
from katib.errors import Conflict
from katib.stores.contract import Changes, Committed, StudyView, Wish
from katib.testing import builders as make
from katib.testing.clock import Clock

ALIVE = frozenset({Phase.STARTING, Phase.RUNNING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What a run does when it is left alone.

    Attributes:
        phase: ENDED, LOST, or REFUSED (at once).
        seconds: how long it runs.
        code, signal, cause: how it ends, for ENDED.
        reports: the values of the objective metric that it reports; a text is a malformed one.
        drains: seconds after its end in which its metrics are still on their way.
    """

    phase: Phase = Phase.ENDED
    seconds: float = 1.0
    code: int | None = 0
    signal: int | None = None
    cause: Cause | None = None
    reports: tuple[float | str, ...] = (0.5,)
    drains: float = 0.0


@dataclass
class Run:
    """A run in the toy runner."""

    fate: Fate
    report: RunReport
    left: float
    stopping: bool = False

    @property
    def alive(self) -> bool:
        return self.report.phase in ALIVE

    @property
    def metrics(self) -> Metrics:
        """Everything it reported, whether or not that has arrived."""
        return make.metrics(*self.fate.reports) if self.report.phase is Phase.ENDED else {}


@dataclass
class ToyRunner:
    """Runs that exist in memory only. Time passes for them in `work`, so that a jump of the clock ends nothing.

    Attributes:
        runs: those it reports, by (trial name, attempt).
        past: those it was told to forget. It still refuses to run them again.
        annals: every run there ever was under a key: one, or more when the runner's memory was wiped.
        vanished: attempts of each trial that vanished, by trial name.
        queues: it lets runs wait while `limit` of them run; one that waited and is stopped was never there.
    """

    clock: Clock
    fate: Callable[[RunKey], Fate]
    queues: bool = False
    limit: int = 0
    runs: dict[RunKey, Run] = field(default_factory=dict)
    past: dict[RunKey, Run] = field(default_factory=dict)
    annals: dict[RunKey, list[Run]] = field(default_factory=dict)
    vanished: dict[str, int] = field(default_factory=dict)

    @property
    def alive(self) -> set[RunKey]:
        """Those that have a place."""
        phases = {Phase.RUNNING} if self.queues else ALIVE
        return {key for key, run in (*self.runs.items(), *self.past.items()) if run.report.phase in phases}

    @property
    def full(self) -> bool:
        """Whether whatever does not run yet has to wait."""
        return self.queues and len(self.alive) >= self.limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def launch(self, key: RunKey) -> None:
        if key in self.runs or key in self.past:
            return
        fate = self.fate(key)
        report = make.refused() if fate.phase is Phase.REFUSED else make.starting()
        self.runs[key] = run = Run(fate=fate, report=report, left=fate.seconds)
        self.annals.setdefault(key, []).append(run)

    def stop(self, key: RunKey) -> None:
        run = self.runs.get(key)
        if run is None or not run.alive:
            return
        if self.queues and run.report.phase is Phase.STARTING:
            self.annals[key].remove(self.runs.pop(key))
        else:
            run.stopping = True

    def forget(self, key: RunKey) -> None:
        if key in self.runs:
            self.past[key] = self.runs.pop(key)

    def observe(self) -> dict[RunKey, tuple[RunReport, Metrics]]:
        """Every run's report, and its metrics as far as they have arrived."""
        return {key: (run.report, run.metrics if run.report.drained else {}) for key, run in self.runs.items()}

    def start(self, key: RunKey) -> None:
        """A run that was accepted begins to run, if there is a place."""
        if not self.full:
            self._known(key).report = make.running(at=self.clock())

    def end(self, key: RunKey, fate: Fate | None = None) -> None:
        """A run ends, by its own fate or another."""
        run = self._known(key)
        run.fate = fate = fate or run.fate
        if fate.phase is Phase.LOST:
            self._vanish(key)
            run.report = replace(make.lost(), started_at=run.report.started_at)
            return
        run.report = replace(
            run.report,
            phase=Phase.ENDED,
            code=fate.code,
            signal=fate.signal,
            cause=Cause.STOPPED if run.stopping else fate.cause,
            drained=fate.drains <= 0.0,
            ended_at=self.clock(),
        )
        run.left = fate.drains

    def drain(self, key: RunKey) -> None:
        """The last metrics of an ended run arrive."""
        run = self._known(key)
        run.report = replace(run.report, drained=True)

    def work(self, seconds: float) -> None:
        """Let every run do what it does in `seconds`: accepted ones start, the others go on, end or drain."""
        for key, run in list(self.runs.items()):
            if run.report.phase is Phase.STARTING and not run.stopping:
                self.start(key)
                continue
            run.left -= seconds
            if run.alive and run.stopping:
                self.end(key, Fate(code=None, signal=15, reports=run.fate.reports))
            elif run.alive and run.left <= 0.0:
                self.end(key)
            elif run.report.phase is Phase.ENDED and run.left <= 0.0:
                self.drain(key)

    def wipe(self) -> None:
        """The machine starts anew: no run survives, and nobody remembers any."""
        for key, run in self.runs.items():
            self._vanish(key)
            if run.alive:
                run.report = make.lost()
        self.runs.clear()
        self.past.clear()

    def _known(self, key: RunKey) -> Run:
        return self.runs[key] if key in self.runs else self.past[key]

    def _vanish(self, key: RunKey) -> None:
        self.vanished[key[0]] = self.vanished.get(key[0], 0) + 1


@dataclass
class ToyStore:
    """A store of one study, in memory, with the contract's `view`, `wish` and `commit`."""

    study: Study
    trials: dict[int, Trial] = field(default_factory=dict)
    open: dict[int, Trial] = field(default_factory=dict)

    def view(self) -> StudyView:
        ordered = [self.open[ordinal] for ordinal in sorted(self.open)]
        return StudyView(
            study=self.study,
            unfinished=tuple(trial for trial in ordered if trial.state in UNFINISHED),
            advised=tuple(trial for trial in ordered if trial.state is TrialState.ADVISED),
        )

    def wish(self, wish: Wish, *, now: float) -> None:
        study = self.study
        changed = replace(
            study,
            stop_requested=study.stop_requested if wish.stop is None else wish.stop,
            budget=wish.budget or study.budget,
        )
        if wish.reopen and study.condition.concluded:
            restarting = Condition(
                status=StudyStatus.RUNNING, reason=StudyReason.RESTARTING, message="Experiment is restarted", since=now
            )
            changed = replace(changed, condition=restarting)
        if changed != study:
            self.study = replace(changed, generation=study.generation + 1, revision=study.revision + 1)

    def commit(self, changes: Changes) -> Committed:
        """As the contract says; raises Conflict."""
        if changes.basis is not None and changes.basis.study.revision != self.study.revision:
            raise Conflict(f"the study is at revision {self.study.revision}, not {changes.basis.study.revision}")
        before = self.study
        known = len(self.trials)
        for advice in changes.advice:
            self._record(advice)
        skipped = tuple(move for move in changes.transitions if not self._move(move))
        if changes.condition is not None:
            self.study = replace(self.study, condition=changes.condition)
        if changes.exhausted is not None:
            self.study = replace(self.study, exhausted=changes.exhausted)
        # A move to the next attempt leaves the summary as it is, and yet it is a write.
        if self.study != before or len(self.trials) > known or len(skipped) < len(changes.transitions):
            self.study = replace(self.study, revision=before.revision + 1)
        return Committed(study=self.study, skipped=skipped)

    def _record(self, advice: Advice) -> None:
        if advice.ordinal in self.trials:
            return
        trial = replace(make.trial(advice.ordinal, TrialState.ADVISED), assignment=advice.assignment)
        self.trials[trial.ordinal] = self.open[trial.ordinal] = trial
        summary = self.study.summary.moved(None, TrialState.ADVISED)
        highest = max(summary.highest_ordinal, trial.ordinal)
        self.study = replace(self.study, summary=replace(summary, highest_ordinal=highest))

    def _move(self, move: Transition) -> bool:
        trial = self.trials.get(move.ordinal)
        if trial is None or (trial.state, trial.attempt) != (move.source, move.attempt):
            return False
        moved = moved_trial(trial, move)
        self.trials[trial.ordinal] = self.open[trial.ordinal] = moved
        if moved.state in FINISHED:
            del self.open[trial.ordinal]
        summary = self.study.summary.moved(move.source, move.target)
        self.study = replace(self.study, summary=summary.with_values(trial.ordinal, move.values, self.study.objectives))
        return True


def moved_trial(trial: Trial, move: Transition) -> Trial:
    """`trial` after `move`."""
    return replace(
        trial,
        state=move.target,
        reason=move.reason,
        message=move.message,
        attempt=trial.attempt if move.attempt_after is None else move.attempt_after,
        failures=trial.failures if move.failures is None else move.failures,
        losses=trial.losses if move.losses is None else move.losses,
        value=move.value,
        further_values=move.further_values,
        started_at=trial.started_at if move.started_at is None else move.started_at,
        ended_at=trial.ended_at if move.ended_at is None else move.ended_at,
        not_before=move.not_before,
        rules=move.rules or trial.rules,
        stopped_by=verdict_after(trial, move),
    )
