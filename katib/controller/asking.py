"""Asks algorithms in the background, one question per study at a time, so that a slow answer delays nothing else."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from katib.core.advice import AdviceReply
from katib.core.study import Study, StudyConfig
from katib.service.record import Record
from katib.stores.contract import Store
from katib.suggestion.contract import SuggestionService


class Asker:
    """Wishes for advice in, answers out.

    Args:
        service: who answers; it has deadlines of its own.
        on_answer: called from a background thread when a study's answer is ready to `take`.
    """

    def __init__(self, service: SuggestionService, store: Store, on_answer: Callable[[str], None]) -> None:
        self._service = service
        self._store = store
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._answers: dict[str, AdviceReply | BaseException] = {}
        self._records: dict[str, Record] = {}
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ask")

    def want(self, study: Study, config: StudyConfig, upto: int) -> None:
        """Advice for `study` should exist up to ordinal `upto`. Does nothing while a question is open."""
        with self._lock:
            if study.uid in self._asked or study.uid in self._answers:
                return
            self._asked.add(study.uid)
        ordinals = range(study.summary.highest_ordinal + 1, upto + 1)
        self._threads.submit(self._ask, study, config, ordinals)

    def take(self, uid: str) -> AdviceReply | None:
        """The answer that came, once. Raises what the question raised."""
        with self._lock:
            answer = self._answers.pop(uid, None)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def asking(self, uid: str) -> bool:
        """Whether a question is open."""
        return uid in self._asked

    def close(self) -> None:
        """Ask no more. An open question is abandoned."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, study: Study, config: StudyConfig, ordinals: range) -> None:
        answer: AdviceReply | BaseException
        try:
            number = sum(study.summary.counts.values())
            trials = self._record(config).refresh(self._store, config.uid, number)
            answer = _with_overrides(self._service.suggest(config, trials, ordinals), study)
        except Exception as error:
            # Raised again in the controller's thread by `take`, where back-off and reporting are.
            answer = error
        with self._lock:
            self._asked.discard(config.uid)
            self._answers[config.uid] = answer
        self._on_answer(study.name)

    def _record(self, config: StudyConfig) -> Record:
        record = self._records.get(config.uid)
        if record is None:
            oblivious = self._service.abilities(config.algorithm).oblivious
            record = self._records[config.uid] = Record(oblivious=oblivious)
        return record


def _with_overrides(answer: AdviceReply, study: Study) -> AdviceReply:
    """The answer with every setting to remember: one that it does not name stays as it was."""
    if not answer.overrides:
        return answer
    return replace(answer, overrides={**study.overrides, **answer.overrides})
