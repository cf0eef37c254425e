"""The messages that answer: studies and trials with what belongs to them."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from katib.core.observation import MetricPoint
from katib.core.space import SearchSpace
from katib.core.study import Study
from katib.core.trial import Trial
from katib.rpc import vizier
from katib.rpc.convert.vizier.space import Names
from katib.rpc.convert.vizier.study import lease_seconds, read_spec, safety_thresholds, write_study
from katib.rpc.convert.vizier.trials import write_trial
from katib.spec.prepare import from_effective
from katib.spec.study import search_space
from katib.stores.contract import Store

LEASE_SECONDS = 86_400.0
"""How long a trial is lent: Vizier's client has no word for "I am still at it" but a measurement."""

ANSWER_LIMIT = 4 * 1024 * 1024 - 4096
"""Bytes that Vizier's client takes, less what frames them."""

KEPT = 256
"""Studies of which something is kept; losing it changes nothing but time."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What never changes about a study.

    Attributes:
        lease: seconds for which its trials are lent.
        safety: metric -> whether it is to be at least, not at most, so much.
    """

    space: SearchSpace
    names: Names
    safety: Mapping[str, tuple[bool, float]]
    lease: float


class Answers:
    """Makes them from the store. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, study: Study) -> Known:
        """What never changes about a study. Raises InvalidInput for one that was not made over this API."""
        with self._lock:
            found = self._known.get(study.uid)
            if found is not None:
                self._known.move_to_end(study.uid)
                return found
        spec = read_spec(study)
        found = Known(
            space=search_space(from_effective(study.effective)),
            names=Names.of(spec.parameters),
            safety=safety_thresholds(spec),
            lease=lease_seconds(spec, LEASE_SECONDS),
        )
        with self._lock:
            self._known[study.uid] = found
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found

    def study(self, study: Study) -> vizier.Study:
        """The message of a study."""
        return write_study(study, self._store.metadata(study.uid, ordinal=0))

    def trial(self, study: Study, trial: Trial) -> vizier.Trial:
        """The message of one trial."""
        # A trial that has reported nothing has no metrics; what others reported is looked up.
        stored = self._store.observations(study.uid, ordinal=trial.ordinal, attempt=trial.attempt)
        points = [observation.point for observation in stored]
        known = self.known(study)
        items = self._store.metadata(study.uid, ordinal=trial.ordinal)
        return write_trial(study, trial, space=known.space, names=known.names, points=points, items=items)

    def trials(self, study: Study, trials: Sequence[Trial]) -> list[vizier.Trial]:
        """The messages of many trials. Where they would be more than Vizier's client takes, without measurements on the
        way: those of one trial at a time are there for the asking.
        """
        known = self.known(study)
        points = defaultdict[tuple[int, int], list[MetricPoint]](list)
        if any(trial.metrics or trial.finished for trial in trials):
            for observation in self._store.observations(study.uid):
                points[observation.ordinal, observation.attempt].append(observation.point)
        items = defaultdict(list)
        for item in self._store.metadata(study.uid):
            items[item.ordinal].append(item)
        messages = [
            write_trial(
                study,
                trial,
                space=known.space,
                names=known.names,
                points=points[trial.ordinal, trial.attempt],
                items=items[trial.ordinal],
            )
            for trial in trials
        ]
        if sum(message.ByteSize() + 6 for message in messages) > ANSWER_LIMIT:
            for message in messages:
                message.ClearField("measurements")
        return messages
