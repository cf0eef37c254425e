"""A study: a search problem, its budget, its verdict, and what its user wishes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from katib.core.objective import Objective
from katib.core.pareto import Front, FrontPoint, with_point
from katib.core.space import SearchSpace
from katib.core.trial import TrialState

UNBOUNDED = 2**31 - 1
"""As many trials at a time as anybody wants: the default of a study that its clients run."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a study may do.

    Attributes:
        max_trials: trials created at most; None for no limit.
        parallel: trials unfinished at the same time at most, >= 1.
        max_failed: end the study as failed when this many trials failed or had no metric (0 means: at the first);
            None for no limit.
        max_seconds: since the study started; what is unfinished then may end, and nothing is begun. None for no limit.
        max_stale: end the study when this many trials after the best one are finished; None for no limit.
    """

    max_trials: int | None = None
    parallel: int = 3
    max_failed: int | None = None
    max_seconds: float | None = None
    max_stale: int | None = None


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """What follows when an attempt ends without an outcome of its own.

    Attributes:
        retries: attempts after a failed one (a Job's backoffLimit); these are the trial's own fault.
        first_delay: seconds before the first retry; doubled each time, at most `longest_delay`.
        losses: attempts that may vanish with the machinery before the trial counts as failed.
    """

    retries: int = 0
    first_delay: float = 1.0
    longest_delay: float = 60.0
    losses: int = 10

    def delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure."""
        return float(min(self.first_delay * 2.0 ** min(failures - 1, 60), self.longest_delay))


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What an algorithm is told about a study.

    Attributes:
        objective: the objective, or the first of several.
        settings: the user's texts.
        further_objectives: those after the first, in order.
        replicates: how often each point is tried; no algorithm needs to know.
    """

    name: str
    uid: str
    space: SearchSpace
    objective: Objective
    algorithm: str
    settings: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    further_objectives: tuple[Objective, ...] = ()
    replicates: int = 1

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives; `Trial.values` are in their order."""
        return (self.objective, *self.further_objectives)


class StudyStatus(StrEnum):
    CREATED = "Created"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"


class StudyReason(StrEnum):
    """Why a study is in its status; Katib's words where it has one."""

    CREATED = "ExperimentCreated"
    RUNNING = "ExperimentRunning"
    RESTARTING = "ExperimentRestarting"
    GOAL_REACHED = "ExperimentGoalReached"
    MAX_TRIALS = "ExperimentMaxTrialsReached"
    TIME_OVER = "ExperimentTimeOver"
    NO_IMPROVEMENT = "ExperimentNoImprovement"
    SPACE_EXHAUSTED = "ExperimentSuggestionEndReached"
    TOO_MANY_FAILED = "ExperimentFailed"
    NONE_SUCCEEDED = "ExperimentNoTrialSucceeded"
    ALGORITHM_REFUSED = "SuggestionFailed"
    STOPPED = "ExperimentStopped"
    COMPLETED = "ExperimentCompleted"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a study is, since when, and why."""

    status: StudyStatus
    reason: StudyReason
    message: str
    since: float = 0.0

    @property
    def concluded(self) -> bool:
        """Whether the verdict stands for this generation of the study."""
        return self.status in (StudyStatus.SUCCEEDED, StudyStatus.FAILED)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless a user asks for it."""
        return self.concluded or self.status is StudyStatus.STOPPED


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The exact summary of all trials on record, kept by the store in the same transaction as each transition.

    Attributes:
        counts: trials per state, ADVISED included; a state without trials may be absent.
        highest_ordinal: of all advice ever recorded; 0 when there is none.
        best_ordinal, best_value: of the trials with a value; the lowest ordinal wins a tie. None with several
            objectives.
        front: with several objectives, the trials that no other one dominates, see `pareto`; empty with one.
    """

    counts: Mapping[TrialState, int] = field(default_factory=dict)
    highest_ordinal: int = 0
    best_ordinal: int | None = None
    best_value: float | None = None
    front: Front = ()

    def count(self, *states: TrialState) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def created(self) -> int:
        """Trials that exist, in whatever state: what the budget limits."""
        return sum(number for state, number in self.counts.items() if state is not TrialState.ADVISED)

    def moved(self, source: TrialState | None, target: TrialState | None) -> "Summary":
        """The summary after one trial moved from `source` to `target`."""
        counts = dict(self.counts)
        if source is not None:
            counts[source] = counts.get(source, 0) - 1
        if target is not None:
            counts[target] = counts.get(target, 0) + 1
        return replace(self, counts=counts)

    @property
    def has_value(self) -> bool:
        """Whether any trial has a value."""
        return self.best_ordinal is not None or bool(self.front)

    def with_values(self, ordinal: int, values: tuple[float, ...], objectives: Sequence[Objective]) -> "Summary":
        """The summary after trial `ordinal` finished with `values`, one per objective, or none."""
        if not values:
            return self
        if len(objectives) > 1:
            return replace(self, front=with_point(self.front, FrontPoint(ordinal=ordinal, values=values), objectives))
        (value,), (objective,) = values, objectives
        best = self.best_value
        better = best is None or objective.better(value, best)
        tied_earlier = best == value and self.best_ordinal is not None and ordinal < self.best_ordinal
        return replace(self, best_ordinal=ordinal, best_value=value) if better or tied_earlier else self


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study on record.

    Attributes:
        uid: random, fixed for life; names of trials derive from it.
        document: the Experiment as the user gave it, for comparing a second `run` of the same name.
        effective: the Experiment with defaults filled in, which is what runs.
        objective: the parsed objective, or the first of several; the store needs its direction to keep the best trial.
        further_objectives: those after the first, in order.
        budget: the one in force: the document's, or what the user wished since.
        generation: 1, 2 … grows with each wish that changes what the study should do.
        stop_requested: the user wishes the study to stop; running trials are interrupted.
        exhausted: why the algorithm has nothing more to suggest; empty while it has.
        overrides: settings the algorithm asked to be remembered.
        revision: grows with each write to the study or one of its trials.
        run_dir: the folder of its logs.
    """

    name: str
    uid: str
    document: Mapping[str, Any]
    effective: Mapping[str, Any]
    objective: Objective
    budget: Budget
    condition: Condition
    summary: Summary = field(default_factory=Summary)
    generation: int = 1
    stop_requested: bool = False
    exhausted: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    owner: str = ""
    term: int = 0
    lease_until: float = 0.0
    run_dir: str = ""
    further_objectives: tuple[Objective, ...] = ()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives, in order."""
        return (self.objective, *self.further_objectives)


def run_by_clients(study: Study) -> bool:
    """Whether the study has no trial template: its clients run its trials."""
    return not study.effective.get("spec", {}).get("trialTemplate")
