"""Watches from this terminal a study that another process runs: a line per finished trial, until it ends."""

import sys
import time

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
    _say(headline(study, study.summary, None))
    while True:
        study = store.get_study(study.name)
        for trial in store.trials(study.uid, TrialFilter(states=FINISHED, after_revision=seen)):
            _say(finished_line(trial, study.objectives))
        seen = study.revision
        if running_elsewhere(study, now=time.time()) is None:
            return study
        time.sleep(LOOK_EVERY)


def is_over(study: Study) -> bool:
    """Whether nobody need go on with it."""
    return study.condition.concluded or study.condition.status is StudyStatus.STOPPED


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
