"""Hypothesis strategies for the core's values.

`snapshots()` are well-typed and otherwise arbitrary: summaries that do not fit the trials, runs that do not fit the
record. `consistent_snapshots()` could be read from a real store. Ordinals come from a plain counter and numbers are
small, so that shrinking acts on what matters.
"""

import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

from katib.core.classify import TrialView
from katib.core.decide import Snapshot
from katib.core.objective import Direction, Objective, Strategy
from katib.core.observation import MetricPoint, Metrics
from katib.core.pareto import FrontPoint
from katib.core.run import NOT_LAUNCHED, Cause, Phase, RunReport
from katib.core.space import Assignment, Choice, Distribution, Parameter, ParameterType, Range, SearchSpace, When
from katib.core.stopping import Comparison, EarlyStop, Judgement, StopRule
from katib.core.study import Budget, Condition, RetryPolicy, StudyReason, StudyStatus, Summary
from katib.core.trial import FINISHED, Trial, TrialState
from katib.testing import builders as make

NAMES = tuple("abcdef")


def load_profile() -> None:
    """Choose how hard the laws are tried, by KATIB_HYPOTHESIS: `normal`, or `deep` with 100,000 examples of each."""
    settings.register_profile("normal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("deep", settings.get_profile("normal"), max_examples=100_000)
    settings.load_profile(os.environ.get("KATIB_HYPOTHESIS", "normal"))


def times() -> SearchStrategy[float]:
    """Times around `builders.NOW`, at, just before and just after the usual waits."""
    offsets = st.sampled_from((-86_400.0, -61.0, -31.0, -30.0, -1.0, -0.5, 0.0, 0.5, 1.0, 29.0, 30.0, 31.0, 86_400.0))
    return offsets.map(lambda offset: make.NOW + offset)


@composite
def ranges(draw: DrawFn, name: str = "a") -> Range:
    """A numeric parameter that the specification would accept."""
    kind = draw(st.sampled_from((ParameterType.INT, ParameterType.DOUBLE)))
    distribution = draw(st.sampled_from(Distribution))
    log = distribution in (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL)
    if kind is ParameterType.INT:
        low = float(draw(st.integers(min_value=1 if log else -1000, max_value=1000)))
        high = low + draw(st.integers(min_value=0, max_value=1000))
        step: float | None = draw(st.none() | st.integers(min_value=1, max_value=50).map(float))
    else:
        scale = 10.0 ** -draw(st.integers(min_value=0, max_value=6))
        low = draw(st.integers(min_value=1 if log else -1000, max_value=1000)) * scale
        high = low + draw(st.integers(min_value=0, max_value=1000)) * scale
        step = draw(st.none() | st.integers(min_value=1, max_value=50).map(lambda number: number * scale))
    low, high = round(low, 6), round(high, 6)
    return Range(
        name=name,
        type=kind,
        low=low,
        high=high,
        step=None if step is None else round(step, 6),
        distribution=distribution,
    )


@composite
def choices(draw: DrawFn, name: str = "a") -> Choice:
    """A parameter with a list of values."""
    if draw(st.booleans()):
        numbers = draw(st.lists(st.integers(-50, 50), min_size=1, max_size=5, unique=True))
        return Choice(name=name, type=ParameterType.DISCRETE, values=tuple(str(number / 4) for number in numbers))
    texts = draw(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5, unique=True))
    return Choice(name=name, type=ParameterType.CATEGORICAL, values=tuple(texts))


def parameters(name: str = "a") -> SearchStrategy[Parameter]:
    """A parameter of any kind."""
    return ranges(name) | choices(name)


@composite
def spaces(draw: DrawFn, *, max_parameters: int = 4) -> SearchSpace:
    """A search space of one to `max_parameters` (at most 6) parameters of any kind."""
    number = draw(st.integers(min_value=1, max_value=max_parameters))
    return SearchSpace(parameters=tuple(draw(parameters(name)) for name in NAMES[:number]))


@composite
def conditional_spaces(draw: DrawFn, *, max_parameters: int = 5) -> SearchSpace:
    """A space of two to `max_parameters` (at most 6) parameters in any order, some of which depend on others."""
    number = draw(st.integers(min_value=2, max_value=max_parameters))
    made: list[Parameter] = []
    for name in NAMES[:number]:
        parameter: Parameter = draw(parameters(name) | small_ints(name))
        parents = [each for each in made if each.size is not None and each.type is not ParameterType.DOUBLE]
        if parents and draw(st.integers(0, 3)) > 0:
            parent = draw(st.sampled_from(parents))
            values = draw(st.lists(_values(parent), min_size=1, max_size=3))
            parameter = replace(parameter, condition=When(parameter=parent.name, values=tuple(values)))
        made.append(parameter)
    shuffled: list[Parameter] = draw(st.permutations(made))
    return SearchSpace(parameters=tuple(shuffled))


def small_ints(name: str = "a") -> SearchStrategy[Range]:
    """An int parameter with one to four values."""
    return st.integers(0, 3).map(lambda high: Range(name=name, type=ParameterType.INT, low=0, high=high))


@composite
def assignments(draw: DrawFn, space: SearchSpace) -> Assignment:
    """An assignment in `space`."""
    return space.assign(lambda parameter: draw(_values(parameter)))


def _values(parameter: Parameter) -> SearchStrategy[float | int | str]:
    if parameter.size is not None:
        return st.integers(min_value=0, max_value=parameter.size - 1).map(parameter.at)
    assert isinstance(parameter, Range)
    return st.floats(min_value=parameter.low, max_value=parameter.high).map(parameter.nearest)


def metric_points(metric: str = "loss") -> SearchStrategy[MetricPoint]:
    """A reported value: finite, infinite, nan, or no number at all."""
    numbers = st.sampled_from((0.0, 0.5, 1.0, -1.0, 1e308, float("nan"), float("inf"), float("-inf"), None))
    return st.builds(
        MetricPoint,
        metric=st.just(metric),
        value=numbers,
        text=st.just("as reported"),
        seq=st.integers(min_value=0, max_value=9),
        step=st.none() | st.integers(min_value=0, max_value=9),
        time=st.sampled_from((0.0, make.NOW, make.NOW + 1.0)),
    )


METRICS: tuple[Metrics, ...] = (
    {},
    make.metrics(0.5),
    make.metrics(1.0, -1.0),
    make.metrics(0.5, float("nan")),
    make.metrics(float("inf")),
    make.metrics("text"),
    make.metrics(1.0, "text"),
    make.metrics(0.5, metric="another"),
    {**make.metrics(0.5), **make.metrics(2.0, metric="latency")},
    {**make.metrics(-1.0), **make.metrics(1.0, metric="latency")},
    {**make.metrics(1.0), **make.metrics(float("nan"), metric="latency")},
)
"""What a trial may have reported: nothing, values, values that are none, another metric."""

REPORTS: tuple[RunReport, ...] = (
    NOT_LAUNCHED,
    make.starting(),
    make.running(),
    make.lost(),
    make.refused(),
    make.refused(""),
    *(
        RunReport(
            phase=Phase.ENDED,
            code=code,
            signal=signal,
            cause=cause,
            drained=drained,
            tail=tail,
            started_at=make.NOW - 1.0,
            ended_at=None if ago is None else make.NOW - ago,
        )
        for code, signal, tail in ((0, None, ""), (1, None, "the last line"), (None, 9, ""), (None, None, ""))
        for cause in (None, Cause.STOPPED, Cause.DEADLINE)
        for drained, ago in ((True, 0.0), (False, 0.0), (False, 29.0), (False, 30.0), (False, -86_400.0), (True, None))
    ),
)
"""Runs in every phase and ended in every way, some of which no runner would report."""

BUDGETS: tuple[Budget, ...] = tuple(
    Budget(max_trials=most, parallel=parallel, max_failed=failed)
    for most in (3, 1, 2, 6, None)
    for parallel in (2, 1, 3, 4)
    for failed in (None, 0, 1, 2)
)
"""Small ones, so that every limit is met often."""

OBJECTIVES: tuple[Objective, ...] = tuple(
    Objective(metric="loss", direction=direction, goal=goal, strategies={} if strategy is None else {"loss": strategy})
    for goal in (None, -1.0, 0.5)
    for direction in Direction
    for strategy in (None, *Strategy)
)
"""With and without a goal, both directions, all strategies."""

RULES: tuple[tuple[StopRule, ...], ...] = (
    (),
    (StopRule(name="loss", value=0.5, comparison=Comparison.GREATER, start_step=2),),
)
"""What may be attached to trials that are created."""

FURTHER: tuple[tuple[Objective, ...], ...] = (
    (),
    (make.objective(metric="latency"),),
    (make.objective(metric="latency", maximize=True, goal=2.0),),
)
"""Objectives beside the first."""

RETRIES: tuple[RetryPolicy, ...] = tuple(
    RetryPolicy(retries=retries, losses=losses) for retries in (0, 1, 2) for losses in (2, 0, 1)
)
"""Few attempts, so that running out of them is tested."""

CONDITIONS: tuple[Condition, ...] = tuple(
    Condition(status=status, reason=reason, message=message, since=make.NOW)
    for status in (StudyStatus.RUNNING, *StudyStatus)
    for reason in (make.CONDITIONS[status], StudyReason.GOAL_REACHED)
    for message in ("a message", "")
)
"""Every status, with a fitting and with an odd reason."""

# Each of these is one draw from a table: a snapshot is made of some thirty values, and drawing every field by itself
# would take ten times as long.
metrics: SearchStrategy[Metrics] = st.sampled_from(METRICS)
run_reports: SearchStrategy[RunReport] = st.sampled_from(REPORTS)
budgets: SearchStrategy[Budget] = st.sampled_from(BUDGETS)
objectives: SearchStrategy[Objective] = st.sampled_from(OBJECTIVES)
further_objectives: SearchStrategy[tuple[Objective, ...]] = st.sampled_from(FURTHER)
retries: SearchStrategy[RetryPolicy] = st.sampled_from(RETRIES)
conditions: SearchStrategy[Condition] = st.sampled_from(CONDITIONS)


@composite
def summaries(draw: DrawFn, objectives: int = 1) -> Summary:
    """Any counts with any best value, or any front of one or two trials with so many values."""
    numbers = draw(st.lists(st.integers(min_value=0, max_value=4), max_size=len(TrialState)))
    return Summary(
        counts=dict(zip(TrialState, numbers, strict=False)),
        highest_ordinal=draw(st.integers(min_value=0, max_value=12)),
        **draw(_best(objectives)),
    )


def _best(objectives: int) -> SearchStrategy[dict[str, Any]]:
    if objectives == 1:
        return st.fixed_dictionaries(
            {"best_ordinal": st.just(1), "best_value": st.sampled_from((None, -1.0, 0.5, 1.0))}
        )
    values = st.tuples(*[st.sampled_from(VALUES)] * objectives)
    points = st.lists(values, max_size=2).map(
        lambda drawn: tuple(FrontPoint(ordinal=k, values=each) for k, each in enumerate(drawn, start=1))
    )
    return st.fixed_dictionaries({"front": points})


PAUSES = (0.0, -1.0, 1.0, 60.0, 61.0, 86_400.0)

UNFINISHED_TRIALS = tuple(
    (state, attempt, failures, losses, pause)
    for state in (TrialState.PENDING, TrialState.RUNNING)
    for attempt in (1, 2)
    for failures in (0, 1, 2)
    for losses in (0, 1, 2)
    for pause in (PAUSES if state is TrialState.PENDING else (0.0,))
)

VALUES = (0.5, -1.0, 1.0)

FINISHED_TRIALS = tuple(
    (state, value)
    for state in sorted(FINISHED)
    for value in (VALUES if state in (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED) else (None,))
)


VERDICTS: tuple[EarlyStop | None, ...] = (None, None, None, make.early_stop(), make.early_stop(shadow=True))
"""What may be on record of an unfinished trial, or found about it."""


@composite
def judgements(draw: DrawFn, trials: int) -> tuple[Judgement, ...]:
    """Verdicts on attempts of the first trials, by ordinal: current ones, past ones and such as never began."""
    return tuple(
        Judgement(ordinal=ordinal, attempt=draw(st.sampled_from((1, 2, 3))), stop=stop)
        for ordinal in range(1, trials + 1)
        if (stop := draw(st.sampled_from(VERDICTS))) is not None
    )


@composite
def unfinished_trials(draw: DrawFn, ordinal: int) -> Trial:
    """Trial `ordinal`, waiting or running, at some attempt."""
    state, attempt, failures, losses, pause = draw(st.sampled_from(UNFINISHED_TRIALS))
    return make.trial(
        ordinal,
        state,
        attempt=attempt,
        failures=failures,
        losses=losses,
        metrics=draw(metrics),
        not_before=make.NOW + pause if pause else 0.0,
        stopped_by=draw(st.sampled_from(VERDICTS)) if state is TrialState.RUNNING else None,
    )


@composite
def finished_trials(draw: DrawFn, ordinal: int, objectives: int = 1) -> Trial:
    """Trial `ordinal`, finished in some way; with so many values if it has any."""
    state, value = draw(st.sampled_from(FINISHED_TRIALS))
    further = [draw(st.sampled_from(VALUES)) for _ in range(objectives - 1)] if value is not None else []
    return make.trial(ordinal, state, value=value, further=further)


@composite
def snapshots(draw: DrawFn) -> Snapshot:
    """Any well-typed snapshot. Ordinals count 1, 2, 3 …: first the unfinished trials, then the unused advice."""
    unfinished = draw(st.integers(min_value=0, max_value=5))
    advised = draw(st.integers(min_value=0, max_value=3))
    further = draw(further_objectives)
    study = replace(
        make.study(stop=draw(st.booleans()), exhausted=draw(st.sampled_from(("", "the grid is used up")))),
        objective=draw(objectives),
        budget=draw(budgets),
        condition=draw(conditions),
        summary=draw(summaries(1 + len(further))),
        further_objectives=further,
    )
    return Snapshot(
        now=draw(times()),
        study=study,
        trials=tuple(
            TrialView(trial=draw(unfinished_trials(ordinal)), run=draw(run_reports))
            for ordinal in range(1, unfinished + 1)
        ),
        advised=tuple(
            make.trial(ordinal, TrialState.ADVISED) for ordinal in range(unfinished + 1, unfinished + advised + 1)
        ),
        retry=draw(retries),
        patience=draw(st.sampled_from((30.0, 0.0, 1.0))),
        stock=draw(st.sampled_from((0, 1, 2, 64))),
        ahead=draw(st.sampled_from((None, 0, 1, 3))),
        judgements=draw(judgements(unfinished)),
        rules=draw(st.sampled_from(RULES)),
    )


@composite
def consistent_snapshots(draw: DrawFn) -> Snapshot:
    """A snapshot whose summary is the recount of its trials: finished ones included, and advice that is not shown."""
    snapshot = draw(snapshots())
    above = len(snapshot.trials) + len(snapshot.advised)
    unseen = draw(st.integers(0, 3)) if len(snapshot.advised) >= snapshot.study.budget.parallel else 0
    finished = [
        draw(finished_trials(ordinal, len(snapshot.study.objectives)))
        for ordinal in range(above + unseen + 1, above + unseen + 1 + draw(st.integers(0, 4)))
    ]
    every: list[Trial] = [*finished, *snapshot.advised, *(view.trial for view in snapshot.trials)]
    every += [make.trial(ordinal, TrialState.ADVISED) for ordinal in range(above + 1, above + unseen + 1)]
    summary = make.recount(every, *snapshot.study.objectives)
    return replace(snapshot, study=replace(snapshot.study, summary=summary))
