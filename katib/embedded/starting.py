"""From an Experiment document to a study on record, checked whole before anything is written."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from katib.core.study import Study
from katib.embedded.session import Session
from katib.errors import Fault, InvalidInput
from katib.runners.local.places import collected_path, place_of
from katib.runners.local.supervisor.processes import CannotStart, find_program
from katib.service.checks import checked
from katib.service.endpoints import remembered
from katib.service.on_cluster import check_on_cluster, place_on
from katib.spec.cluster import likely_mistakes
from katib.spec.container import Process, process_of
from katib.spec.experiment import TrialTemplate
from katib.spec.placeholders import texts
from katib.spec.prepare import Prepared
from katib.spec.render import Template
from katib.spec.study import search_space, study_config
from katib.suggestion.check import combination_faults, grid_note
from katib.suggestion.contract import SuggestionService

if TYPE_CHECKING:
    from katib.runners.kubernetes import Cluster


@dataclass(frozen=True, kw_only=True)
class Started:
    """A study ready to run.

    Attributes:
        created: whether it is new; else an existing one goes on.
        notes: what a person should know before it runs: what cannot be honoured here, what is likely a mistake.
    """

    study: Study
    created: bool
    notes: tuple[str, ...]


def start(
    session: Session,
    document: Mapping[str, Any],
    *,
    lines: Mapping[str, int] | None,
    run_root: Path,
    workdir: Path,
    cluster: "Cluster | None" = None,
) -> Started:
    """Record an experiment, or find the same one again and let it go on.

    `cluster`: where its trials are to run; None for this machine.

    Raises:
        InvalidInput: something is wrong with it; every fault is named.
        AlreadyExists: the name belongs to a study with another specification.
    """
    prepared = checked(document, session.suggestions, stopping=session.early_stopping, lines=lines)
    if cluster is None:
        place, known = None, check_runnable(prepared)
    else:
        place, known = place_on(cluster), check_on_cluster(prepared, cluster, session.suggestions)
    notes = (*grid_notes(prepared, session.suggestions), *known)
    servers = remembered(prepared.effective, session.settings)
    opened = session.studies.create(prepared, run_root=run_root, workdir=workdir, cluster=place, servers=servers)
    study = opened.study
    if study.stop_requested and not study.condition.concluded:
        study = session.studies.go_on(study.name)
    return Started(study=study, created=opened.created, notes=notes)


def grid_notes(prepared: Prepared, suggestions: SuggestionService) -> tuple[str, ...]:
    """How many points there are, where the algorithm goes through all of them. They are not listed for that."""
    config = study_config(prepared.experiment, uid="")
    note = grid_note(config, suggestions.abilities(config.algorithm))
    return (note,) if note else ()


def grid_faults(prepared: Prepared, suggestions: SuggestionService) -> tuple[Fault, ...]:
    """What Katib refuses of a grid, and what is no fault here."""
    config = study_config(prepared.experiment, uid="")
    return combination_faults(config, suggestions.abilities(config.algorithm))


def check_runnable(prepared: Prepared) -> tuple[str, ...]:
    """Render the template once, so that what cannot run here is said now and not by the first trial.

    Returns what a person should know before it runs. Raises InvalidInput when a process cannot be made of it.
    """
    experiment = prepared.experiment
    if experiment.spec.nas_config is not None:
        said = "architecture search is read and kept, but no algorithm here can do it: use parameters"
        raise InvalidInput([Fault(path="spec.nasConfig", wanted=said)], what="the Experiment")
    template = experiment.spec.trial_template
    space = search_space(experiment)
    first = space.assign(lambda parameter: parameter.at(0))
    manifest = Template.of(experiment).render(name="trial", namespace=experiment.namespace, assignment=first)
    process = process_of(manifest, template.primary_container_name)
    _check_collected_path(prepared, process)
    _check_program(template, process)
    notes = [*process.notes, *(str(warning) for warning in likely_mistakes(prepared))]
    collector = prepared.effective["spec"]["metricsCollectorSpec"]["collector"]["kind"]
    if collector == "PrometheusMetric" and (experiment.spec.parallel_trial_count or 1) > 1:
        notes.append("trials that run at the same time share this machine's ports: each must serve one of its own")
    return tuple(notes)


def _check_program(template: TrialTemplate, process: Process) -> None:
    """A program that is not there would fail every trial in the same way. One whose name depends on a parameter, or
    that is given by its path, may be there when a trial starts.
    """
    name = process.argv[0]
    written = any(text == name for _parts, text in texts(template.trial_spec or {}))
    search = process.env.get("PATH", os.environ.get("PATH", os.defpath))
    if not written:
        return
    try:
        find_program(name, search, process.cwd or ".")
    except CannotStart as error:
        fault = Fault(path="the trial's command", wanted=f"a program that is there: {error}")
        raise InvalidInput([fault], what="the Experiment") from error
    file = Path(process.cwd or ".", name)
    if "/" in name and file.exists() and (file.is_dir() or not os.access(file, os.X_OK)):
        hint = "a folder cannot be run" if file.is_dir() else f"chmod +x {shlex.quote(str(file))}"
        fault = Fault(path="the trial's command", given=name, wanted="a program that can be executed", hint=hint)
        raise InvalidInput([fault], what="the Experiment")


def _check_collected_path(prepared: Prepared, process: Process) -> None:
    """A file that every trial writes to would mix their metrics: its path must be one that a trial can be told."""
    collector = prepared.effective["spec"]["metricsCollectorSpec"]
    path = collected_path(collector)
    if path is not None and place_of(collector, process, Path("/")) is None:
        fault = Fault(
            path="spec.metricsCollectorSpec.source.fileSystemPath.path",
            given=path,
            wanted="on this machine trials see the same folders, so the command, args or env must name this path or "
            "its folder; each trial is then given a file of its own",
            hint=f"for example pass --metrics={path} to the program",
        )
        raise InvalidInput([fault], what="the Experiment")
