"""`katib validate FILE`."""

from pathlib import Path
from typing import Annotated

import typer

from katib.cli.options import Endpoints, Output, OutputOption, StoppingEndpoints, settings_of
from katib.cli.render import print_json, say
from katib.errors import Fault, InvalidInput


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An Experiment file, YAML or JSON.")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a cluster would refuse it.")] = False,
    endpoints: Endpoints = None,
    stopping_endpoints: StoppingEndpoints = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check an Experiment file: every fault at once, and what runs here but a cluster would refuse.

    Example: katib validate examples/quickstart/experiment.yaml
    """
    from katib.embedded.starting import check_runnable, grid_faults, grid_notes
    from katib.service.checks import checked
    from katib.spec.cluster import cluster_warnings, likely_mistakes
    from katib.spec.loading import load_file
    from katib.suggestion import open_suggestions
    from katib.suggestion.early_stopping import open_early_stopping

    found: dict[str, tuple[Fault, ...]] = {"faults": (), "here": (), "cluster": (), "warnings": ()}
    notes: tuple[str, ...] = ()
    settings = settings_of(endpoints, stopping_endpoints)
    suggestions, stopping = open_suggestions(settings.suggestion), open_early_stopping(settings.early_stopping)
    try:
        loaded = load_file(file)
        prepared = checked(loaded, suggestions, stopping=stopping)
        too_few = grid_faults(prepared, suggestions)
        found["cluster"], found["warnings"] = (*cluster_warnings(prepared), *too_few), tuple(likely_mistakes(prepared))
        notes = grid_notes(prepared, suggestions)
    except InvalidInput as error:
        found["faults"] = error.faults
    else:
        try:
            check_runnable(prepared)
        except InvalidInput as error:
            found["here"] = error.faults
    finally:
        suggestions.close()
        stopping.close()
    if output is Output.JSON:
        views = {kind: _views(faults) for kind, faults in found.items()}
        print_json({"valid": not found["faults"], **views, "notes": list(notes)})
    else:
        _tell(file, found, notes)
    if found["faults"]:
        raise typer.Exit(2)
    if strict and (found["cluster"] or found["here"]):
        raise typer.Exit(1)


TITLES = {
    "here": "valid, but it cannot run on this machine:",
    "warnings": "likely mistakes:",
    "cluster": "runs here, but a cluster would refuse:",
}


def _tell(file: Path, found: dict[str, tuple[Fault, ...]], notes: tuple[str, ...]) -> None:
    faults = found["faults"]
    if faults:
        say(f"{file}: {len(faults)} faults" if len(faults) > 1 else f"{file}: 1 fault")
        say("\n".join(f"  - {fault}" for fault in faults))
    else:
        say(f"{file}: valid")
    for note in notes:
        say(f"note: {note}")
    for kind, title in TITLES.items():
        if found[kind]:
            say(title)
            say("\n".join(f"  - {fault}" for fault in found[kind]))


def _views(faults: tuple[Fault, ...]) -> list[dict[str, object]]:
    return [
        {"path": fault.path, "line": fault.line, "given": fault.given, "wanted": fault.wanted, "hint": fault.hint}
        for fault in faults
    ]
