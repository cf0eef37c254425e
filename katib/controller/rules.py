"""Early stopping by rules: asked for while trials run on, attached to those that start, and tested at each report."""

import threading
from collections.abc import Callable

from katib.core.curves import Curve, Record
from katib.core.objective import Objective
from katib.core.stopping import EarlyStop, Report, RuleProgress, StopRule


class RuleJudge:
    """Judges by the rules that are attached to each trial. It is to be shown every report, in order."""

    def __init__(self, name: str, objective: Objective) -> None:
        self._name, self._objective = name, objective
        self._progress: dict[int, tuple[int, RuleProgress]] = {}

    @property
    def metrics(self) -> frozenset[str]:
        """All of the study's."""
        return frozenset(self._objective.metrics)

    def should_stop(self, trial: Curve, report: Report, record: Record) -> EarlyStop | None:  # noqa: ARG002 - the port's
        """See Judge."""
        attempt, progress = self._progress.get(trial.ordinal, (0, RuleProgress(left=())))
        if attempt != trial.attempt:
            progress = RuleProgress(left=trial.rules)
        progress = progress.after(report, self._objective, rule=self._name)
        self._progress[trial.ordinal] = (trial.attempt, progress)
        return progress.stop


class RuleAsker:
    """Asks for rules in a thread of its own: an answer may take its whole deadline, and running trials are judged
    meanwhile. While it is asked, only the newest of the questions that come waits.

    Args:
        ask: the rules that a record leads to; may raise anything.
        answered: called with what it raised, or None.

    Attributes:
        rules: for trials that start now; the last ones hold while there are no newer ones.
    """

    def __init__(
        self, ask: Callable[[Record], tuple[StopRule, ...]], answered: Callable[[Exception | None], None]
    ) -> None:
        self._ask, self._answered = ask, answered
        self._waiting: Record | None = None
        self._closed = False
        self._news = threading.Condition()
        self._first = threading.Event()
        self.rules: tuple[StopRule, ...] = ()
        threading.Thread(target=self._work, daemon=True, name="early-stopping-rules").start()

    def ask(self, record: Record) -> None:
        """Ask soon. The record must not change any more."""
        with self._news:
            self._waiting = record
            self._news.notify()

    def wait_for_first(self, seconds: float) -> bool:
        """Wait until the first question was answered, well or badly; False when it is not after so many seconds."""
        return self._first.wait(seconds)

    def close(self) -> None:
        """Ask no more. A question that is open is abandoned."""
        with self._news:
            self._closed = True
            self._news.notify()

    def _work(self) -> None:
        while (record := self._next()) is not None:
            failure: Exception | None = None
            try:
                self.rules = self._ask(record)
            except Exception as error:
                failure = error
            if not self._closed:
                self._answered(failure)
            self._first.set()

    def _next(self) -> Record | None:
        with self._news:
            self._news.wait_for(lambda: self._closed or self._waiting is not None)
            record, self._waiting = self._waiting, None
            return None if self._closed else record
