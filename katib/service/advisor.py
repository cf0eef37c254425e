"""Advisor's study API over the desk: its words, its shapes, its rules. REST and the embedded client both call it.

Advisor (tobegit3hub/advisor) knows studies with one unnamed objective, trials, and metrics of trials; each request for
suggestions makes new trials, which belong to nobody. Here they are studies like all others: its algorithm names stand
for ours, and a result is not changed after the fact, since an algorithm may have learnt from it.
"""

import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

from katib.core.observation import MetricPoint
from katib.core.space import ParameterType
from katib.core.study import Study
from katib.core.trial import UNFINISHED, Reason, Trial, TrialState
from katib.errors import AlreadyExists, Fault, InvalidInput, NotFound, StudyClosed, TrialEnded
from katib.service.advisor_configuration import ALGORITHM_NOTE, CONFIGURATION_NOTE, METRIC, configuration_of, spec_of
from katib.service.desk import Desk
from katib.service.keeping import remove_trial
from katib.service.values import NANOSECONDS
from katib.service.views import moment
from katib.stores.contract import Observation, TrialFilter

PENDING, COMPLETED, FAILED, STOPPED, INFEASIBLE = "Pending", "Completed", "Failed", "Stopped", "Infeasible"
"""Advisor's two words for the status of a trial, and three for ends that it does not know."""

_PRINTED_BYTES = re.compile(r"b'(.+)'")
"""What advisor's client 0.1.6 makes of a study's name: it keeps it as bytes, and Python 3 prints them so."""

_STATUS = {
    TrialState.PENDING: PENDING,
    TrialState.RUNNING: PENDING,
    TrialState.SUCCEEDED: COMPLETED,
    TrialState.EARLY_STOPPED: COMPLETED,
    TrialState.FAILED: FAILED,
    TrialState.METRICS_UNAVAILABLE: FAILED,
    TrialState.KILLED: STOPPED,
}


class AdvisorDesk:
    """Advisor's operations. What they return is what advisor's server puts under `data`.

    A study is named by its name or, where no study has that name, by its id; a trial's id is its number in the study.
    Every method raises NotFound for a study, trial or metric that is not there, and InvalidInput for what advisor would
    have answered with a failure of the server.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._store = desk.store

    # --- Studies

    def list_studies(self) -> list[dict[str, Any]]:
        """All studies, oldest first, those that the engine runs included."""
        return [self._study_view(study) for study in self._store.list_studies()]

    def create_study(self, name: str, configuration: Any, algorithm: str) -> dict[str, Any]:
        """Create a study. Raises AlreadyExists when the name is taken, whatever by."""
        spec = spec_of(configuration, algorithm)
        notes = {CONFIGURATION_NOTE: configuration_text(configuration), ALGORITHM_NOTE: algorithm}
        opened = self._desk.create(name, spec, annotations=notes)
        if not opened.created:
            raise _taken(name)
        return self._study_view(opened.study)

    def study(self, name: str) -> dict[str, Any]:
        """One study."""
        return self._study_view(self._find(name))

    def study_exists(self, name: str) -> bool:
        """Whether there is a study of that name or id."""
        try:
            self._find(name)
        except NotFound:
            return False
        return True

    def set_study_status(self, name: str, status: str | None) -> dict[str, Any]:
        """`Completed` stops a study that still has open trials; `Pending` lets it go on. None changes nothing.

        One without open trials is `Completed` anyway, until somebody asks for more.
        """
        study = self._find(name)
        if status not in (None, PENDING, COMPLETED):
            raise _fault("status", status, f"{PENDING} or {COMPLETED}", what="the study's status")
        if status == COMPLETED and study.summary.count(*UNFINISHED):
            self._desk.pause(study.name)
        elif status == PENDING:
            self._desk.resume(study.name)
        return self.study(study.name)

    def delete_study(self, name: str) -> None:
        """Remove a study with its trials and metrics."""
        self._desk.delete(self._find(name).name)

    # --- Trials

    def suggestions(self, name: str, number: int) -> list[dict[str, Any]]:
        """`number` new trials; fewer where the search space has no more, or a budget that is to be enforced."""
        study = self._find(name)
        if number < 1:
            raise _fault("trials_number", number, "1 or more", what="the request for suggestions")
        trials = self._desk.lender.suggest(study.name, _nobody(), number, afresh=True, seconds=math.inf)
        return [self._trial_view(study, trial) for trial in trials]

    def trials(self, name: str) -> list[dict[str, Any]]:
        """All trials; none of a study that is not there."""
        try:
            study = self._find(name)
        except NotFound:
            return []
        return [self._trial_view(study, each) for each in self._store.trials(study.uid)]

    def create_trial(self, name: str, parameters: Any = None, value: float | None = None) -> dict[str, Any]:
        """A trial with parameters of one's own, and its result where it has one; else a suggested one."""
        study = self._find(name)
        if parameters is None:
            return self._one_more(study)
        metrics = None if value is None else {study.objective.metric: float(value)}
        trial = self._desk.lender.add_trial(study.name, _object(parameters, "parameter_values"), metrics=metrics)
        return self._trial_view(study, trial)

    def trial(self, name: str, number: int) -> dict[str, Any]:
        """One trial."""
        study = self._find(name)
        return self._trial_view(study, self._trial(study, number))

    def update_trial(
        self,
        name: str,
        number: int,
        *,
        status: str | None = None,
        value: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Complete a trial with its value; without a status, the value is what it has reached so far.

        Args:
            status: Completed; Failed, Infeasible or Stopped for one that has no value; Pending or None otherwise.
            metrics: by name, beside the value or instead of it.

        Raises:
            TrialEnded: the trial has ended otherwise.
        """
        study = self._find(name)
        trial = self._trial(study, number)
        values = dict(metrics or {}) | ({} if value is None else {study.objective.metric: float(value)})
        if trial.finished:
            self._refuse_change(study, trial, status, values.get(study.objective.metric))
            return self._trial_view(study, trial)
        match status:
            case "Completed":
                self._desk.lender.complete(study.name, number, _final(study, trial, values))
            case "Failed" | "Infeasible":
                infeasible = status == INFEASIBLE
                self._desk.lender.fail(study.name, number, "said its client", infeasible=infeasible)
            case "Stopped":
                self._desk.lender.abandon(study.name, number)
            case None | "Pending":
                for metric, reached in values.items():
                    self._report(study, trial, metric, reached, None)
            case _:
                wanted = ", ".join((PENDING, COMPLETED, FAILED, INFEASIBLE, STOPPED))
                raise _fault("status", status, f"one of {wanted}", what="the trial's status")
        return self._trial_view(study, self._trial(study, number))

    def delete_trial(self, name: str, number: int) -> None:
        """Remove a trial with its metrics and its result."""
        study = self._find(name)
        remove_trial(self._store, study, self._trial(study, number).ordinal, now=self._desk.now())

    # --- Metrics of trials

    def metrics(self, name: str, number: int) -> list[dict[str, Any]]:
        """What was reported of the objective, in its order."""
        study = self._find(name)
        return [_metric_view(each) for each in self._observed(study, self._trial(study, number))]

    def add_metric(self, name: str, number: int, step: int | None, value: float) -> dict[str, Any]:
        """Report a value of the objective. A step has one value: the first report of it stays."""
        if step is not None and step < 0:
            raise _fault("training_step", step, "null, or 0 or more", what="the metric")
        study = self._find(name)
        trial = self._trial(study, number)
        point = self._report(study, trial, study.objective.metric, float(value), step)
        observed = self._observed(study, trial)
        return _metric_view(next(each for each in observed if each.point.identity == point.identity))

    def metric(self, name: str, number: int, metric: int) -> dict[str, Any]:
        """One report."""
        found = (each for each in self.metrics(name, number) if each["id"] == metric)
        for each in found:
            return each
        raise NotFound(f"trial {number} of {name!r} has no metric {metric}", hint="its list of metrics has their ids")

    def update_metric(self, name: str, number: int, metric: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The report, when the changes are none. Raises TrialEnded otherwise: what was reported stays."""
        known = self.metric(name, number, metric)
        wanted = {key: changes[key] for key in ("training_step", "objective_value") if key in changes}
        if any(known[key] != value for key, value in wanted.items()):
            raise TrialEnded("what was reported stays as it is", hint="report another value, at another training_step")
        return known

    def delete_metric(self, name: str, number: int, metric: int) -> None:
        """Raises TrialEnded: what was reported stays."""
        self.metric(name, number, metric)
        raise TrialEnded("what was reported stays on record", hint="delete the study to forget it")

    # --- Inside

    def _find(self, name: str) -> Study:
        """The study of that name, or of that id, or of the name that advisor's client 0.1.6 was given."""
        try:
            return self._desk.study(name)
        except NotFound:
            if found := _PRINTED_BYTES.fullmatch(name):
                return self._desk.study(found[1])
            if name.isdecimal():
                for study in self._store.list_studies():
                    if study_number(study) == int(name):
                        return study
            raise

    def _trial(self, study: Study, number: int) -> Trial:
        found = self._store.trials(study.uid, TrialFilter(ordinals=frozenset({number}))) if 0 < number < 2**63 else []
        if not found:
            raise NotFound(f"study {study.name!r} has no trial {number}", hint="its list of trials has their ids")
        return found[0]

    def _one_more(self, study: Study) -> dict[str, Any]:
        found = self.suggestions(study.name, 1)
        if not found:
            raise StudyClosed(f"study {study.name!r} has no room for another trial", hint="complete its open trials")
        return found[0]

    def _report(self, study: Study, trial: Trial, metric: str, value: float, step: int | None) -> MetricPoint:
        now = self._desk.now()
        point = MetricPoint(
            metric=metric, value=value, text=repr(value), seq=int(now * NANOSECONDS), step=step, time=now
        )
        self._desk.lender.report(study.name, trial.ordinal, [point])
        return point

    def _observed(self, study: Study, trial: Trial) -> list[Observation]:
        metric = study.objective.metric
        return self._store.observations(study.uid, ordinal=trial.ordinal, metric=metric, attempt=trial.attempt)

    def _refuse_change(self, study: Study, trial: Trial, status: str | None, value: float | None) -> None:
        """Raises TrialEnded unless what is asked for is what the trial is."""
        same_status = status in (None, _STATUS[trial.state]) or trial.reason is Reason.INFEASIBLE
        same_value = value is None or value == trial.value
        if not (same_status and same_value):
            ended = f"with {trial.value}" if trial.value is not None else f"without a value: {trial.message}"
            raise TrialEnded(
                f"trial {trial.ordinal} of {study.name!r} has ended {ended}; a finished trial stays as it is",
                hint="delete it, and add another one with the right value",
            )

    def _study_view(self, study: Study) -> dict[str, Any]:
        annotations = study.effective.get("metadata", {}).get("annotations") or {}
        configuration = annotations.get(CONFIGURATION_NOTE) or json.dumps(configuration_of(study))
        algorithm = (study.effective["spec"].get("algorithm") or {}).get("algorithmName", "")
        idle = study.summary.created > 0 and not study.summary.count(*UNFINISHED)
        over = study.condition.ended or study.stop_requested or idle
        return {
            "id": study_number(study),
            "name": study.name,
            "study_configuration": configuration,
            "algorithm": annotations.get(ALGORITHM_NOTE) or algorithm,
            "status": COMPLETED if over else PENDING,
            "created_time": moment(study.created_at),
            "updated_time": moment(study.ended_at or study.started_at or study.created_at),
        }

    def _trial_view(self, study: Study, trial: Trial) -> dict[str, Any]:
        reported = trial.metrics.get(study.objective.metric)
        reached = reported.latest if reported and not trial.finished else None
        value = trial.value if trial.value is not None else reached
        return {
            "id": trial.ordinal,
            "study_name": study.name,
            "name": trial.name,
            "parameter_values": json.dumps(_parameters(study, trial)),
            "objective_value": _finite(value),
            "status": INFEASIBLE if trial.reason is Reason.INFEASIBLE else _STATUS[trial.state],
            "created_time": moment(trial.created_at),
            "updated_time": moment(trial.ended_at or trial.started_at or trial.created_at),
        }


def study_number(study: Study) -> int:
    """Advisor's integer id of a study: made from its uid, so it is the same for ever, in every store."""
    return _number(study.uid)


def configuration_text(configuration: Any) -> str:
    """The configuration as advisor keeps it: JSON in a text. One that is a text already stays it."""
    return configuration if isinstance(configuration, str) else json.dumps(configuration)


def _number(*parts: object) -> int:
    """52 bits of a hash: as many as every JSON reader keeps."""
    return int(hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:13], 16)


def _nobody() -> str:
    """A client's name that no other request has."""
    return f"advisor-{uuid.uuid4().hex}"


def _parameters(study: Study, trial: Trial) -> dict[str, Any]:
    types = {each["name"]: each.get("parameterType") for each in study.effective["spec"].get("parameters") or ()}
    return {
        name: float(value) if types.get(name) == ParameterType.DISCRETE else value
        for name, value in trial.assignment.items()
    }


def _metric_view(observation: Observation) -> dict[str, Any]:
    point = observation.point
    told = moment(point.time or observation.arrived)
    return {
        "id": _number(observation.attempt, *point.identity),
        "trial_id": observation.ordinal,
        "training_step": point.step,
        "objective_value": _finite(point.value),
        "created_time": told,
        "updated_time": told,
    }


def _final(study: Study, trial: Trial, values: Mapping[str, float]) -> dict[str, float] | None:
    """What a trial is completed with; None to take what was reported, which need not be stored again.

    One metric alone is the objective, whatever its name: advisor's objective has none.
    """
    objective = study.objective
    if objective.metric == METRIC and METRIC not in values and len(values) == 1:
        return {**values, METRIC: next(iter(values.values()))}
    reported = objective.value(trial.metrics) if objective.metric in trial.metrics else None
    return None if not values or (reported is not None and values == {objective.metric: reported}) else dict(values)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _object(given: Any, path: str) -> Mapping[str, Any]:
    """An object, or the JSON text of one."""
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise _fault(path, given, f"an object, or JSON that is one: {error}", what="the trial") from error
    if not isinstance(found, Mapping):
        raise _fault(path, given, "an object, or JSON that is one", what="the trial")
    return found


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"The study {name} exists", hint="choose another name, or get_or_create_study")


def _fault(path: str, given: object, wanted: str, *, what: str) -> InvalidInput:
    return InvalidInput([Fault(path=path, given=repr(given), wanted=wanted)], what=what)
