"""Watches from this terminal a study that another process runs: a line per finished trial, until it ends."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from katib.core.study import Study, StudyStatus
from katib.core.trial import FINISHED
from katib.embedded.progress import finished_line, headline
from katib.service.owners import running_elsewhere
from katib.stores.contract import Store, TrialFilter

LOOK_EVERY = 0.5
"""Seconds."""


def follow(store: Store, study: Study) -> Study:
    """Print what becomes of the study's trials, and return it when its owner has left or nothing of it runs any more.

    Raises KeyboardInterrupt; the study goes on then.
    """
    seen = study.revision
    with _no_interrupt_lost() as check:
        _say(headline(study, study.summary, None))
        while True:
            study = store.get_study(study.name)
            for trial in store.trials(study.uid, TrialFilter(states=FINISHED, after_revision=seen)):
                _say(finished_line(trial, study.objectives))
            seen = study.revision
            if running_elsewhere(study, now=time.time()) is None:
                return study
            check()
            time.sleep(LOOK_EVERY)
            check()


@contextmanager
def _no_interrupt_lost() -> Iterator[Callable[[], None]]:
    """Yields what raises KeyboardInterrupt if one came before.

    Python raises it wherever it happens to be. In a callback of the garbage collector, as the store's connections have
    them, that is the end of it: nobody above hears of it.
    """
    interrupted = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        signal.default_int_handler(number, frame)

    def check() -> None:
        if interrupted:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def is_over(study: Study) -> bool:
    """Whether nobody need go on with it."""
    return study.condition.concluded or study.condition.status is StudyStatus.STOPPED


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
