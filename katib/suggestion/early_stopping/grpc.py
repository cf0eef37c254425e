"""Early stopping behind an endpoint: any server of Katib's EarlyStopping API, ours or somebody else's.

It gives rules, which are attached to trials when they start, and tested here, as Katib's sidecar would. It is asked for
them as Katib's controller does: with the whole record, and the address of a DB manager that has what trials reported.
"""

import threading
from collections.abc import Sequence

import grpc

from katib.config import EarlyStoppingSettings
from katib.core.advice import Setting
from katib.core.curves import Record
from katib.core.stopping import StoppingAbilities, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, Fault
from katib.rpc import api
from katib.rpc.convert.stopping import read_rules, write_stopped_experiment, write_stopping
from katib.rpc.convert.trials import sent_by_katib, write_trial
from katib.rpc.methods import GET_EARLY_STOPPING_RULES, VALIDATE_EARLY_STOPPING_SETTINGS
from katib.rpc.status import code_of, faults_of, is_unknown_algorithm
from katib.suggestion.calls import REFUSALS, Calls
from katib.suggestion.check import stopping_faults
from katib.suggestion.early_stopping.contract import Judge
from katib.suggestion.early_stopping.logs import LogServer
from katib.suggestion.early_stopping.shadow import without_shadow


class GrpcEarlyStopping:
    """An `EarlyStopping` of one endpoint; for any number of threads.

    Args:
        endpoint: host:port.
    """

    def __init__(self, endpoint: str, settings: EarlyStoppingSettings | None = None) -> None:
        settings = settings or EarlyStoppingSettings()
        self._endpoint = endpoint
        self._server = Calls("early stopping service", endpoint, deadline=settings.deadline, connect=settings.connect)
        self._logs: dict[str, LogServer] = {}
        self._lock = threading.Lock()

    def abilities(self, name: str) -> StoppingAbilities:  # noqa: ARG002 - the API has nothing else
        """See EarlyStopping."""
        return StoppingAbilities(live=False)

    def settings(self, name: str) -> tuple[Setting, ...]:  # noqa: ARG002 - the API does not tell
        """See EarlyStopping; none, since the server does not say."""
        return ()

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See EarlyStopping. As for algorithms, INVALID_ARGUMENT and UNKNOWN refuse, in the server's words."""
        config = without_shadow(config)
        if faults := stopping_faults(config, self.abilities(config.algorithm), ("dominated", "threshold")):
            # The API tells of one objective.
            return faults
        experiment = write_stopped_experiment(config) if config.objective.metric else None
        request = api.ValidateEarlyStoppingSettingsRequest(early_stopping=write_stopping(config), experiment=experiment)
        try:
            self._server.call(VALIDATE_EARLY_STOPPING_SETTINGS, request)
        except grpc.RpcError as error:
            if is_unknown_algorithm(error):
                raise self._server.unknown(config.algorithm, error) from error
            if code_of(error) in REFUSALS:
                return faults_of(error, "spec.earlyStopping")
            if code_of(error) is grpc.StatusCode.UNAVAILABLE:
                raise self._server.failed(error) from error
        return ()

    def judge(self, config: StudyConfig) -> Judge:
        """Only of live algorithms."""
        raise NotImplementedError(f"{config.algorithm} gives rules")

    def rules(self, config: StudyConfig, trials: Sequence[Trial], record: Record) -> tuple[StopRule, ...]:
        """See EarlyStopping."""
        logs = self._log_server(config)
        logs.show(trials, record)
        request = api.GetEarlyStoppingRulesRequest(
            experiment=write_stopped_experiment(without_shadow(config)),
            trials=[write_trial(trial, config.objectives) for trial in trials if sent_by_katib(trial)],
            db_manager_address=logs.address,
        )
        try:
            reply = self._server.call(GET_EARLY_STOPPING_RULES, request)
        except grpc.RpcError as error:
            raise self._server.failed(error) from error
        try:
            return read_rules(reply.early_stopping_rules, config.objective.metrics)
        except ValueError as error:
            raise AlgorithmFailed(f"{self._server.who} answered {error}", why="nonsense") from error

    def close(self) -> None:
        """See EarlyStopping."""
        self._server.close()
        with self._lock:
            for server in self._logs.values():
                server.close()
            self._logs.clear()

    def _log_server(self, config: StudyConfig) -> LogServer:
        """That of a study: trials of two could have the same name."""
        with self._lock:
            if config.uid not in self._logs:
                try:
                    self._logs[config.uid] = LogServer(self._endpoint)
                except OSError as error:
                    raise AlgorithmFailed(f"no way leads to {self._endpoint}: {error}", why="unreachable") from error
            return self._logs[config.uid]
