"""The services Suggestion and Algorithms: any SuggestionService, answering over Katib's API."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import grpc

from katib.core.advice import AdviceReply
from katib.errors import Fault, InvalidInput, KatibError
from katib.rpc import api
from katib.rpc.convert.replies import write_description, write_reply
from katib.rpc.convert.study import read_settings
from katib.rpc.methods import DESCRIBE_ALGORITHM, GET_SUGGESTIONS, VALIDATE_ALGORITHM_SETTINGS, Handler, Method
from katib.rpc.status import status_of
from katib.server.refusals import abort, refuse
from katib.server.requests import Asked, RequestReader
from katib.server.uncounted import Uncounted
from katib.suggestion.check import combination_faults
from katib.suggestion.contract import SuggestionService

GET_SUGGESTIONS_UNREAD = Method(
    GET_SUGGESTIONS.service, GET_SUGGESTIONS.name, api.UnreadSuggestionsRequest, api.GetSuggestionsReply
)
"""The trials of a record are mostly those of the last one: they are known by their bytes, and not read again."""

LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
LABEL_NAME = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class SuggestionServicer:
    """Answers requests, from any number of threads. What it keeps makes answers cheap and is never needed."""

    def __init__(self, service: SuggestionService) -> None:
        self._service = service
        self._reader = RequestReader()
        self._uncounted = Uncounted(service)

    @property
    def handlers(self) -> Mapping[Method[Any, Any], Handler]:
        """Its methods."""
        return {
            GET_SUGGESTIONS_UNREAD: self.get_suggestions,
            VALIDATE_ALGORITHM_SETTINGS: self.validate_algorithm_settings,
            DESCRIBE_ALGORITHM: self.describe_algorithm,
        }

    def get_suggestions(
        self, request: api.UnreadSuggestionsRequest, context: grpc.ServicerContext
    ) -> api.GetSuggestionsReply:
        """As many suggestions as asked for; fewer when the space is used up, or the algorithm has to wait."""
        try:
            asked = self._reader.asked(request)
        except InvalidInput as error:
            abort(context, status_of(error))
        try:
            return write_reply(self._reply(asked), asked.config.algorithm)
        except KatibError as error:
            refuse(context, error, asked.config.algorithm)

    def validate_algorithm_settings(
        self, request: api.ValidateAlgorithmSettingsRequest, context: grpc.ServicerContext
    ) -> api.ValidateAlgorithmSettingsReply:
        """Everything that is wrong with the experiment at once, as INVALID_ARGUMENT."""
        try:
            config = self._reader.experiment(request.experiment)
        except InvalidInput as error:
            also = self._faults_of_settings(request.experiment.spec.algorithm)
            abort(context, status_of(InvalidInput([*error.faults, *also], what=error.what)))
        try:
            faults = self._service.validate(config)
            if not faults and not request.experiment.HasField("study"):
                # Who takes as many suggestions as asked for, or none, would ask for ever for what a grid has no more.
                faults = combination_faults(config, self._service.abilities(config.algorithm))
        except KatibError as error:
            refuse(context, error, config.algorithm)
        if faults:
            refuse(context, InvalidInput(faults), config.algorithm)
        return api.ValidateAlgorithmSettingsReply()

    def _faults_of_settings(self, algorithm: api.AlgorithmSpec) -> tuple[Fault, ...]:
        """What is wrong with the settings of an experiment that cannot be read."""
        try:
            return self._service.validate(read_settings(algorithm)) if algorithm.algorithm_name else ()
        except KatibError:
            return ()

    def describe_algorithm(
        self, request: api.DescribeAlgorithmRequest, context: grpc.ServicerContext
    ) -> api.DescribeAlgorithmReply:
        """What an algorithm can do, and its settings."""
        name = request.algorithm_name
        try:
            return write_description(self._service.abilities(name), self._service.settings(name))
        except KatibError as error:
            refuse(context, error, name)

    def _reply(self, asked: Asked) -> AdviceReply:
        if not asked.ordinals:
            return AdviceReply()
        if asked.counted:
            return self._service.suggest(asked.config, asked.trials, asked.ordinals)
        return _for_kubernetes(self._uncounted.suggest(asked.config, asked.trials, asked.ordinals))


def _for_kubernetes(reply: AdviceReply) -> AdviceReply:
    """Without labels that Kubernetes refuses: Katib's controller puts them on an object, which could not be made."""
    advice = tuple(
        replace(
            each,
            labels={
                name: value
                for name, value in each.labels.items()
                if LABEL_NAME.fullmatch(name) and LABEL_VALUE.fullmatch(value)
            },
        )
        for each in reply.advice
    )
    return replace(reply, advice=advice)
