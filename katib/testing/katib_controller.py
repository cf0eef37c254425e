"""Katib's controller, as a suggestion service sees it.

It shows the whole record at every call, in no order, with names and times but no ordinals; leaves out trials without a
metric; sends settings of earlier answers along; and takes exactly as many suggestions as it asked for, or none.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc

from katib.core.names import TRIAL_ALPHABET
from katib.core.study import StudyConfig
from katib.rpc import api
from katib.rpc.convert.study import write_experiment
from katib.rpc.methods import GET_SUGGESTIONS, stub

STATUS = api.TrialStatus
Text = Mapping[str, str]


class UnexpectedTrials(AssertionError):
    """The service answered another number of suggestions than it was asked for; Katib's controller takes none then."""


@dataclass
class KatibController:
    """Runs one experiment against a service.

    Attributes:
        trials: all there ever were, in the order of their suggestions, those that are not shown any more included.
        settings: the status of the Suggestion: settings that answers asked to be remembered.
        last: the last request, for asking it again.
    """

    channel: grpc.Channel
    config: StudyConfig
    chance: random.Random
    trials: list[api.Trial] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    last: api.GetSuggestionsRequest = field(default_factory=api.GetSuggestionsRequest)

    @property
    def points(self) -> list[Text]:
        """The assignments, in texts."""
        return [{each.name: each.value for each in t.spec.parameter_assignments.assignments} for t in self.trials]

    def request(self, number: int) -> api.GetSuggestionsRequest:
        """What it would send to get `number` more trials."""
        experiment = write_experiment(self.config)
        experiment.ClearField("study")
        spec = experiment.spec.algorithm
        given = {each.name: each.value for each in spec.algorithm_settings}
        del spec.algorithm_settings[:]
        spec.algorithm_settings.extend(
            api.AlgorithmSetting(name=name, value=value) for name, value in {**given, **self.settings}.items()
        )
        shown = [trial for trial in self.trials if trial.status.condition != STATUS.METRICSUNAVAILABLE]
        self.chance.shuffle(shown)
        return api.GetSuggestionsRequest(
            experiment=experiment,
            trials=shown,
            current_request_number=number,
            total_request_number=len(self.trials) + number,
        )

    def ask(self, number: int) -> api.GetSuggestionsReply:
        """Get `number` more trials. Raises UnexpectedTrials, and what the call raises."""
        self.last = self.request(number)
        reply = stub(self.channel, GET_SUGGESTIONS)(self.last, timeout=60)
        if len(reply.parameter_assignments) != number:
            raise UnexpectedTrials(f"asked for {number}, got {len(reply.parameter_assignments)}")
        for suggestion in reply.parameter_assignments:
            self.trials.append(self._created(suggestion))
        self.settings.update((each.name, each.value) for each in reply.algorithm.algorithm_settings)
        return reply

    def finish(self, position: int, condition: STATUS.TrialConditionType, value: float | None = None) -> None:
        """The trial at `position` (from 0) started, and is now this."""
        status = self.trials[position].status
        seconds = position // 3
        # Times have no fractions: several trials start in the same second.
        status.start_time = f"2024-05-06T{7 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
        status.condition = condition
        del status.observation.metrics[:]
        if value is not None:
            status.observation.metrics.append(api.Metric(name=self.config.objective.metric, value=repr(value)))

    def _created(self, suggestion: api.GetSuggestionsReply.ParameterAssignments) -> api.Trial:
        suffix = "".join(self.chance.choices(TRIAL_ALPHABET, k=8))
        return api.Trial(
            name=suggestion.trial_name or f"{self.config.name}-{suffix}",
            spec=api.TrialSpec(
                objective=write_experiment(self.config).spec.objective,
                parameter_assignments=api.TrialSpec.ParameterAssignments(assignments=suggestion.assignments),
            ),
            status=STATUS(condition=STATUS.CREATED),
        )
