"""What `tune` found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from katib.core.study import Study
from katib.core.trial import Trial
from katib.stores.contract import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial.

    Attributes:
        status, reason, message: how it ended and why.
        value: its objective value; None when it has none.
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
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A study's outcome.

    Attributes:
        status, reason, message: how the study ended and why.
        best: the trial with the best value; None when no trial has one.
        trials: all of them, by ordinal.
    """

    name: str
    status: str
    reason: str
    message: str
    best: TrialResult | None
    trials: tuple[TrialResult, ...] = field(repr=False)

    def to_dataframe(self) -> "pd.DataFrame":
        """A row per trial: ordinal, name, status, value, seconds, then a column per parameter and metric.

        Raises:
            ImportError: pandas is not installed; `pip install 'katib-engine[dataframe]'`.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas: pip install 'katib-engine[dataframe]'") from error
        return pd.DataFrame([_row(trial) for trial in self.trials])


def result_of(store: Store, study: Study, values: Mapping[str, Mapping[str, Any]]) -> Result:
    """The result of a study whose list items stand for the objects in `values`."""
    trials = tuple(_trial(trial, values) for trial in store.trials(study.uid))
    best = next((trial for trial in trials if trial.ordinal == study.summary.best_ordinal), None)
    condition = study.condition
    return Result(
        name=study.name,
        status=condition.status.value,
        reason=condition.reason.value,
        message=condition.message,
        best=best,
        trials=trials,
    )


def _trial(trial: Trial, values: Mapping[str, Mapping[str, Any]]) -> TrialResult:
    timed = trial.started_at is not None and trial.ended_at is not None
    return TrialResult(
        name=trial.name,
        ordinal=trial.ordinal,
        status=trial.state.value,
        reason=trial.reason.value,
        message=trial.message,
        value=trial.value,
        parameters={
            name: values[name][str(value)] if name in values else value for name, value in trial.assignment.items()
        },
        metrics={name: summary.latest for name, summary in trial.metrics.items()},
        seconds=(trial.ended_at or 0.0) - (trial.started_at or 0.0) if timed else None,
    )


def _row(trial: TrialResult) -> dict[str, Any]:
    return {
        "ordinal": trial.ordinal,
        "name": trial.name,
        "status": trial.status,
        "value": trial.value,
        "seconds": trial.seconds,
        **{f"param_{name}": value for name, value in trial.parameters.items()},
        **{f"metric_{name}": value for name, value in trial.metrics.items()},
    }
