"""Calls of the Python client, answered by the desk of this process as a server answers them."""

from collections.abc import Mapping
from typing import Any, Protocol

from katib.core.observation import MetricPoint
from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.embedded.desk import EmbeddedDesk
from katib.service.copying import clone
from katib.service.fronts import hypervolume_view, reference_of
from katib.service.shown import study_in_full, trial_of, trial_out
from katib.service.views import best_trial, front_trials, observation_view
from katib.stores.contract import TrialFilter


class Asked(Protocol):
    """See `katib.client.calls.Call`."""

    @property
    def operation(self) -> str: ...
    @property
    def study(self) -> str: ...
    @property
    def ordinal(self) -> int: ...
    @property
    def body(self) -> Mapping[str, Any] | None: ...
    @property
    def query(self) -> Mapping[str, Any]: ...


class Calls:
    """Answers each call with what REST answers. Raises as the desk does."""

    def __init__(self, embedded: EmbeddedDesk) -> None:
        self._embedded = embedded
        self._desk = embedded.desk

    def call(self, call: Asked) -> Any:
        """The answer."""
        answer = getattr(self, f"_{call.operation}")
        return answer(call, dict(call.body or {}))

    def close(self) -> None:
        """Release the store and the workers."""
        self._embedded.close()

    # --- Studies

    def _create_study(self, _call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        return self._study(self._desk.create(body["name"], body["spec"]).study)

    def _list_studies(self, _call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        return {"studies": [self._study(study) for study in self._desk.store.list_studies()], "next": None}

    def _get_study(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        return self._study(self._desk.study(call.study))

    def _change_budget(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        return self._study(self._desk.change_budget(call.study, body))  # type: ignore[arg-type]  # its keys are Limits'

    def _pause(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        return self._study(self._desk.pause(call.study))

    def _resume(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        return self._study(self._desk.resume(call.study))

    def _stop(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        return self._study(self._desk.stop(call.study))

    def _delete_study(self, call: Asked, _body: dict[str, Any]) -> None:
        self._desk.delete(call.study)

    def _clone(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        copied = clone(self._desk, call.study, body["name"], changes=body["spec"], trials=body["trials"])
        return {"study": self._study(copied.study), "copied": copied.copied, "skipped": copied.skipped}

    def _best(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        study = self._desk.study(call.study)
        return {"trials": [trial_out(study, each) for each in front_trials(self._desk.store, study)]}

    def _hypervolume(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        reference = reference_of(call.query.get("reference") or ())
        return hypervolume_view(self._desk.store, self._desk.study(call.study), reference)

    # --- Trials

    def _suggest(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        trials = self._desk.lender.suggest(
            call.study, body["client"], body["count"], afresh=body["afresh"], seconds=body["lease_seconds"]
        )
        study = self._desk.study(call.study)
        return {"trials": [trial_out(study, trial) for trial in trials]}

    def _create_trial(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        values = _values(body["metrics"])
        return self._trial(call, self._desk.lender.add_trial(call.study, body["parameters"], metrics=values))

    def _list_trials(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        study = self._desk.study(call.study)
        wanted = call.query.get("status")
        states = frozenset(map(TrialState, wanted)) if wanted else None
        found = self._desk.store.trials(study.uid, TrialFilter(states=states))
        return {"trials": [trial_out(study, trial) for trial in found], "next": None}

    def _get_trial(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        study = self._desk.study(call.study)
        return trial_out(study, trial_of(self._desk.store, study.uid, call.ordinal))

    def _list_measurements(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        study = self._desk.study(call.study)
        trial = trial_of(self._desk.store, study.uid, call.ordinal)
        found = self._desk.store.observations(study.uid, ordinal=trial.ordinal)
        return {"measurements": [observation_view(each) for each in found]}

    def _report(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        points = [
            MetricPoint(
                metric=name,
                value=float(value),
                text=repr(float(value)),
                seq=each["seq"],
                step=each.get("step"),
                time=each["time"],
            )
            for each in body["measurements"]
            for name, value in each["metrics"].items()
        ]
        stored, trial = self._desk.lender.measure(
            call.study, call.ordinal, points, attempt=body.get("attempt"), client=body.get("client")
        )
        return {"stored": stored, "should_stop": trial.condemned and not trial.finished}

    def _complete(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        values, lender = _values(body.get("metrics")), self._desk.lender
        return self._trial(call, lender.complete(call.study, call.ordinal, values, step=body.get("step")))

    def _infeasible(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        trial = self._desk.lender.fail(call.study, call.ordinal, body["reason"], infeasible=True)
        return self._trial(call, trial)

    def _fail(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        return self._trial(call, self._desk.lender.fail(call.study, call.ordinal, body["reason"]))

    def _stop_trial(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        return self._trial(call, self._desk.lender.stop(call.study, call.ordinal))

    def _heartbeat(self, call: Asked, body: dict[str, Any]) -> dict[str, Any]:
        seconds = body.get("lease_seconds")
        return self._trial(call, self._desk.lender.renew(call.study, call.ordinal, body["client"], seconds=seconds))

    def _should_stop(self, call: Asked, _body: dict[str, Any]) -> dict[str, Any]:
        trial = self._desk.lender.should_stop(call.study, call.ordinal)
        why = trial.stopped_by.message if trial.condemned and trial.stopped_by is not None else ""
        stops = trial.condemned and not trial.finished
        return {"should_stop": stops, "reason": why if stops else ""}

    def _study(self, study: Study) -> dict[str, Any]:
        return study_in_full(study, best_trial(self._desk.store, study), now=self._desk.now())

    def _trial(self, call: Asked, trial: Trial) -> dict[str, Any]:
        return trial_out(self._desk.study(call.study), trial)


def _values(metrics: Mapping[str, float | str] | None) -> dict[str, float] | None:
    """Numbers, of which those that are not finite may be texts, as in JSON."""
    return None if metrics is None else {name: float(value) for name, value in metrics.items()}
