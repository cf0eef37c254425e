"""The exact command line that a trial ran, for pasting into a shell."""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from katib.checkpointing import CHECKPOINT_DIR
from katib.core.advice import PARENT_LABEL
from katib.core.study import Study
from katib.core.trial import Trial
from katib.runners.local.places import moved_process, place_of
from katib.runners.local.supervisor import layout
from katib.service.studies import cluster_of, workdir_of
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


def command_line(study: Study, trial: Trial) -> str | None:
    """One line for a POSIX shell that runs what the trial ran, where it ran; None for a trial of a cluster."""
    if cluster_of(study.effective) is not None:
        # Its Job has an image, volumes and limits, which no line of a shell stands for.
        return None
    process = process_of_trial(study, trial)
    place = place_of(
        study.effective["spec"]["metricsCollectorSpec"], process, Path(study.run_dir) / trial.name / "again"
    )
    if place is not None:
        process = moved_process(process, place)
    make = f"mkdir -p {shlex.quote(str(place.folder))} && " if place is not None else ""
    checkpoint, copy = _checkpoint(study, trial)
    folder = process.cwd or str(workdir_of(study))
    # The trial's own name means nothing outside of its study; with it a script would report as that trial.
    settings = [f"{name}={value}" for name, value in process.env.items() if not name.startswith("KATIB_")]
    settings += checkpoint
    program, *arguments = process.argv
    words = [*(["env", *settings] if settings else []), _found_anywhere(program, process.env), *arguments]
    return f"{copy}{make}cd {shlex.quote(folder)} && {shlex.join(words)}"


def _found_anywhere(program: str, env: Mapping[str, str]) -> str:
    """The program so that a shell finds it that is not in the virtual environment which the trial took it from."""
    if "/" in program or "PATH" in env:
        return program
    path = shutil.which(program)
    environment = Path(path).parent.parent if path else None
    if path is None or environment is None or not (environment / "pyvenv.cfg").is_file():
        return program
    return program if str(environment) == os.environ.get("VIRTUAL_ENV") else path


def _checkpoint(study: Study, trial: Trial) -> tuple[list[str], str]:
    """For a trial that continues another: the variable that names a copy of that one's checkpoint, and its making."""
    parent = trial.labels.get(PARENT_LABEL)
    if not parent:
        return [], ""
    run_dir = Path(study.run_dir)
    source, copy = layout.checkpoint(run_dir, parent), layout.checkpoint(run_dir, f"{trial.name}/again")
    made = shlex.join(["mkdir", "-p", str(copy.parent)])
    fresh = shlex.join(["rm", "-rf", str(copy)])
    return [f"{CHECKPOINT_DIR}={copy}"], f"{made} && {fresh} && {shlex.join(['cp', '-a', str(source), str(copy)])} && "
