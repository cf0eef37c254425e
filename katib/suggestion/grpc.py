"""An algorithm behind an endpoint: any server of Katib's Suggestion API, ours or somebody else's.

What Katib's controller takes from such a server is taken here, too:

* Validation: INVALID_ARGUMENT and UNKNOWN refuse the experiment, in the server's words; any other code does not.
* Settings in an answer are remembered with the study and sent with the next request.
* Labels of a suggestion are kept with its trial, and sent with it.

And what it does not:

* Fewer suggestions than asked for are taken; none at all ends the search.
* A name that the server gives to a trial is the trial's name whenever the server is spoken to. Here it keeps its own.
* A value comes back in the very text in which it was suggested: some servers look for it by that.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import grpc

from katib.config import SuggestionSettings
from katib.core.advice import Abilities, Advice, AdviceReply, Setting
from katib.core.space import Assignment, as_text
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, Fault, InvalidInput
from katib.rpc import api, health
from katib.rpc.convert.replies import read_description
from katib.rpc.convert.space import read_assignment
from katib.rpc.convert.study import write_experiment
from katib.rpc.convert.trials import sent_by_katib, write_trial
from katib.rpc.methods import CHECK_HEALTH, DESCRIBE_ALGORITHM, GET_SUGGESTIONS, VALIDATE_ALGORITHM_SETTINGS
from katib.rpc.status import code_of, faults_of, is_unknown_algorithm
from katib.suggestion.calls import REFUSALS, Calls
from katib.suggestion.check import checked, objective_faults
from katib.suggestion.local import KEPT, study_key

Code = grpc.StatusCode

HEALTH_NAME = "manager.v1beta1.Suggestion"
"""The name under which Katib's services report their health."""

NAME_LABEL = "katib.kubeflow.org/suggested-name"
"""The name that the server gave to the trial."""

TEXT_LABEL = "katib.kubeflow.org/suggested-text."
"""With a parameter's name behind it: the text of its value, where the value is written in another way here."""

UNDESCRIBED = Abilities(never_repeats=False)
"""What can be relied on when the server does not say."""


class GrpcSuggestions:
    """A SuggestionService for the algorithms of one endpoint; for any number of threads.

    Args:
        endpoint: host:port.
    """

    def __init__(self, endpoint: str, settings: SuggestionSettings | None = None) -> None:
        settings = settings or SuggestionSettings()
        self._server = Calls("suggestion service", endpoint, deadline=settings.deadline, connect=settings.connect)
        self._described: dict[str, tuple[Abilities, tuple[Setting, ...]]] = {}
        self._written: OrderedDict[str, dict[int, tuple[Trial, bytes]]] = OrderedDict()
        self._lock = threading.Lock()

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        self._check_health()
        if not config.space.parameters:
            return ()
        if unfit := self._unfit(config):
            return unfit
        try:
            request = api.ValidateAlgorithmSettingsRequest(experiment=write_experiment(config))
            self._server.call(VALIDATE_ALGORITHM_SETTINGS, request)
        except grpc.RpcError as error:
            if is_unknown_algorithm(error):
                raise self._server.unknown(config.algorithm, error) from error
            if code_of(error) in REFUSALS:
                return faults_of(error, "spec.algorithm")
            if code_of(error) is Code.UNAVAILABLE:
                raise self._server.failed(error) from error
        return ()

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService. What the server does not say is not relied on."""
        return self._describe(algorithm)[0]

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService; none when the server does not say."""
        return self._describe(algorithm)[1]

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService."""
        if unfit := self._unfit(config):
            if config.algorithm not in self._described:
                said = f"{self._server.who} does not say at the moment whether it takes several objectives"
                raise AlgorithmFailed(said, why="unreachable")
            raise InvalidInput(unfit, what=self._server.who)
        try:
            reply = self._server.call(GET_SUGGESTIONS, self._request(config, trials, ordinals))
        except grpc.RpcError as error:
            raise self._server.failed(error) from error
        if len(reply.parameter_assignments) > len(ordinals):
            answered = len(reply.parameter_assignments)
            said = f"{self._server.who}: it was asked for {len(ordinals)} suggestions and answered {answered}"
            raise AlgorithmFailed(said, why="nonsense")
        read = self._read(config, ordinals, reply)
        return replace(checked(config, trials, ordinals, read), failure=read.failure)

    def close(self) -> None:
        """See SuggestionService."""
        self._server.close()

    def _request(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> bytes:
        """A GetSuggestionsRequest, written: most of it was written for the last one."""
        request = api.GetSuggestionsRequest(
            experiment=write_experiment(config),
            current_request_number=len(ordinals),
            total_request_number=ordinals[-1] if ordinals else 0,
            ordinals=ordinals,
        )
        return b"".join((request.SerializeToString(), *self._pieces(config, trials)))

    def _pieces(self, config: StudyConfig, trials: Sequence[Trial]) -> list[bytes]:
        """A request with a single trial for each of them; those that did not change since the last time are at hand.

        Messages behind each other are, on the wire, one message with the lists of all.
        """
        key = study_key(config)
        with self._lock:
            known = self._written.get(key, {})
        written = {
            trial.ordinal: had
            if (had := known.get(trial.ordinal)) is not None and had[0] is trial
            else (trial, _piece(config, trial))
            for trial in trials
        }
        with self._lock:
            self._written[key] = written
            self._written.move_to_end(key)
            while len(self._written) > KEPT:
                self._written.popitem(last=False)
        return [piece for _trial, piece in written.values()]

    def _read(self, config: StudyConfig, ordinals: Sequence[int], reply: api.GetSuggestionsReply) -> AdviceReply:
        advice = []
        for ordinal, given in zip(ordinals, reply.parameter_assignments, strict=False):
            try:
                assignment = read_assignment(config.space, given.assignments)
            except ValueError as error:
                raise AlgorithmFailed(f"{self._server.who}: it suggested no point: {error}", why="nonsense") from error
            labels = {**given.labels, **_texts(assignment, given.assignments)}
            if given.trial_name:
                labels[NAME_LABEL] = given.trial_name
            advice.append(Advice(ordinal=ordinal, assignment=assignment, labels=labels))
        ended = "" if advice or not ordinals else f"{self._server.who} has nothing more to suggest"
        return AdviceReply(
            advice=tuple(advice),
            exhausted=reply.exhausted or ended,
            overrides={each.name: each.value for each in reply.algorithm.algorithm_settings},
            failure=reply.failure,
        )

    def _unfit(self, config: StudyConfig) -> tuple[Fault, ...]:
        """Whether the server would take the first of several objectives for the only one."""
        return objective_faults(config, self.abilities(config.algorithm)) if config.further_objectives else ()

    def _describe(self, algorithm: str) -> tuple[Abilities, tuple[Setting, ...]]:
        if algorithm not in self._described:
            try:
                request = api.DescribeAlgorithmRequest(algorithm_name=algorithm)
                self._described[algorithm] = read_description(self._server.call(DESCRIBE_ALGORITHM, request))
            except grpc.RpcError as error:
                if is_unknown_algorithm(error):
                    raise self._server.unknown(algorithm, error) from error
                if code_of(error) is not Code.UNIMPLEMENTED:
                    # It may be away, and describe itself later.
                    return UNDESCRIBED, ()
                self._described[algorithm] = UNDESCRIBED, ()
        return self._described[algorithm]

    def _check_health(self) -> None:
        """Raises AlgorithmFailed when nobody is there, or says that it is not ready."""
        try:
            status = self._server.call(CHECK_HEALTH, health.HealthCheckRequest(service=HEALTH_NAME)).status
        except grpc.RpcError as error:
            if code_of(error) in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED):
                raise self._server.failed(error) from error
            # It has no health service, or not under this name: no opinion.
            return
        if status == health.HealthCheckResponse.NOT_SERVING:
            raise AlgorithmFailed(f"{self._server.who} says that it is not serving", why="unreachable")


def _piece(config: StudyConfig, trial: Trial) -> bytes:
    message = [_message(config, trial)]
    if sent_by_katib(trial):
        return api.GetSuggestionsRequest(trials=message).SerializeToString()
    return api.GetSuggestionsRequest(other_trials=message).SerializeToString()


def _message(config: StudyConfig, trial: Trial) -> api.Trial:
    """The trial as the server knows it: under the name and in the texts that it gave."""
    message = write_trial(replace(trial, labels=_without_ours(trial.labels)), config.objectives)
    message.name = trial.labels.get(NAME_LABEL, trial.name)
    for each in message.spec.parameter_assignments.assignments:
        each.value = trial.labels.get(f"{TEXT_LABEL}{each.name}", each.value)
    return message


def _without_ours(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != NAME_LABEL and not name.startswith(TEXT_LABEL)}


def _texts(assignment: Assignment, given: Sequence[api.ParameterAssignment]) -> dict[str, str]:
    """Labels for the values that were written in another way than they are here."""
    return {f"{TEXT_LABEL}{each.name}": each.value for each in given if as_text(assignment[each.name]) != each.value}
