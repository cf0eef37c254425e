"""Removes a study with all that it left behind."""

from pathlib import Path

from katib.controller.orders import Orders
from katib.core.study import Study
from katib.runners.local import LocalRunner
from katib.service.studies import Studies, workdir_of


def delete_study(studies: Studies, name: str) -> Study:
    """Remove a study's rows and logs, and kill what a dead engine's supervisor still runs of it.

    Raises NotFound, and LeaseHeld while a live process runs the study.
    """
    study = studies.check_deletable(name)
    unfinished = studies.store.view(study.uid).unfinished
    if unfinished and Path(study.run_dir).exists():
        orders = Orders(study.effective)
        runner = LocalRunner(Path(study.run_dir), cwd=workdir_of(study))
        try:
            runner.adopt([orders.of(trial) for trial in unfinished])
        finally:
            runner.close(kill=True)
    return studies.delete(name)
