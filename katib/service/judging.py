"""Early stopping of studies that clients run: a trial is judged when its client asks.

What a judge looks at is on record, so any process can answer; the curves that one keeps spare it reading them again.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from katib.core.curves import Record
from katib.core.observation import MetricPoint
from katib.core.stopping import EarlyStop
from katib.core.study import StudyConfig
from katib.core.trial import FINISHED, Trial
from katib.stores.contract import Store, TrialFilter
from katib.suggestion.early_stopping.contract import EarlyStopping, Judge
from katib.suggestion.early_stopping.shadow import is_shadow

FEW = 50
"""Finished trials up to which each one's points are read by themselves, and not the whole study's."""


@dataclass
class _Judged:
    """A study, its judge, and the curves as far as they are known here."""

    config: StudyConfig
    judge: Judge
    alone: bool
    record: Record
    revision: int = -1
    lock: threading.Lock = field(default_factory=threading.Lock)


class Judges:
    """Judges trials. Thread-safe."""

    def __init__(self, store: Store, service: EarlyStopping) -> None:
        self._store = store
        self._service = service
        self._known: dict[str, _Judged] = {}
        self._lock = threading.Lock()

    def verdict(self, config: StudyConfig, trial: Trial, running: Iterable[Trial]) -> EarlyStop | None:
        """The verdict on a running trial, after what it reported since it was judged last; None to let it go on.

        Args:
            config: the study, with the early stopping's name and settings.
            running: all trials of the study that run.

        Raises:
            AlgorithmFailed: there is no answer.
        """
        known = self._of(config)
        with known.lock:
            self._take_in_finished(known)
            others = () if known.alone else running
            for other in others:
                if other.ordinal != trial.ordinal:
                    self._take_in(known, other)
            return self._judge(known, trial)

    def forget(self, uid: str) -> None:
        """Let go of what is kept of a study."""
        with self._lock:
            self._known.pop(uid, None)

    def _of(self, config: StudyConfig) -> _Judged:
        with self._lock:
            known = self._known.get(config.uid)
            if known is None:
                judge = self._service.judge(config)
                alone = self._service.abilities(config.algorithm).oblivious
                record = Record(objective=config.objective, further=config.further_objectives, metrics=judge.metrics)
                known = self._known[config.uid] = _Judged(config=config, judge=judge, alone=alone, record=record)
            return known

    def _judge(self, known: _Judged, trial: Trial) -> EarlyStop | None:
        curve = known.record.curve(trial.ordinal, trial.attempt, trial.rules)
        if curve is None:
            return None
        points = self._points(known.config.uid, trial)
        for report in known.record.add(curve, points):
            stop = known.judge.should_stop(curve, report, known.record)
            if stop is not None:
                return replace(stop, shadow=True) if is_shadow(known.config) else stop
        return None

    def _take_in(self, known: _Judged, trial: Trial) -> None:
        curve = known.record.curve(trial.ordinal, trial.attempt, trial.rules)
        if curve is not None:
            list(known.record.add(curve, self._points(known.config.uid, trial)))

    def _take_in_finished(self, known: _Judged) -> None:
        """The trials that ended since, in the order of their ends."""
        if known.alone:
            return
        uid = known.config.uid
        ended = self._store.trials(uid, TrialFilter(states=FINISHED, after_revision=known.revision))
        if not ended:
            return
        known.revision = max(trial.revision for trial in ended)
        points = self._all_points(known) if len(ended) > FEW else None
        for trial in sorted(ended, key=lambda trial: (trial.ended_at or 0.0, trial.ordinal)):
            curve = known.record.curve(trial.ordinal, trial.attempt, trial.rules)
            if curve is not None:
                found = self._points(uid, trial) if points is None else points[trial.ordinal, trial.attempt]
                list(known.record.add(curve, found))
            known.record.finish(trial.ordinal, trial.state)

    def _points(self, uid: str, trial: Trial) -> list[MetricPoint]:
        found = self._store.observations(uid, ordinal=trial.ordinal, attempt=trial.attempt)
        return [each.point for each in found]

    def _all_points(self, known: _Judged) -> dict[tuple[int, int], list[MetricPoint]]:
        points = defaultdict[tuple[int, int], list[MetricPoint]](list)
        for metric in sorted(known.record.metrics):
            for each in self._store.observations(known.config.uid, metric=metric):
                points[each.ordinal, each.attempt].append(each.point)
        return points
