"""The exact command line that a trial ran, for pasting into a shell."""

import shlex
from pathlib import Path

from katib.core.study import Study
from katib.core.trial import Trial
from katib.runners.local.places import moved_process, place_of
from katib.service.studies import workdir_of
from katib.spec.container import Process, process_of
from katib.spec.prepare import from_effective
from katib.spec.render import Template


def process_of_trial(study: Study, trial: Trial) -> Process:
    """The process that a trial of this study is. Raises InvalidInput when its template cannot run here."""
    experiment = from_effective(study.effective)
    manifest = Template.of(experiment).render(
        name=trial.name, namespace=experiment.namespace, assignment=trial.assignment
    )
    return process_of(manifest, experiment.spec.trial_template.primary_container_name)


def command_line(study: Study, trial: Trial) -> str:
    """One line for a POSIX shell that runs what the trial ran, where it ran."""
    process = process_of_trial(study, trial)
    place = place_of(
        study.effective["spec"]["metricsCollectorSpec"], process, Path(study.run_dir) / trial.name / "again"
    )
    if place is not None:
        process = moved_process(process, place)
    folder = process.cwd or str(workdir_of(study))
    # The trial's own name means nothing outside of its study; with it a script would report as that trial.
    settings = [f"{name}={value}" for name, value in process.env.items() if not name.startswith("KATIB_")]
    words = (["env", *settings] if settings else []) + list(process.argv)
    make = f"mkdir -p {shlex.quote(str(place.folder))} && " if place is not None else ""
    return f"{make}cd {shlex.quote(folder)} && {shlex.join(words)}"
