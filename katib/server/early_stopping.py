"""The service EarlyStopping: rules of any early stopping algorithm that gives some, over Katib's API."""

from collections.abc import Mapping
from typing import Any

import grpc

from katib.core.curves import Record
from katib.core.study import StudyConfig
from katib.errors import Fault, InvalidInput, KatibError
from katib.rpc import api
from katib.rpc.convert.stopping import read_unknown_study, stopped_experiment, write_rules
from katib.rpc.methods import (
    GET_EARLY_STOPPING_RULES,
    SET_TRIAL_STATUS,
    VALIDATE_EARLY_STOPPING_SETTINGS,
    Handler,
    Method,
)
from katib.rpc.status import Status, status_of
from katib.server.logs import TrialLogs, read_address
from katib.server.refusals import abort, refuse
from katib.server.requests import RequestReader
from katib.server.trial_objects import TrialObjects
from katib.suggestion.early_stopping.contract import EarlyStopping
from katib.suggestion.early_stopping.shadow import SHADOW, is_shadow


class EarlyStoppingServicer:
    """Answers requests, from any number of threads. What it keeps makes answers cheap and is never needed.

    Args:
        deadline: seconds for one answer.
        trials: the cluster's Trial objects; None outside of one.
    """

    def __init__(self, service: EarlyStopping, *, deadline: float, trials: TrialObjects | None) -> None:
        self._service = service
        self._trials = trials
        self._deadline = deadline
        self._reader = RequestReader()
        self._logs = TrialLogs()

    @property
    def handlers(self) -> Mapping[Method[Any, Any], Handler]:
        """Its methods."""
        return {
            VALIDATE_EARLY_STOPPING_SETTINGS: self.validate_early_stopping_settings,
            GET_EARLY_STOPPING_RULES: self.get_early_stopping_rules,
            SET_TRIAL_STATUS: self.set_trial_status,
        }

    def validate_early_stopping_settings(
        self, request: api.ValidateEarlyStoppingSettingsRequest, context: grpc.ServicerContext
    ) -> api.ValidateEarlyStoppingSettingsReply:
        """Everything that is wrong with the settings at once, as INVALID_ARGUMENT; so is one that gives no rules."""
        name = request.early_stopping.algorithm_name
        try:
            known = request.HasField("experiment")
            config = self._config(request.experiment) if known else read_unknown_study(request.early_stopping)
        except InvalidInput as error:
            abort(context, status_of(error))
        try:
            if faults := [*self._service.validate(config), *_shadow_faults(config)]:
                refuse(context, InvalidInput(faults), name)
            # Without a single trial: whether there can be rules at all.
            self._service.rules(config, (), _nothing(config))
        except KatibError as error:
            refuse(context, error, name)
        return api.ValidateEarlyStoppingSettingsReply()

    def get_early_stopping_rules(
        self, request: api.GetEarlyStoppingRulesRequest, context: grpc.ServicerContext
    ) -> api.GetEarlyStoppingRulesReply:
        """Rules for trials that start now; none while too little is known."""
        try:
            config = self._config(request.experiment)
            messages = [trial.SerializeToString() for trial in request.trials]
            trials = self._reader.trials(config, request.experiment, messages)
            address = read_address(request.db_manager_address)
        except InvalidInput as error:
            abort(context, status_of(error))
        try:
            if faults := _shadow_faults(config):
                refuse(context, InvalidInput(faults), config.algorithm)
            record = _nothing(config)
            if not self._service.abilities(config.algorithm).oblivious:
                left = min(context.time_remaining() or self._deadline, self._deadline)
                record = self._logs.record(config.objective, trials, address, seconds=left)
            rules = self._service.rules(config, trials, record)
        except KatibError as error:
            refuse(context, error, config.algorithm)
        return api.GetEarlyStoppingRulesReply(early_stopping_rules=write_rules(rules))

    def set_trial_status(
        self, request: api.SetTrialStatusRequest, context: grpc.ServicerContext
    ) -> api.SetTrialStatusReply:
        """What Katib's sidecar asks for when it has stopped a trial: the condition EarlyStopped on the Trial object."""
        if self._trials is None:
            said = (
                "there are no Trial objects here: this service is no pod of a cluster, or lacks the package kubernetes"
            )
            hint = "pip install 'katib-engine[kubernetes]', and a service account that may get and patch trials"
            abort(context, Status(code=grpc.StatusCode.FAILED_PRECONDITION, details=f"{said} ({hint})"))
        if not request.trial_name:
            abort(context, Status(code=grpc.StatusCode.INVALID_ARGUMENT, details="trial_name: the name of a Trial"))
        if refusal := self._trials.set_early_stopped(request.trial_name):
            abort(context, refusal)
        return api.SetTrialStatusReply()

    def _config(self, message: api.Experiment) -> StudyConfig:
        if not message.spec.early_stopping.algorithm_name:
            wanted = "the name of the early stopping algorithm to ask"
            raise InvalidInput([Fault(path="spec.earlyStopping.algorithmName", wanted=wanted)])
        return self._reader.experiment(stopped_experiment(message))


def _nothing(config: StudyConfig) -> Record:
    return Record(objective=config.objective, metrics=frozenset(config.objective.metrics))


def _shadow_faults(config: StudyConfig) -> list[Fault]:
    """Whoever is given a rule stops trials by it."""
    if not is_shadow(config):
        return []
    wanted = f"{SHADOW} works only where katib itself runs the trials: who is given a rule over this API stops by it"
    return [Fault(path=f"spec.earlyStopping.algorithmSettings.{SHADOW}", given="true", wanted=wanted)]
