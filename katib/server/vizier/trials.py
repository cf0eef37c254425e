"""The rpcs about trials."""

import threading
from collections.abc import Mapping

import grpc
from google.protobuf import empty_pb2

from katib.core.pareto import Front, FrontPoint, with_point
from katib.core.study import Study
from katib.core.trial import FINISHED, Trial, TrialState
from katib.errors import Fault, InvalidInput
from katib.rpc import operations, vizier
from katib.rpc.convert.vizier.metadata import read_item
from katib.rpc.convert.vizier.names import check_part, operation_name, read_operation, read_study, read_trial
from katib.rpc.convert.vizier.study import write_state
from katib.rpc.convert.vizier.times import write_time
from katib.rpc.convert.vizier.trials import read_metrics, read_points
from katib.rpc.convert.vizier.trials import write_state as write_trial_state
from katib.rpc.vizier_methods import EMPTY
from katib.server.vizier.answers import Answers
from katib.server.vizier.open import check_running, find_trial, open_study
from katib.server.vizier.pages import page
from katib.service.desk import Desk
from katib.service.keeping import annotate, remove_trial
from katib.stores.contract import TrialFilter

CLIENT_LIMIT = 255
TICK = 1e-6
"""Seconds between two measurements at least: a measurement is what was reported at one time."""


class TrialRpcs:
    """See `VizierServicer`."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._desk = desk
        self._answers = answers
        self._last = 0.0
        self._lock = threading.Lock()

    def suggest_trials(
        self, request: vizier.SuggestTrialsRequest, _context: grpc.ServicerContext
    ) -> operations.Operation:
        """The client's own ACTIVE trials, then REQUESTED ones, then new ones; as an operation that is done."""
        name = read_study(request.parent)
        if faults := check_part("client_id", request.client_id, CLIENT_LIMIT):
            raise InvalidInput(faults, what="the request for trials")
        begin = self._desk.now()
        study = open_study(self._desk, name)
        lease = self._answers.known(study).lease
        trials = self._desk.lender.suggest(name, request.client_id, request.suggestion_count, seconds=lease)
        return self._operation(study, request.client_id, trials, begin, self._desk.now())

    def get_operation(
        self, request: operations.GetOperationRequest, _context: grpc.ServicerContext
    ) -> operations.Operation:
        """An operation is done when it is known, and its name says what it gave out."""
        asked = read_operation(request.name)
        study = self._desk.study(asked.study)
        trials = self._desk.store.trials(study.uid, TrialFilter(ordinals=frozenset(asked.ordinals)))
        now = self._desk.now()
        return self._operation(study, asked.client, trials, now, now)

    def create_trial(self, request: vizier.CreateTrialRequest, _context: grpc.ServicerContext) -> vizier.Trial:
        """A trial to be run by who asks next; or one that is over, with its result."""
        study, given = open_study(self._desk, read_study(request.parent)), request.trial
        known, lender = self._answers.known(study), self._desk.lender
        assignment = known.names.read(given.parameters, known.space)
        items = [read_item(item, 1) for item in given.metadata]
        points = [
            read_points(measurement, f"trial.measurements[{number}]", now=self._now())
            for number, measurement in enumerate(given.measurements)
        ]
        final = _final(study, given)
        trial = lender.add_trial(study.name, assignment)
        if items:
            kept = [read_item(item, trial.ordinal) for item in given.metadata]
            annotate(self._desk.store, study, kept, now=self._desk.now())
        for each in points:
            lender.report(study.name, trial.ordinal, each, attempt=1)
        if final is not None:
            metrics = read_metrics(final, "trial.final_measurement")
            trial = lender.complete(study.name, trial.ordinal, metrics, step=final.step_count or None)
        elif given.state == vizier.Trial.INFEASIBLE:
            trial = lender.fail(study.name, trial.ordinal, given.infeasible_reason or "infeasible", infeasible=True)
        return self._answers.trial(study, trial)

    def get_trial(self, request: vizier.GetTrialRequest, _context: grpc.ServicerContext) -> vizier.Trial:
        """A trial as it is."""
        name, ordinal = read_trial(request.name)
        study = self._desk.study(name)
        return self._answers.trial(study, find_trial(self._desk, study, ordinal))

    def list_trials(
        self, request: vizier.ListTrialsRequest, _context: grpc.ServicerContext
    ) -> vizier.ListTrialsResponse:
        """All trials by number."""
        study = self._desk.study(read_study(request.parent))
        part, token = page(self._desk.store.trials(study.uid), request.page_size, request.page_token)
        return vizier.ListTrialsResponse(trials=self._answers.trials(study, part), next_page_token=token)

    def add_trial_measurement(
        self, request: vizier.AddTrialMeasurementRequest, _context: grpc.ServicerContext
    ) -> vizier.Trial:
        """One more measurement of a trial that runs; it also lends the trial for longer."""
        study, trial = self._running(request.trial_name, infeasible=True)
        if trial.finished:
            return self._answers.trial(study, trial)
        lender = self._desk.lender
        lender.report(study.name, trial.ordinal, read_points(request.measurement, "measurement", now=self._now()))
        return self._answers.trial(study, self._renewed(study, trial))

    def complete_trial(self, request: vizier.CompleteTrialRequest, _context: grpc.ServicerContext) -> vizier.Trial:
        """End a trial: with this measurement, with the last one, or as infeasible."""
        study, trial = self._running(request.name, late=True)
        lender, final = self._desk.lender, request.final_measurement
        metrics = read_metrics(final, "final_measurement") if final.metrics else None
        if request.trial_infeasible:
            if metrics is not None:
                lender.report(study.name, trial.ordinal, read_points(final, "final_measurement", now=self._now()))
            trial = lender.fail(study.name, trial.ordinal, request.infeasible_reason or "infeasible", infeasible=True)
        else:
            trial = lender.complete(study.name, trial.ordinal, metrics, step=final.step_count or None)
        return self._answers.trial(study, trial)

    def delete_trial(self, request: vizier.DeleteTrialRequest, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Remove a trial with all that is known of it. Its number is not given out again."""
        name, ordinal = read_trial(request.name)
        study = open_study(self._desk, name)
        self._answers.known(study)
        find_trial(self._desk, study, ordinal)
        remove_trial(self._desk.store, study, ordinal, now=self._desk.now())
        return EMPTY()

    def check_trial_early_stopping_state(
        self, request: vizier.CheckTrialEarlyStoppingStateRequest, _context: grpc.ServicerContext
    ) -> vizier.CheckTrialEarlyStoppingStateResponse:
        """Whether a trial that runs is to stop: somebody stopped it, or the study's rule says so. Then it is STOPPING.

        Asking lends the trial for longer. Without a stopping spec nothing but StopTrial stops a trial.
        """
        study, trial = self._running(request.trial_name)
        self._renewed(study, trial)
        trial = self._desk.lender.should_stop(study.name, trial.ordinal)
        return vizier.CheckTrialEarlyStoppingStateResponse(should_stop=trial.condemned)

    def stop_trial(self, request: vizier.StopTrialRequest, _context: grpc.ServicerContext) -> vizier.Trial:
        """Have a trial that runs end early: its client learns it when it asks, and completes it."""
        name, ordinal = read_trial(request.name)
        study = open_study(self._desk, name)
        self._answers.known(study)
        trial = find_trial(self._desk, study, ordinal)
        if write_trial_state(trial) == vizier.Trial.SUCCEEDED:
            return self._answers.trial(study, trial)
        check_running(trial)
        return self._answers.trial(study, self._desk.lender.stop(study.name, ordinal))

    def list_optimal_trials(
        self, request: vizier.ListOptimalTrialsRequest, _context: grpc.ServicerContext
    ) -> vizier.ListOptimalTrialsResponse:
        """The trials that none dominates, of those that are safe; with equal values all of them."""
        study = self._desk.study(read_study(request.parent))
        known = self._answers.known(study)
        finished = self._desk.store.trials(study.uid, TrialFilter(states=FINISHED))
        valued = [trial for trial in finished if trial.values and _is_safe(trial, known.safety)]
        front: Front = ()
        for trial in valued:
            front = with_point(front, FrontPoint(ordinal=trial.ordinal, values=trial.values), study.objectives)
        best = {point.values for point in front}
        optimal = [trial for trial in valued if trial.values in best]
        part, token = page(optimal, request.page_size, request.page_token)
        return vizier.ListOptimalTrialsResponse(optimal_trials=self._answers.trials(study, part), next_page_token=token)

    def _operation(
        self, study: Study, client: str, trials: list[Trial], begin: float, end: float
    ) -> operations.Operation:
        response = vizier.SuggestTrialsResponse(
            trials=self._answers.trials(study, trials), study_state=write_state(self._desk.study(study.name))
        )
        write_time(response.start_time, begin)
        write_time(response.end_time, end)
        ordinals = [trial.ordinal for trial in trials]
        operation = operations.Operation(name=operation_name(study.name, client, ordinals), done=True)
        operation.response.Pack(response)
        return operation

    def _running(self, name: str, *, infeasible: bool = False, late: bool = False) -> tuple[Study, Trial]:
        """A trial that is ACTIVE or STOPPING, and its study.

        Args:
            infeasible: one that is INFEASIBLE is as good.
            late: so is one that is over and had more than one client: the earlier one did not know.
        """
        study_name, ordinal = read_trial(name)
        study = open_study(self._desk, study_name)
        self._answers.known(study)
        trial = find_trial(self._desk, study, ordinal)
        if not (
            (infeasible and trial.state in (TrialState.FAILED, TrialState.KILLED))
            or (late and trial.finished and trial.losses > 0)
        ):
            check_running(trial)
        return study, trial

    def _renewed(self, study: Study, trial: Trial) -> Trial:
        client = trial.loan.client if trial.loan is not None else ""
        lease = self._answers.known(study).lease
        return self._desk.lender.renew(study.name, trial.ordinal, client, seconds=lease)

    def _now(self) -> float:
        """The time, and never the same one twice."""
        with self._lock:
            self._last = max(self._desk.now(), self._last + TICK)
            return self._last


def _is_safe(trial: Trial, safety: Mapping[str, tuple[bool, float]]) -> bool:
    """Whether no safety metric is on the wrong side of its threshold; one that was not reported is not."""
    for metric, (at_least, threshold) in safety.items():
        summary = trial.metrics.get(metric)
        latest = summary.latest if summary is not None else None
        if latest is not None and not (latest >= threshold if at_least else latest <= threshold):
            return False
    return True


def _final(study: Study, given: vizier.Trial) -> vizier.Measurement | None:
    """What a trial that is over ended with; None for one that is to be run. Raises InvalidInput."""
    if given.state != vizier.Trial.SUCCEEDED:
        return None
    final = given.final_measurement
    if not final.metrics and given.measurements:
        final = given.measurements[-1]
    metrics = read_metrics(final, "trial.final_measurement")
    faults = [
        Fault(path=f"trial.final_measurement.metrics[{objective.metric}]", wanted="a value for this objective")
        for objective in study.objectives
        if objective.metric not in metrics
    ]
    if faults:
        raise InvalidInput(faults, what="the trial")
    return final
