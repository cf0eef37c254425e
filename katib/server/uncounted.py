"""Answers for callers that count no trials, as Katib's controller: it shows them without numbers, and not all of them.

Three things are made up for, all of them functions of the request alone:

* An algorithm that looks at no results is asked for everything it answered so far, from an empty record, and then for
  what is wanted now. So a point whose trial Katib no longer shows, as when it found no metric, is not answered again.
* An answer that is too short is filled up by asking on, with the first answers on record: Katib takes all or nothing.
* Experiments that are alike in everything, in two namespaces, are told apart by the trial that began first: what is
  kept to make answers cheap is kept for each.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from katib.core.advice import Advice, AdviceReply
from katib.core.study import StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.suggestion.contract import SuggestionService

KEPT = 64
"""Searches whose answers are kept."""

OTHERS = 10**9
"""The first number of trials that the algorithm did not suggest: behind all that it ever will."""

Key = tuple[object, ...]


class Uncounted:
    """A SuggestionService's answers for callers that count no trials; for any number of threads."""

    def __init__(self, service: SuggestionService) -> None:
        self._service = service
        self._answered: OrderedDict[Key, tuple[Trial, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """As SuggestionService's. Raises what it raises."""
        if self._service.abilities(config.algorithm).oblivious:
            trials = self._replayed(config, trials, ordinals[0] - 1)
        elif trials:
            config = replace(config, name=f"{config.name}/{trials[0].name}")
        return self._filled(config, trials, ordinals)

    def _replayed(self, config: StudyConfig, trials: Sequence[Trial], count: int) -> list[Trial]:
        """The record of an algorithm's first `count` answers, and behind it the trials that did not come from them."""
        key: Key = (config.uid, config.algorithm, tuple(sorted(config.settings.items())))
        with self._lock:
            answered = self._answered.pop(key, ())
        if len(answered) < count:
            more = self._filled(config, answered, range(len(answered) + 1, count + 1))
            answered = (*answered, *(_advised(each) for each in more.advice))
            # What a fallback answered is no answer of the algorithm.
            key = () if more.failure else key
        self._keep(key, answered)
        first = answered[:count]
        points = {config.space.key(trial.assignment) for trial in first}
        others = [trial for trial in trials if config.space.key(trial.assignment) not in points]
        return [*first, *(replace(trial, ordinal=number) for number, trial in enumerate(others, start=OTHERS))]

    def _keep(self, key: Key, answered: tuple[Trial, ...]) -> None:
        with self._lock:
            if key:
                self._answered[key] = answered
            while len(self._answered) > KEPT:
                self._answered.popitem(last=False)

    def _filled(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        record, wanted = list(trials), list(ordinals)
        reply = AdviceReply()
        while True:
            more = self._service.suggest(config, record, wanted)
            reply = AdviceReply(
                advice=(*reply.advice, *more.advice),
                exhausted=more.exhausted,
                overrides={**reply.overrides, **more.overrides},
                failure=reply.failure or more.failure,
            )
            if more.exhausted or not more.advice or len(reply.advice) == len(ordinals):
                return reply
            record += [_advised(each) for each in more.advice]
            wanted = wanted[len(more.advice) :]


def _advised(advice: Advice) -> Trial:
    return Trial(
        ordinal=advice.ordinal,
        name=f"advice-{advice.ordinal}",
        assignment=advice.assignment,
        labels=advice.labels,
        state=TrialState.ADVISED,
        reason=Reason.ADVISED,
    )
