"""The laws of a simulated world: what must be true of it at any moment, whatever views were old and whoever died.

A `Witness` looks at a world after each event and compares it with what it saw before.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from katib.core.run import Cause, Phase, RunKey
from katib.core.study import Condition, StudyReason, StudyStatus
from katib.core.trial import FINISHED, UNFINISHED, Reason, Trial, TrialState
from katib.testing import builders as make
from katib.testing.simulator import World
from katib.testing.toys import Run


class Witness:
    """Looks at a world after each event.

    Attributes:
        laws: what is looked at; each yields what is wrong.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.laws: list[Callable[[], Iterator[str]]] = [
            self.exact_summary,
            self.only_onward,
            self.within_budget,
            self.drops_only_surplus,
            self.within_width,
            self.one_run_per_trial,
            self.no_orphans,
            self.outcomes_are_true,
            self.verdicts_stand,
            self.faults_are_real,
            self.verdict_is_true,
        ]
        self._remember()

    def look(self) -> list[str]:
        """What is wrong; empty when nothing is."""
        faults = [f"{law.__name__}: {fault}" for law in self.laws for fault in law()]
        self._remember()
        return faults

    def _remember(self) -> None:
        self.trials = dict(self.world.store.trials)
        self.created = self.world.study.summary.created
        self.alive = self.world.runner.alive
        self.condition = self.world.study.condition

    def exact_summary(self) -> Iterator[str]:
        """The summary is the recount."""
        study = self.world.study
        recount = make.recount(self.world.store.trials.values(), *study.objectives)
        kept = study.summary
        counts = {state: number for state, number in kept.counts.items() if number}
        if replace(kept, counts=counts) != recount:
            yield f"{kept} is on record, {recount} is counted"

    def only_onward(self) -> Iterator[str]:
        """Ordinals are never reused, advice never changes, finished trials stay as they are, attempts grow."""
        for ordinal, old in self.trials.items():
            new = self.world.store.trials.get(ordinal)
            if new is None or new.assignment != old.assignment or new.name != old.name:
                yield f"trial {ordinal} is another one: {old} became {new}"
            elif old.finished and new != old:
                yield f"trial {ordinal} was finished: {old} became {new}"
            elif new.attempt < old.attempt:
                yield f"trial {ordinal} went back from attempt {old.attempt} to {new.attempt}"

    def within_budget(self) -> Iterator[str]:
        """A trial is created only while there is budget."""
        study = self.world.study
        most, created = study.budget.max_trials, study.summary.created
        if most is not None and created > self.created and created > most:
            yield f"{created} trials were created, the budget is {most}"

    def drops_only_surplus(self) -> Iterator[str]:
        """When the budget is lowered, exactly the trials above it go."""
        study = self.world.study
        dropped = [trial for trial in self._just({TrialState.KILLED}) if trial.reason is Reason.BUDGET_LOWERED]
        kept = study.summary.created - study.summary.count(TrialState.KILLED)
        if dropped and kept < (study.budget.max_trials or 0):
            yield f"{len(dropped)} trials were dropped, {kept} are left, the budget is {study.budget.max_trials}"

    def within_width(self) -> Iterator[str]:
        """A run is started only while there is room, now or when that was decided, or as its runner was told last."""
        runner = self.world.runner
        width = max(self.world.width, self.world.study.budget.parallel, runner.limit if runner.queues else 0)
        alive = self.world.runner.alive
        if alive - self.alive and len(alive) > width:
            yield f"{len(alive)} runs, the width is {width}"

    def one_run_per_trial(self) -> Iterator[str]:
        """Two attempts of a trial never run at the same time."""
        for name, number in Counter(name for name, _ in self.world.runner.alive).items():
            if number > 1:
                yield f"{number} runs of {name}"

    def no_orphans(self) -> Iterator[str]:
        """Each run is the current attempt of an unfinished trial: somebody looks after it."""
        current = {(each.name, each.attempt) for each in self.world.store.trials.values() if each.state in UNFINISHED}
        for orphan in self.world.runner.alive - current:
            yield f"{orphan} runs, and nobody looks after it"

    def outcomes_are_true(self) -> Iterator[str]:
        """What is recorded of a finished trial is what its run did."""
        for trial in self._just(FINISHED):
            runs = self.world.runner.annals.get((trial.name, trial.attempt), [])
            if trial.state is TrialState.KILLED:
                if any(run.alive for run in runs):
                    yield f"{trial} is killed and runs"
            elif not any(self._fits(trial, run) for run in runs):
                yield f"{trial} is recorded, its runs are {runs}"

    def verdicts_stand(self) -> Iterator[str]:
        """A verdict once on record stays while its attempt is the current one, and never is on two attempts."""
        for ordinal, old in self.trials.items():
            new = self.world.store.trials[ordinal]
            if old.stopped_by is None:
                continue
            if old.attempt == new.attempt or not old.condemned:
                if new.stopped_by != old.stopped_by:
                    yield f"the verdict on {ordinal} changed: {old.stopped_by} became {new.stopped_by}"
            elif new.stopped_by is not None:
                yield f"attempt {new.attempt} of {ordinal} began with the verdict on another one"

    def faults_are_real(self) -> Iterator[str]:
        """No more losses and failures are recorded than happened, and each trial that failed had all its attempts."""
        for trial in self.world.store.trials.values():
            runs = self._runs_of(trial)
            failed = sum(run.report.phase is Phase.ENDED and run.report.code != 0 for run in runs)
            if trial.losses > self.world.runner.vanished.get(trial.name, 0):
                yield f"{trial} lost more often than its runs vanished"
            if trial.failures > failed:
                yield f"{trial} failed more often than its {failed} bad runs"
        for trial in self._just({TrialState.FAILED}):
            tries = {Reason.LOST_TOO_OFTEN: trial.losses - self.world.retry.losses}
            for reason in (Reason.EXIT_CODE, Reason.SIGNAL):
                tries[reason] = trial.failures - self.world.retry.retries
            if tries.get(trial.reason, 1) != 1:
                yield f"{trial} had attempts left, or too many"

    def verdict_is_true(self) -> Iterator[str]:
        """A verdict says what is so in the world at the moment when it is given."""
        condition = self.world.study.condition
        if (condition.status, condition.reason) == (self.condition.status, self.condition.reason):
            return
        check = self._truths().get(condition.reason)
        if check is not None and not check():
            yield f"{condition} is not true"
        if condition.concluded and (condition.status is StudyStatus.FAILED) != self._has_failed(condition):
            yield f"{condition} has the wrong status"

    def _truths(self) -> dict[StudyReason, Callable[[], bool]]:
        return {
            StudyReason.GOAL_REACHED: self._goal_is_reached,
            StudyReason.TOO_MANY_FAILED: self._too_many_failed,
            StudyReason.MAX_TRIALS: self._is_spent,
            StudyReason.SPACE_EXHAUSTED: self._is_exhausted,
            StudyReason.NONE_SUCCEEDED: lambda: self._is_spent() or self._is_exhausted(),
            StudyReason.STOPPED: lambda: self.world.study.stop_requested and not self.world.runner.alive,
        }

    def _goal_is_reached(self) -> bool:
        objective = self.world.study.objective
        return any(
            trial.state in (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED)
            and objective.reached(objective.value(run.metrics))
            for trial in self.world.store.trials.values()
            for run in self.world.runner.annals.get((trial.name, trial.attempt), [])
        )

    def _too_many_failed(self) -> bool:
        limit = self.world.study.budget.max_failed
        states = (TrialState.FAILED, TrialState.METRICS_UNAVAILABLE)
        failed = sum(trial.state in states for trial in self.world.store.trials.values())
        return limit is not None and failed >= max(limit, 1)

    def _is_spent(self) -> bool:
        most = self.world.study.budget.max_trials
        return most is not None and self._all_is_quiet() and self.world.study.summary.created >= most

    def _is_exhausted(self) -> bool:
        waiting = any(trial.state is TrialState.ADVISED for trial in self.world.store.trials.values())
        return self.world.study.summary.highest_ordinal == self.world.space and self._all_is_quiet() and not waiting

    def _all_is_quiet(self) -> bool:
        unfinished = any(trial.state in UNFINISHED for trial in self.world.store.trials.values())
        return not unfinished and not self.world.runner.alive

    def _has_failed(self, condition: Condition) -> bool:
        if condition.reason in (StudyReason.TOO_MANY_FAILED, StudyReason.GOAL_REACHED):
            return condition.reason is StudyReason.TOO_MANY_FAILED
        return not any(trial.value is not None for trial in self.world.store.trials.values())

    def _fits(self, trial: Trial, run: Run) -> bool:
        """Whether `run` amounts to what is recorded of `trial`."""
        report, value = run.report, self.world.study.objective.value(run.metrics)
        if trial.state is TrialState.METRICS_UNAVAILABLE:
            return self._exited_well(run) and (value is None or self._came_too_late(run))
        if trial.state is TrialState.SUCCEEDED:
            return self._exited_well(run) and value == trial.value
        if trial.state is TrialState.EARLY_STOPPED:
            return trial.condemned and (self._was_stopped(trial, run) or self._vanished(trial))
        return {
            Reason.CANNOT_START: report.phase is Phase.REFUSED,
            # That it was lost is counted in `faults_are_real`: the last run may have ended well, unseen.
            Reason.LOST_TOO_OFTEN: True,
            Reason.DEADLINE: report.cause is Cause.DEADLINE,
        }.get(trial.reason, report.phase is Phase.ENDED and report.code != 0 and report.cause is None)

    def _was_stopped(self, trial: Trial, run: Run) -> bool:
        told = self.world.study.objective.value(run.metrics) == trial.value
        return run.report.cause is Cause.STOPPED and (told or self._came_too_late(run))

    def _vanished(self, trial: Trial) -> bool:
        """Whether a run of it vanished, not counted as a loss: it may have ended in whatever way, unseen."""
        return self.world.runner.vanished.get(trial.name, 0) > trial.losses

    def _exited_well(self, run: Run) -> bool:
        return run.report.phase is Phase.ENDED and run.report.code == 0 and run.report.cause is None

    def _came_too_late(self, run: Run) -> bool:
        """Its metrics had not arrived by the time that one waits for them, or the clock had been set back."""
        ended = run.report.ended_at or 0.0
        return not ended - self.world.patience <= self.world.decided_at < ended + self.world.patience

    def _just(self, states: "frozenset[TrialState] | set[TrialState]") -> list[Trial]:
        """Trials that were not in one of `states` at the last look and are now."""
        return [
            trial
            for ordinal, trial in self.world.store.trials.items()
            if trial.state in states and (ordinal not in self.trials or self.trials[ordinal].state not in states)
        ]

    def _runs_of(self, trial: Trial) -> list[Run]:
        keys: list[RunKey] = [(trial.name, attempt) for attempt in range(1, trial.attempt + 1)]
        return [run for key in keys for run in self.world.runner.annals.get(key, [])]
