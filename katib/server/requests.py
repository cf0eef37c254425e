"""Requests for suggestions, read: what is asked, and the record it is asked with.

A request brings the whole record, most of which the last one brought too. What was read of it is kept by its bytes, so
a record that grew by a trial costs one trial; losing what is kept changes nothing but time.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError

from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault, InvalidInput
from katib.rpc import api
from katib.rpc.convert.study import read_experiment
from katib.rpc.convert.trials import numbered, read_trial

Kept = TypeVar("Kept")

KEPT = 64
"""Searches of which something is kept; the one asked longest ago goes first."""

SLACK = 1000
"""Trials kept of a search beyond four times its last record: earlier states of trials, and twins of the search."""

MOST_AT_ONCE = 10_000
"""Suggestions in one answer: it has to be made within the caller's deadline."""

MOST_IN_ALL = 1_000_000
"""Suggestions to one study."""

Record = dict[bytes, Trial | None]
"""A trial's message -> the trial; None for one that is not of the search."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request.

    Attributes:
        trials: the record by ordinal.
        ordinals: those to answer for.
        counted: whether the caller counts trials itself; else the ordinals were derived from the record.
    """

    config: StudyConfig
    trials: Sequence[Trial]
    ordinals: Sequence[int]
    counted: bool


class RequestReader:
    """Reads requests, from any number of threads."""

    def __init__(self) -> None:
        self._configs: OrderedDict[bytes, StudyConfig] = OrderedDict()
        self._records: OrderedDict[bytes, Record] = OrderedDict()
        self._lock = threading.Lock()

    def experiment(self, message: api.Experiment) -> StudyConfig:
        """The study of a message. Raises InvalidInput with everything that is wrong with it."""
        key = message.SerializeToString(deterministic=True)
        with self._lock:
            config = self._configs.get(key)
        if config is None:
            config = read_experiment(message)
            self._keep(self._configs, key, config)
        return config

    def asked(self, request: api.UnreadSuggestionsRequest) -> Asked:
        """What a request asks. Raises InvalidInput with everything that is wrong with it."""
        config = self.experiment(request.experiment)
        trials = self.trials(config, request.experiment, [*request.trials, *request.other_trials])
        return Asked(
            config=config,
            trials=trials,
            ordinals=_ordinals(request, trials),
            counted=bool(request.ordinals),
        )

    def trials(self, config: StudyConfig, experiment: api.Experiment, messages: Sequence[bytes]) -> list[Trial]:
        """The record by ordinal, from trials' messages as they came. Raises InvalidInput when one is no message.

        Trials of another space are left out: Katib lists those of its namesakes, too.
        """
        about = experiment.spec
        objectives = [about.objective, *experiment.study.further_objectives]
        key = b"".join(each.SerializeToString(deterministic=True) for each in (about.parameter_specs, *objectives))
        with self._lock:
            known = self._records.get(key, {})
        read: Record = {}
        for content in messages:
            # Maps have no order of their own, but the same bytes are mostly sent again.
            read[content] = known[content] if content in known else _trial(content, config)
        kept = {**known, **read}
        self._keep(self._records, key, kept if len(kept) <= 4 * len(read) + SLACK else read)
        return numbered(trial for trial in read.values() if trial is not None)

    def _keep(self, where: OrderedDict[bytes, Kept], key: bytes, what: Kept) -> None:
        with self._lock:
            where[key] = what
            where.move_to_end(key)
            while len(where) > KEPT:
                where.popitem(last=False)


def _trial(content: bytes, config: StudyConfig) -> Trial | None:
    try:
        message = api.Trial.FromString(content)
    except DecodeError as error:
        raise _refused("trials", str(error), "messages of trials") from error
    try:
        return read_trial(message, config.space, config.objectives)
    except ValueError:
        return None


def _ordinals(request: api.UnreadSuggestionsRequest, trials: Sequence[Trial]) -> Sequence[int]:
    """The ordinals to answer for. Who does not count gets the numbers that follow what was answered so far.

    How much that is, the totals tell: Katib leaves trials out of the record, and a number that was used by one of them
    must not come again.
    """
    wanted, total = request.current_request_number, request.total_request_number
    if max(len(request.ordinals), wanted) > MOST_AT_ONCE:
        given = str(max(len(request.ordinals), wanted))
        raise _refused("current_request_number", given, f"at most {MOST_AT_ONCE} suggestions in one request")
    if total > MOST_IN_ALL:
        raise _refused("total_request_number", str(total), f"at most {MOST_IN_ALL} suggestions in all")
    highest = trials[-1].ordinal if trials else 0
    if not request.ordinals:
        answered = max(total - wanted, highest)
        return range(answered + 1, answered + 1 + max(wanted, 0))
    ordinals = tuple(request.ordinals)
    on_record = {trial.ordinal for trial in trials}
    if ordinals[0] < 1 or list(ordinals) != sorted(set(ordinals)) or on_record & set(ordinals):
        raise _refused("ordinals", str(list(ordinals)), "growing numbers from 1 on, none of them on record")
    return ordinals


def _refused(path: str, given: str, wanted: str) -> InvalidInput:
    return InvalidInput([Fault(path=path, given=given, wanted=wanted)], what="the request")
