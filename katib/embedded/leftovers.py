"""What a killed engine left behind: runs that its supervisor still looks after, and that nobody owns."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from katib.controller.orders import Orders
from katib.core.run import Phase
from katib.core.study import Study
from katib.core.trial import Trial
from katib.embedded.runners import open_runner
from katib.runners.contract import TrialRunner
from katib.service.owners import running_elsewhere
from katib.service.studies import Studies

GOING_ON = frozenset({Phase.STARTING, Phase.RUNNING})


def delete_study(studies: Studies, name: str) -> Study:
    """Remove a study's rows and logs, and kill what a dead engine's supervisor still runs of it.

    Raises NotFound, and LeaseHeld while a live process runs the study.
    """
    study = studies.check_deletable(name)
    unfinished = studies.store.view(study.uid).unfinished
    if unfinished and Path(study.run_dir).exists():
        with _adopted(study, unfinished, kill=True):
            pass
    return studies.delete(name)


def unowned_run_is_over(studies: Studies, name: str, trial: Trial) -> bool:
    """Whether a trial's run has ended though the record, which nobody keeps at the moment, does not say so."""
    study = studies.store.get_study(name)
    if running_elsewhere(study, now=time.time()) is not None:
        return False
    with _adopted(study, [trial], kill=False) as runner:
        report = runner.observe()[0].get((trial.name, trial.attempt))
    return report is None or report.phase not in GOING_ON


@contextmanager
def _adopted(study: Study, trials: Sequence[Trial], *, kill: bool) -> Iterator[TrialRunner]:
    orders = Orders(study.effective)
    runner = open_runner(study)
    try:
        runner.adopt([orders.of(trial) for trial in trials])
        yield runner
    finally:
        runner.close(kill=kill)
