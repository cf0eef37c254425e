"""Asks early stopping about running trials, in a thread of its own: one that is slow, raises or hangs delays nothing.

What it is told of arriving points it keeps as curves. They are rebuilt from the store when a study is taken over, and
a running one is read there when its trial has reported to another process.
"""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from katib.controller.rules import RuleAsker, RuleJudge
from katib.core.curves import Curve, Record
from katib.core.observation import MetricPoint, Metrics, fold
from katib.core.run import RunKey
from katib.core.stopping import Judgement, Report, StopRule
from katib.core.study import StudyConfig
from katib.core.trial import FINISHED, Transition, Trial, TrialState
from katib.errors import KatibError
from katib.stores.contract import Store
from katib.suggestion.early_stopping.contract import EarlyStopping, Judge
from katib.suggestion.early_stopping.shadow import is_shadow

RETRY_AFTER = 1.0
"""Seconds before the store is asked again for what trials have reported."""


@dataclass(frozen=True, kw_only=True)
class _Points:
    """What a run reported."""

    trial: Trial
    points: tuple[MetricPoint, ...]


@dataclass(frozen=True, kw_only=True)
class _Elsewhere:
    """A trial has reported to another process, which has put it on record."""

    trial: Trial


@dataclass(frozen=True, kw_only=True)
class _Ended:
    """What became of a trial."""

    ordinal: int
    state: TrialState


class Stopper:
    """The early stopping of one study.

    Args:
        config: the study, with the early stopping's own name and settings.
        wake: called from a background thread when there is news.

    Attributes:
        failure: why it could not judge; empty while it can. `said` is the one that was made known last.
    """

    def __init__(self, config: StudyConfig, service: EarlyStopping, store: Store, wake: Callable[[], None]) -> None:
        self._config, self._service, self._store, self._wake = config, service, store, wake
        self._live = service.abilities(config.algorithm).live
        self._shadow = is_shadow(config)
        self._judge: Judge = service.judge(config) if self._live else RuleJudge(config.algorithm, config.objective)
        self._asker = None if self._live else RuleAsker(self._rules_of, self._answered)
        self._record = Record(
            objective=config.objective, further=config.further_objectives, metrics=self._judge.metrics
        )
        self._lock = threading.Lock()
        self._found: dict[int, Judgement] = {}
        self._rules_due = not self._live
        self._told: dict[RunKey, Metrics] = {}
        self._news: queue.SimpleQueue[_Points | _Elsewhere | _Ended | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self.failure = self.said = ""
        self._thread = threading.Thread(target=self._work, daemon=True, name="early-stopping")
        self._thread.start()

    @property
    def rules(self) -> tuple[StopRule, ...]:
        """For trials that are created now; of a service that is not live."""
        return self._asker.rules if self._asker is not None else ()

    def wait_for_rules(self, seconds: float) -> None:
        """Wait for the first ones, so that the first trials have them; no longer than this."""
        if self._asker is not None:
            self._asker.wait_for_first(seconds)

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """Every verdict on a trial that is not known to be finished."""
        if not self._found:
            return ()
        with self._lock:
            return tuple(self._found.values())

    def tell(self, trials: Iterable[Trial], points: Mapping[RunKey, tuple[MetricPoint, ...]]) -> None:
        """These points came. `trials`: all that run, as the record has them."""
        before, self._told = self._told, {}
        for trial in trials:
            key = (trial.name, trial.attempt)
            told, new = before.get(key, {}), points.get(key)
            if new:
                self._news.put(_Points(trial=trial, points=new))
                told = fold(told, new)
            if self._is_ahead(trial.metrics, told):
                self._news.put(_Elsewhere(trial=trial))
                told = {**told, **trial.metrics}
            self._told[key] = told

    def _is_ahead(self, recorded: Metrics, told: Metrics) -> bool:
        """Whether the record has a report that is later than those which came here."""
        return any(
            name in recorded and (name not in told or recorded[name].latest_at > told[name].latest_at)
            for name in self._judge.metrics
        )

    def moved(self, moves: Sequence[Transition]) -> None:
        """These moves are on record."""
        for move in moves:
            if move.target in FINISHED:
                self._news.put(_Ended(ordinal=move.ordinal, state=move.target))

    def close(self) -> None:
        """Judge no more. A question that is open is abandoned."""
        self._closed.set()
        self._news.put(None)
        if self._asker is not None:
            self._asker.close()

    # In the thread

    def _work(self) -> None:
        self._read(self._load)
        while not self._closed.is_set():
            if self._asker is not None and self._rules_due and self._news.empty():
                self._rules_due = False
                self._asker.ask(self._record.copied())
            news = self._news.get()
            if isinstance(news, _Points):
                self._hear(news.trial, news.points)
            elif isinstance(news, _Elsewhere):
                self._read(partial(self._catch_up, news.trial))
            elif isinstance(news, _Ended):
                self._end(news)

    def _read(self, read: Callable[[], None]) -> None:
        """Read from the store, as soon as it can be read."""
        while not self._closed.is_set():
            try:
                read()
                return
            except KatibError as error:
                self._failed(error)
                self._closed.wait(RETRY_AFTER)

    def _catch_up(self, trial: Trial) -> None:
        """Hear what the record has of a running trial; what was heard before is known."""
        stored = self._store.observations(self._config.uid, ordinal=trial.ordinal, attempt=trial.attempt)
        self._hear(trial, [each.point for each in stored])

    def _load(self) -> None:
        """Build the curves of everything on record, and judge what runs by its latest reports."""
        uid = self._config.uid
        # The trials first: what is finished then has all its points on record.
        trials = {trial.ordinal: trial for trial in self._store.trials(uid)}
        points = defaultdict[int, list[MetricPoint]](list)
        for metric in sorted(self._record.metrics):
            for each in self._store.observations(uid, metric=metric):
                trial = trials.get(each.ordinal)
                if trial is not None and trial.attempt == each.attempt:
                    points[each.ordinal].append(each.point)
        for trial in sorted(trials.values(), key=lambda trial: (trial.ended_at or 0.0, trial.ordinal)):
            if trial.finished:
                curve = self._record.curve(trial.ordinal, trial.attempt)
                if curve is not None:
                    list(self._record.add(curve, points[trial.ordinal]))
                self._record.finish(trial.ordinal, trial.state)
        for trial in trials.values():
            if not trial.finished:
                self._hear(trial, points[trial.ordinal], loading=True)

    def _hear(self, trial: Trial, points: Iterable[MetricPoint], *, loading: bool = False) -> None:
        curve = self._record.curve(trial.ordinal, trial.attempt, trial.rules)
        if curve is None:
            return
        judged_later = loading and self._live
        for report in self._record.add(curve, points):
            if not judged_later:
                self._ask(trial, curve, report)
        if judged_later:
            # What is on record was judged when it came, unless the process ended before the last verdict was recorded.
            for report in curve.latest():
                self._ask(trial, curve, report)

    def _ask(self, trial: Trial, curve: Curve, report: Report) -> None:
        known = self._found.get(trial.ordinal)
        if trial.stopped_by is not None or (known is not None and known.attempt == trial.attempt):
            return
        try:
            stop = self._judge.should_stop(curve, report, self._record)
        except Exception as error:
            self._failed(error)
            return
        if stop is not None:
            stop = replace(stop, shadow=True) if self._shadow else stop
            with self._lock:
                self._found[trial.ordinal] = Judgement(ordinal=trial.ordinal, attempt=trial.attempt, stop=stop)
            self._wake()

    def _end(self, ended: _Ended) -> None:
        self._record.finish(ended.ordinal, ended.state)
        with self._lock:
            self._found.pop(ended.ordinal, None)
        self._rules_due = not self._live

    # In the thread that asks for rules

    def _rules_of(self, record: Record) -> tuple[StopRule, ...]:
        """Rules for the trials to come, from those on record."""
        return self._service.rules(self._config, self._store.trials(self._config.uid), record)

    def _answered(self, error: Exception | None) -> None:
        if error is not None:
            self._failed(error)
        elif self.failure:
            # So that the next failure is told, though it may be the same again.
            self.failure = self.said = ""

    # In both

    def _failed(self, error: Exception) -> None:
        kind = "" if isinstance(error, KatibError) else f"{type(error).__name__}: "
        self.failure = f"early stopping {self._config.algorithm!r} failed, and trials run on: {kind}{error}"
        self._wake()
