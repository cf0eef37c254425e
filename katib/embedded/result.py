"""What `tune` found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from katib.core.study import Study
from katib.core.trial import Trial
from katib.service.views import front_trials
from katib.stores.contract import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial.

    Attributes:
        status, reason, message: how it ended and why.
        value: its objective value; None when it has none, and with several objectives.
        values: objective's metric -> its value; empty when it has none.
        parameters: name -> the value the function got.
        metrics: metric -> its latest value.
        seconds: how long it ran; None when it never started.
    """

    name: str
    ordinal: int
    status: str
    reason: str
    message: str
    value: float | None
    values: Mapping[str, float]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A study's outcome.

    Attributes:
        status, reason, message: how the study ended and why.
        best: the trial with the best value; None when no trial has one, and with several objectives: see `front`.
        front: the trials that no other one beats: with several objectives their Pareto front, the best by the first
            objective first; with one the best trial alone. Empty when no trial has a value.
        objectives: the objectives' metrics, in order.
        trials: all of them, by ordinal.
    """

    name: str
    status: str
    reason: str
    message: str
    best: TrialResult | None
    front: tuple[TrialResult, ...]
    objectives: tuple[str, ...]
    trials: tuple[TrialResult, ...] = field(repr=False)

    def to_dataframe(self) -> "pd.DataFrame":
        """A row per trial: ordinal, name, status, value, seconds, then a column per parameter and metric.

        With several objectives there is a column `value_METRIC` for each.

        Raises:
            ImportError: pandas is not installed; `pip install 'katib-engine[dataframe]'`.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas: pip install 'katib-engine[dataframe]'") from error
        return pd.DataFrame([_row(trial, self.objectives) for trial in self.trials])


def result_of(store: Store, study: Study, values: Mapping[str, Mapping[str, Any]]) -> Result:
    """The result of a study whose list items stand for the objects in `values`."""
    metrics = tuple(objective.metric for objective in study.objectives)
    trials = tuple(_trial(trial, values, metrics) for trial in store.trials(study.uid))
    by_ordinal = {trial.ordinal: trial for trial in trials}
    front = tuple(by_ordinal[trial.ordinal] for trial in front_trials(store, study))
    condition = study.condition
    return Result(
        name=study.name,
        status=condition.status.value,
        reason=condition.reason.value,
        message=condition.message,
        best=front[0] if front and len(metrics) == 1 else None,
        front=front,
        objectives=metrics,
        trials=trials,
    )


def _trial(trial: Trial, values: Mapping[str, Mapping[str, Any]], objectives: Sequence[str]) -> TrialResult:
    timed = trial.started_at is not None and trial.ended_at is not None
    return TrialResult(
        name=trial.name,
        ordinal=trial.ordinal,
        status=trial.state.value,
        reason=trial.reason.value,
        message=trial.message,
        value=trial.value if len(objectives) == 1 else None,
        values=dict(zip(objectives, trial.values, strict=False)),
        parameters={
            name: values[name][str(value)] if name in values else value for name, value in trial.assignment.items()
        },
        metrics={name: summary.latest for name, summary in trial.metrics.items()},
        seconds=(trial.ended_at or 0.0) - (trial.started_at or 0.0) if timed else None,
    )


def _row(trial: TrialResult, objectives: Sequence[str]) -> dict[str, Any]:
    several = {f"value_{metric}": trial.values.get(metric) for metric in objectives}
    return {
        "ordinal": trial.ordinal,
        "name": trial.name,
        "status": trial.status,
        **(several if len(objectives) > 1 else {"value": trial.value}),
        "seconds": trial.seconds,
        **{f"param_{name}": value for name, value in trial.parameters.items()},
        **{f"metric_{name}": value for name, value in trial.metrics.items()},
    }
