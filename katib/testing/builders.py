"""Short ways to say a study, a trial, a run or a snapshot in a test; whatever is not said has a sane default.

from katib.testing import builders as make

make.snapshot(make.view(make.trial(1, TrialState.RUNNING), make.exited(0)), study=make.study(max_trials=4))
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from katib.core.advice import Advice
from katib.core.classify import TrialView
from katib.core.decide import Snapshot
from katib.core.names import trial_name
from katib.core.objective import Direction, Objective
from katib.core.observation import MetricPoint, MetricSummary, fold
from katib.core.run import NOT_LAUNCHED, Cause, Phase, RunReport
from katib.core.space import Assignment, Choice, ParameterType, Range, SearchSpace
from katib.core.stopping import Comparison, EarlyStop, Judgement
from katib.core.study import Budget, Condition, RetryPolicy, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import FINISHED, Reason, Trial, TrialState
from katib.testing.clock import A_MONDAY

STUDY = "digits"
UID = "0b5e2f0e-6a2c-4c77-9c5e-2f6f3f1d9a10"
NOW = A_MONDAY

REASONS: Mapping[TrialState, Reason] = {
    TrialState.ADVISED: Reason.ADVISED,
    TrialState.PENDING: Reason.CREATED,
    TrialState.RUNNING: Reason.STARTED,
    TrialState.SUCCEEDED: Reason.SUCCEEDED,
    TrialState.FAILED: Reason.EXIT_CODE,
    TrialState.KILLED: Reason.BUDGET_LOWERED,
    TrialState.EARLY_STOPPED: Reason.STOPPED_EARLY,
    TrialState.METRICS_UNAVAILABLE: Reason.METRIC_NOT_FOUND,
}
"""A plausible reason for each state."""

CONDITIONS: Mapping[StudyStatus, StudyReason] = {
    StudyStatus.CREATED: StudyReason.CREATED,
    StudyStatus.RUNNING: StudyReason.RUNNING,
    StudyStatus.SUCCEEDED: StudyReason.MAX_TRIALS,
    StudyStatus.FAILED: StudyReason.TOO_MANY_FAILED,
    StudyStatus.STOPPED: StudyReason.STOPPED,
}
"""A plausible reason for each status."""


def space() -> SearchSpace:
    """Two parameters: a learning rate and an optimiser."""
    return SearchSpace(
        parameters=(
            Range(name="lr", type=ParameterType.DOUBLE, low=0.01, high=0.1),
            Choice(name="optimizer", type=ParameterType.CATEGORICAL, values=("sgd", "adam")),
        )
    )


def assignment(ordinal: int) -> Assignment:
    """An assignment in `space()` that differs from ordinal to ordinal."""
    return {"lr": 0.01 + (ordinal % 997) / 997 * 0.09, "optimizer": ("sgd", "adam")[ordinal % 2]}


def objective(*, goal: float | None = None, maximize: bool = False, metric: str = "loss") -> Objective:
    """Minimise the loss."""
    return Objective(metric=metric, direction=Direction.MAXIMIZE if maximize else Direction.MINIMIZE, goal=goal)


def budget(*, max_trials: int | None = 3, parallel: int = 2, max_failed: int | None = None) -> Budget:
    """Three trials, two at a time."""
    return Budget(max_trials=max_trials, parallel=parallel, max_failed=max_failed)


def condition(status: StudyStatus = StudyStatus.RUNNING, reason: StudyReason | None = None) -> Condition:
    """A condition with a plausible reason."""
    return Condition(status=status, reason=reason or CONDITIONS[status], message=f"the study is {status}", since=NOW)


def study(
    *,
    status: StudyStatus = StudyStatus.RUNNING,
    goal: float | None = None,
    maximize: bool = False,
    max_trials: int | None = 3,
    parallel: int = 2,
    max_failed: int | None = None,
    summary: Summary | None = None,
    stop: bool = False,
    exhausted: str = "",
    further: Sequence[Objective] = (),
) -> Study:
    """A running study of three trials, two at a time."""
    return Study(
        name=STUDY,
        uid=UID,
        document={},
        effective={},
        objective=objective(goal=goal, maximize=maximize),
        budget=budget(max_trials=max_trials, parallel=parallel, max_failed=max_failed),
        condition=condition(status),
        summary=summary or Summary(),
        stop_requested=stop,
        exhausted=exhausted,
        created_at=NOW,
        further_objectives=tuple(further),
    )


_study = study
"""The builder, where an argument has its name."""


def summary(*, highest: int | None = None, best: float | None = None, best_ordinal: int = 1, **counts: int) -> Summary:
    """A summary by state names: `summary(SUCCEEDED=3, PENDING=1, best=0.5)`."""
    by_state = {TrialState[name]: number for name, number in counts.items()}
    return Summary(
        counts=by_state,
        highest_ordinal=sum(by_state.values()) if highest is None else highest,
        best_ordinal=None if best is None else best_ordinal,
        best_value=best,
    )


def recount(trials: Iterable[Trial], *objectives: Objective) -> Summary:
    """The summary of `trials`, counted from nothing: what the store's own summary must equal."""
    total = Summary()
    for one in sorted(trials, key=lambda trial: trial.ordinal):
        total = total.moved(None, one.state).with_values(one.ordinal, one.values, objectives)
        total = replace(total, highest_ordinal=max(total.highest_ordinal, one.ordinal))
    return total


def advice(ordinal: int) -> Advice:
    """What an algorithm might answer for `ordinal`."""
    return Advice(ordinal=ordinal, assignment=assignment(ordinal))


def trial(
    ordinal: int = 1,
    state: TrialState = TrialState.PENDING,
    *,
    reason: Reason | None = None,
    message: str = "",
    attempt: int = 1,
    failures: int = 0,
    losses: int = 0,
    value: float | None = None,
    further: Sequence[float] = (),
    metrics: Mapping[str, MetricSummary] | None = None,
    not_before: float = 0.0,
    stopped_by: EarlyStop | None = None,
) -> Trial:
    """A trial that waits for its first attempt."""
    return Trial(
        ordinal=ordinal,
        name=trial_name(STUDY, UID, ordinal),
        assignment=assignment(ordinal),
        state=state,
        reason=reason or REASONS[state],
        message=message,
        attempt=attempt,
        failures=failures,
        losses=losses,
        value=value,
        further_values=tuple(further),
        metrics=metrics or {},
        created_at=NOW,
        started_at=None if state in (TrialState.ADVISED, TrialState.PENDING) else NOW,
        ended_at=NOW if state in FINISHED else None,
        not_before=not_before,
        stopped_by=stopped_by,
    )


def early_stop(*, shadow: bool = False) -> EarlyStop:
    """A verdict that a loss of 2 is worse than the median."""
    return EarlyStop(
        rule="medianstop",
        metric="loss",
        value=2.0,
        comparison=Comparison.GREATER,
        threshold=1.0,
        step=4,
        message="medianstop: loss 2 is worse than 1 at step 4",
        shadow=shadow,
    )


def judgement(ordinal: int = 1, attempt: int = 1, *, shadow: bool = False) -> Judgement:
    """The verdict that an attempt is to be stopped early."""
    return Judgement(ordinal=ordinal, attempt=attempt, stop=early_stop(shadow=shadow))


def metrics(*values: float | str, metric: str = "loss") -> Mapping[str, MetricSummary]:
    """The summary of a metric reported with these values in this order; a text is a malformed value."""
    points = [
        MetricPoint(
            metric=metric,
            value=None if isinstance(value, str) else float(value),
            text=str(value),
            seq=seq,
            step=seq,
            time=NOW + seq,
        )
        for seq, value in enumerate(values)
    ]
    return fold({}, points)


def starting(message: str = "") -> RunReport:
    """A run that was accepted and does not run yet."""
    return RunReport(phase=Phase.STARTING, message=message)


def running(*, at: float = NOW) -> RunReport:
    """A run that runs."""
    return RunReport(phase=Phase.RUNNING, started_at=at)


def exited(
    code: int | None = 0,
    *,
    signal: int | None = None,
    cause: Cause | None = None,
    drained: bool = True,
    at: float | None = NOW,
    tail: str = "",
) -> RunReport:
    """A run that ended, a second after it started, with its last metrics read."""
    return RunReport(
        phase=Phase.ENDED,
        code=code,
        signal=signal,
        cause=cause,
        drained=drained,
        tail=tail,
        started_at=None if at is None else at - 1.0,
        ended_at=at,
    )


def interrupted(*, at: float = NOW) -> RunReport:
    """A run that ended because it was asked to."""
    return exited(None, signal=15, cause=Cause.STOPPED, at=at)


def refused(message: str = "no such program: train.py") -> RunReport:
    """A run that cannot be started."""
    return RunReport(phase=Phase.REFUSED, message=message, drained=True)


def lost(message: str = "") -> RunReport:
    """A run that vanished."""
    return RunReport(phase=Phase.LOST, message=message, drained=True)


def view(trial: Trial, run: RunReport = NOT_LAUNCHED) -> TrialView:
    """An unfinished trial and its run."""
    return TrialView(trial=trial, run=run)


def snapshot(
    *views: TrialView,
    study: Study | None = None,
    finished: Sequence[Trial] = (),
    advised: Sequence[int] = (),
    retry: RetryPolicy | None = None,
    now: float = NOW,
    patience: float = 30.0,
    stock: int = 0,
    ahead: int | None = None,
    judgements: Sequence[Judgement] = (),
) -> Snapshot:
    """A snapshot whose summary is counted from the trials it is given, unless the study brings its own."""
    on_record = study or _study()
    unused = tuple(trial(ordinal, TrialState.ADVISED) for ordinal in advised)
    if on_record.summary == Summary():
        every = [*finished, *unused, *(one.trial for one in views)]
        on_record = replace(on_record, summary=recount(every, *on_record.objectives))
    return Snapshot(
        now=now,
        study=on_record,
        trials=tuple(views),
        advised=unused,
        retry=retry or RetryPolicy(),
        patience=patience,
        stock=stock,
        ahead=ahead,
        judgements=tuple(judgements),
    )
