"""Each point tried several times: what an algorithm suggests once goes out as often as the study asks for.

The algorithm knows nothing of it: it is shown one trial for each point, with the mean of what its trials gave.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from katib.core.advice import REPLICATE_LABEL, Abilities, Advice, AdviceReply, Setting
from katib.core.objective import Objective
from katib.core.observation import MetricSummary
from katib.core.space import Value
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault
from katib.suggestion.contract import SuggestionService

Point = tuple[tuple[str, Value], ...]


class ReplicatedSuggestions:
    """A SuggestionService that has each point tried `StudyConfig.replicates` times. Closes `service`."""

    def __init__(self, service: SuggestionService) -> None:
        self._service = service

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        faults = self._service.validate(config)
        if config.replicates == 1:
            return faults
        able = self._service.abilities(config.algorithm)
        if not (able.fidelity or able.continues):
            return faults
        wanted = f"1 with `{config.algorithm}`, whose trials go on from one another or come again with more resources"
        return (*faults, Fault(path="spec.replicates", given=str(config.replicates), wanted=wanted))

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService."""
        return self._service.abilities(algorithm)

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService."""
        return self._service.settings(algorithm)

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService: first what is missing of points that are on record, then new ones."""
        if config.replicates == 1:
            return self._service.suggest(config, trials, ordinals)
        points = _points(trials)
        copies = list(islice(_missing(points, config.replicates), len(ordinals)))
        reply = AdviceReply()
        if wanted := -(-(len(ordinals) - len(copies)) // config.replicates):
            # Counted without gaps, as an algorithm that goes through a sequence wants it.
            shown = [_shown(config.objectives, each, number) for number, each in enumerate(points.values(), 1)]
            reply = self._service.suggest(config, shown, range(len(points) + 1, len(points) + 1 + wanted))
            copies += [copy for new in reply.advice for copy in _copies(new, 0, config.replicates)]
        advice = tuple(replace(copy, ordinal=at) for copy, at in zip(copies, ordinals, strict=False))
        # There is more, where not every copy of the last point was asked for.
        exhausted = reply.exhausted if len(copies) <= len(ordinals) else ""
        return replace(reply, advice=advice, exhausted=exhausted)

    def close(self) -> None:
        """See SuggestionService."""
        self._service.close()


def _points(trials: Sequence[Trial]) -> dict[Point, list[Trial]]:
    """The trials by their points, those that were suggested first first."""
    found: dict[Point, list[Trial]] = {}
    for trial in trials:
        found.setdefault(tuple(sorted(trial.assignment.items())), []).append(trial)
    return found


def _missing(points: dict[Point, list[Trial]], replicates: int) -> Iterator[Advice]:
    """Copies that were not suggested yet of points that were. What a user added is no suggestion."""
    for trials in points.values():
        suggested = [trial for trial in trials if REPLICATE_LABEL in trial.labels]
        if suggested:
            first = Advice(ordinal=0, assignment=suggested[0].assignment, labels=suggested[0].labels)
            yield from _copies(first, len(suggested), replicates)


def _copies(advice: Advice, begin: int, replicates: int) -> Iterator[Advice]:
    for number in range(begin, replicates):
        yield replace(advice, labels={**advice.labels, REPLICATE_LABEL: f"{number + 1}-of-{replicates}"})


def _shown(objectives: Sequence[Objective], trials: Sequence[Trial], number: int) -> Trial:
    """One trial for all of a point: one that has not ended if there is any, else their mean."""
    waiting = next((trial for trial in trials if not trial.finished), None)
    valued = [trial for trial in trials if trial.values]
    if waiting is not None or not valued:
        return replace(waiting or trials[0], ordinal=number)
    means = [
        sum(value / len(valued) for value in values) for values in zip(*(trial.values for trial in valued), strict=True)
    ]
    last = max(valued, key=lambda trial: trial.ended_at or 0.0)
    metrics = dict(last.metrics)
    for objective, mean in zip(objectives, means, strict=True):
        before = metrics.get(objective.metric, MetricSummary())
        metrics[objective.metric] = replace(before, min=mean, max=mean, latest=mean)
    return replace(last, ordinal=number, value=means[0], further_values=tuple(means[1:]), metrics=metrics)
