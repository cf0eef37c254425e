"""Advisor's Python client: its methods, with a server of katib or none."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from katib.client import places
from katib.client.advisor_desk import AdvisorDesk, RemoteAdvisor
from katib.client.given import metrics_of, whole
from katib.client.wire import Wire
from katib.errors import AlreadyExists, Fault, InvalidInput, NotFound


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study, as advisor shows it.

    Attributes:
        study_configuration: JSON in a text.
        status: Pending, or Completed when it has no open trials, was stopped or has ended.
        created_time, updated_time: UTC, as 2026-11-23T13:39:47.393Z.
    """

    id: int
    name: str
    study_configuration: str
    algorithm: str
    status: str
    created_time: str
    updated_time: str

    @property
    def configuration(self) -> dict[str, Any]:
        """The configuration as an object."""
        return dict(json.loads(self.study_configuration))


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial, as advisor shows it.

    Attributes:
        id: its number in its study, from 1.
        parameter_values: JSON in a text.
        objective_value: its result; of an open trial the latest that was reported; None without one.
        status: Pending, Completed, or Failed, Infeasible or Stopped for an end without a value.
    """

    id: int
    study_name: str
    name: str
    parameter_values: str | None
    objective_value: float | None
    status: str
    created_time: str
    updated_time: str

    @property
    def parameters(self) -> dict[str, int | float | str]:
        """The values by parameter: int for INTEGER, float for DOUBLE and DISCRETE, str for CATEGORICAL."""
        return dict(json.loads(self.parameter_values or "{}"))


@dataclass(frozen=True, kw_only=True)
class TrialMetric:
    """One reported value of a trial's objective."""

    id: int
    trial_id: int
    training_step: int | None
    objective_value: float | None
    created_time: str
    updated_time: str


class Point(Protocol):
    """A value at a step, as TensorBoard's readers give it."""

    @property
    def step(self) -> int: ...

    @property
    def value(self) -> float: ...


class AdvisorClient:
    """Studies in the manner of advisor. A context manager; thread-safe.

    Wherever a study is asked for, a Study or its name will do.

    Args:
        endpoint: a server's address, `http://host:port`; else what KATIB_ENDPOINT names; else no server: the studies
            are in the store that KATIB_DB names, or katib.db in this folder.
        token: what a server with authentication asks for; else KATIB_TOKEN.
        store: a path or URL of a store; given, no server is asked.
    """

    def __init__(self, endpoint: str | None = None, *, token: str | None = None, store: str | None = None) -> None:
        self.endpoint = None if store else places.address(endpoint)
        if self.endpoint is None:
            embedded = places.embedded(store)
            self._close = embedded.close
            self._desk: AdvisorDesk = embedded.advisor
        else:
            wire = Wire(self.endpoint, token=places.token(token))
            self._close = wire.close
            self._desk = RemoteAdvisor(wire)

    def __enter__(self) -> "AdvisorClient":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the server or the store."""
        self._close()

    # --- Studies

    def create_study(
        self, study_name: str, study_configuration: Mapping[str, Any], algorithm: str = "BayesianOptimization"
    ) -> Study:
        """Create a study.

        Args:
            study_configuration: `goal`, `params` and more, see docs/client.md.
            algorithm: one of advisor's names or of katib's own.

        Raises:
            AlreadyExists: the name is taken.
            InvalidInput: the configuration, with every fault.
            AlgorithmUnknown: no such algorithm.
        """
        return Study(**self._desk.create_study(study_name, study_configuration, algorithm))

    def get_or_create_study(
        self, study_name: str, study_configuration: Mapping[str, Any], algorithm: str = "BayesianOptimization"
    ) -> Study:
        """The study of that name, or a new one. Raises as `create_study`, AlreadyExists apart."""
        with suppress(NotFound):
            return self._study(study_name)
        with suppress(AlreadyExists):
            return self.create_study(study_name, study_configuration, algorithm)
        return self._study(study_name)

    def list_studies(self) -> list[Study]:
        """All studies, oldest first."""
        return [Study(**each) for each in self._desk.list_studies()]

    def get_study_by_name(self, study_name: str | Study) -> Study | None:
        """The study; None when there is none."""
        with suppress(NotFound):
            return self._study(_name(study_name))
        return None

    def get_study_by_id(self, study_id: int) -> Study | None:
        """The study with that id; None when there is none."""
        return next((study for study in self.list_studies() if study.id == study_id), None)

    def delete_study(self, study_name: str | Study) -> None:
        """Remove a study with its trials and metrics. Raises NotFound."""
        self._desk.delete_study(_name(study_name))

    def is_study_done(self, study_name: str | Study) -> bool:
        """Whether it has trials, and none of them is open; or was stopped, or has ended. Raises NotFound."""
        return self._study(_name(study_name)).status == "Completed"

    # --- Trials

    def get_suggestions(self, study_name: str | Study, trials_number: int = 1) -> list[Trial]:
        """New trials: as many as asked for, fewer when the search space or a budget has no more.

        Raises:
            NotFound: no such study.
            StudyClosed: it has ended, or is stopped.
        """
        number = whole(trials_number, "trials_number", least=1, what="get_suggestions")
        return [Trial(**each) for each in self._desk.suggestions(_name(study_name), number)]

    def list_trials(self, study_name: str | Study) -> list[Trial]:
        """All trials of a study; none of one that is not there."""
        return [Trial(**each) for each in self._desk.trials(_name(study_name))]

    def get_trial(self, study_name: str | Study, trial_id: int) -> Trial | None:
        """A trial; None when there is none."""
        with suppress(NotFound):
            return Trial(**self._desk.trial(_name(study_name), trial_id))
        return None

    def get_best_trial(self, study_name: str | Study) -> Trial | None:
        """The completed trial with the best value; None while there is none. Raises NotFound."""
        study = self._study(_name(study_name))
        valued = [
            (trial.objective_value, trial)
            for trial in self.list_trials(study)
            if trial.status == "Completed" and trial.objective_value is not None
        ]
        if not valued:
            return None
        best = max if str(study.configuration.get("goal", "")).upper() == "MAXIMIZE" else min
        return best(valued, key=lambda pair: pair[0])[1]

    def complete_trial(self, trial: Trial, outcome: float | Mapping[str, float] | Iterable[tuple[int, float]]) -> Trial:
        """Complete a trial.

        Args:
            outcome: its value; or metrics by name, of which `objective_value` is the objective, or a single one is; or
                (step, value) points, the last of which is the value.

        Raises:
            InvalidInput: there is no value for the objective in it.
            TrialEnded: it has ended with another value.
        """
        if isinstance(outcome, Mapping):
            return self._change(trial, status="Completed", metrics=_numbers(outcome, _completing(trial)))
        if isinstance(outcome, Iterable) and not isinstance(outcome, str):
            return self._complete_with(trial, [_point(each, trial) for each in outcome])
        return self._change(trial, status="Completed", value=_number(outcome, _completing(trial)))

    def complete_trial_with_one_metric(self, trial: Trial, metric: float) -> Trial:
        """Report a value and complete the trial with it. Raises TrialEnded."""
        self._desk.add_metric(trial.study_name, trial.id, None, float(metric))
        return self._change(trial, status="Completed", value=float(metric))

    def complete_trial_with_tensorboard_metrics(self, trial: Trial, metrics: Sequence[Point]) -> Trial:
        """Report every point and complete the trial with the last one's value.

        Raises:
            InvalidInput: there is no point.
            TrialEnded: it has ended with another value.
        """
        return self._complete_with(trial, [(point.step, float(point.value)) for point in metrics])

    # --- Metrics

    def create_trial_metric(
        self, study_name: str | Study, trial_id: int, training_step: int | None, objective_value: float
    ) -> TrialMetric:
        """Report a value of the objective. A step has one value: the first report of it stays. Raises NotFound."""
        value = _number(objective_value, "create_trial_metric")
        step = None if training_step is None else whole(training_step, "training_step", least=0, what="the metric")
        return TrialMetric(**self._desk.add_metric(_name(study_name), trial_id, step, value))

    def list_trial_metrics(self, study_name: str | Study, trial_id: int) -> list[TrialMetric]:
        """All reported values of a trial's objective. Raises NotFound."""
        return [TrialMetric(**each) for each in self._desk.metrics(_name(study_name), trial_id)]

    # --- Inside

    def _study(self, name: str) -> Study:
        return Study(**self._desk.study(name))

    def _complete_with(self, trial: Trial, points: Sequence[tuple[int, float]]) -> Trial:
        if not points:
            fault = Fault(path="outcome", given="no points", wanted="at least one (step, value)")
            raise InvalidInput([fault], what=_completing(trial))
        for step, value in points:
            self._desk.add_metric(trial.study_name, trial.id, step, value)
        return self._change(trial, status="Completed", value=points[-1][1])

    def _change(
        self, trial: Trial, *, status: str, value: float | None = None, metrics: Mapping[str, float] | None = None
    ) -> Trial:
        changed = self._desk.update_trial(trial.study_name, trial.id, status=status, value=value, metrics=metrics)
        return Trial(**changed)


def _name(study: str | Study) -> str:
    return study.name if isinstance(study, Study) else study


def _completing(trial: Trial) -> str:
    return f"completing trial {trial.id}"


def _numbers(given: Mapping[str, float], what: str) -> dict[str, float]:
    return {name: float(value) for name, value in metrics_of(given, {}, what).items()}


def _number(value: Any, what: str) -> float:
    return _numbers({"objective_value": value}, what)["objective_value"]


def _point(given: Any, trial: Trial) -> tuple[int, float]:
    try:
        step, value = given
    except (TypeError, ValueError) as error:
        fault = Fault(path="outcome", given=repr(given)[:80], wanted="(step, value) points, a number or a dict")
        raise InvalidInput([fault], what=_completing(trial)) from error
    return whole(step, "step", least=0, what=_completing(trial)), _number(value, _completing(trial))
