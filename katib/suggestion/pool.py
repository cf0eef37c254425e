"""Algorithms in worker processes: a crash or a hang there is an AlgorithmFailed here, within the deadline."""

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from katib.config import SuggestionSettings
from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, AlgorithmUnknown, Fault, InvalidInput, KatibError, SuggestionError
from katib.suggestion.check import checked
from katib.suggestion.local import KEPT, study_key
from katib.suggestion.process import WorkerProcess
from katib.suggestion.wire import Answer, Describe, Failure, NeedFull, Suggest, Validate


class WorkerPool:
    """A SuggestionService for any number of threads.

    A study is asked in one worker, one question at a time. After a failure the worker is replaced, which costs the next
    answer a tenth of a second and the sending of the whole record.
    """

    def __init__(self, settings: SuggestionSettings | None = None) -> None:
        self._settings = settings or SuggestionSettings()
        self._seats = [_Seat(self._settings) for _ in range(max(self._settings.workers, 1))]
        self._homes: OrderedDict[str, _Seat] = OrderedDict()
        self._described: dict[str, tuple[Abilities, tuple[Setting, ...]]] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start a worker ahead of need, without waiting for it."""
        self._seats[0].start()

    def validate(self, config: StudyConfig) -> tuple[Fault, ...]:
        """See SuggestionService."""
        # Before a study is made it has no uid: if its validation took a place, the study would get another worker.
        seat = self._seat(study_key(config), stays=False)
        faults: tuple[Fault, ...] = seat.ask(Validate(config=config), _who(config.algorithm))
        return faults

    def abilities(self, algorithm: str) -> Abilities:
        """See SuggestionService."""
        return self._describe(algorithm)[0]

    def settings(self, algorithm: str) -> tuple[Setting, ...]:
        """See SuggestionService."""
        return self._describe(algorithm)[1]

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """See SuggestionService."""
        return self._seat(study_key(config)).suggest(config, trials, tuple(ordinals))

    def close(self) -> None:
        """See SuggestionService. Questions that are open end as AlgorithmFailed."""
        for seat in self._seats:
            seat.close()

    def _describe(self, algorithm: str) -> tuple[Abilities, tuple[Setting, ...]]:
        if algorithm not in self._described:
            self._described[algorithm] = self._seats[0].ask(Describe(algorithm=algorithm), _who(algorithm))
        return self._described[algorithm]

    def _seat(self, study: str, *, stays: bool = True) -> "_Seat":
        """The seat of a study: it stays where it is; a new one goes where the fewest are, the earliest first.

        One that is only passing through (`stays` is false) is not counted.
        """
        with self._lock:
            seat = self._homes.get(study)
            if seat is None:
                taken = list(self._homes.values())
                seat = min(self._seats, key=taken.count)
            if not stays:
                return seat
            self._homes[study] = seat
            self._homes.move_to_end(study)
            while len(self._homes) > KEPT:
                self._homes.popitem(last=False)
            return seat


class _Seat:
    """A place for one worker process, which comes when it is needed and is replaced when it fails."""

    def __init__(self, settings: SuggestionSettings) -> None:
        self._settings = settings
        self._process: WorkerProcess | None = None
        self._sent: OrderedDict[str, tuple[int, dict[int, Trial]]] = OrderedDict()
        self._versions = itertools.count(1)
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        with self._lock:
            self._running()

    def ask(self, request: Describe | Validate, who: str) -> Any:
        with self._alone(who) as deadline:
            return _value(self._running().ask(request, deadline=deadline, who=who))

    def suggest(self, config: StudyConfig, trials: Sequence[Trial], ordinals: tuple[int, ...]) -> AdviceReply:
        who = _who(config.algorithm)
        with self._alone(who) as deadline:
            process = self._running()
            base, version, changed = self._news(study_key(config), trials)
            request = Suggest(
                config=config,
                base=base,
                version=version,
                changed=_without_messages(changed),
                ordinals=ordinals,
            )
            answer = process.ask(request, deadline=deadline, who=who)
            if isinstance(answer, NeedFull):
                request = replace(request, base=0, changed=_without_messages(trials))
                answer = process.ask(request, deadline=deadline, who=who)
            return checked(config, trials, ordinals, _value(answer))

    def close(self) -> None:
        self._closed = True
        while not self._lock.acquire(timeout=0.1):
            # Whoever holds it waits for an answer that nobody needs any more.
            if self._process is not None:
                self._process.kill()
        try:
            self._drop(at_once=False)
        finally:
            self._lock.release()

    @contextmanager
    def _alone(self, who: str) -> Iterator[float]:
        """Hold the worker, until the deadline given. When what is asked fails, the next holder gets a fresh one."""
        if not self._lock.acquire(timeout=self._settings.deadline):
            raise AlgorithmFailed(f"{who}: its worker was busy with another study for too long", why="timeout")
        try:
            yield time.monotonic() + self._settings.deadline
        except BaseException as error:
            # What is wrong with the user's input leaves the worker well. All else may leave an answer on its way.
            if isinstance(error, AlgorithmFailed) or not isinstance(error, KatibError):
                self._drop(at_once=True)
            raise
        finally:
            self._lock.release()

    def _running(self) -> WorkerProcess:
        if self._closed:
            raise SuggestionError("the suggestion service is closed", hint="open another one")
        if self._process is None:
            self._process = WorkerProcess(self._settings.extra)
        return self._process

    def _drop(self, *, at_once: bool) -> None:
        self._sent.clear()
        if self._process is not None:
            self._process.end(at_once=at_once)
            self._process = None

    def _news(self, study: str, trials: Sequence[Trial]) -> tuple[int, int, Sequence[Trial]]:
        """(base, version, changed): what to send so that the worker has this record."""
        base, sent = self._sent.pop(study, (0, {}))
        # Identity first: callers keep the trials that did not change, and comparing values costs a microsecond each.
        changed = [t for t in trials if (had := sent.get(t.ordinal)) is not t and had != t]
        if len(sent) + sum(t.ordinal not in sent for t in changed) != len(trials):
            # Something that was sent is gone.
            base, sent, changed = 0, {}, list(trials)
        sent.update((trial.ordinal, trial) for trial in changed)
        version = next(self._versions)
        self._sent[study] = (version, sent)
        while len(self._sent) > KEPT:
            self._sent.popitem(last=False)
        return base, version, changed


_KINDS: dict[str, type[KatibError]] = {"AlgorithmUnknown": AlgorithmUnknown, "SuggestionError": SuggestionError}


def _value(answer: Answer | NeedFull | Failure) -> Any:
    if isinstance(answer, Answer):
        return answer.value
    if isinstance(answer, NeedFull):
        raise AlgorithmFailed("the worker asked for the whole record although it was sent", why="nonsense")
    if answer.kind == "InvalidInput":
        raise InvalidInput(answer.faults, what=answer.message, hint=answer.hint)
    if answer.kind in _KINDS:
        raise _KINDS[answer.kind](answer.message, hint=answer.hint)
    raise AlgorithmFailed(answer.message, hint=answer.hint, why=answer.why or "error")


def _without_messages(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials without their messages: pages of logs, for people."""
    return tuple(replace(trial, message="") if trial.message else trial for trial in trials)


def _who(algorithm: str) -> str:
    return f"algorithm {algorithm!r}"
