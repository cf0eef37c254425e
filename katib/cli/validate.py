"""`katib validate FILE`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from katib.cli.options import Output, OutputOption
from katib.cli.render import print_json, say
from katib.errors import Fault, InvalidInput

if TYPE_CHECKING:
    from katib.spec.experiment import Experiment


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An Experiment file, YAML or JSON.")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a cluster would refuse it.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check an Experiment file: every fault at once, and what runs here but a cluster would refuse.

    Example: katib validate examples/quickstart/experiment.yaml
    """
    from katib.spec.cluster import cluster_warnings, script_warnings
    from katib.spec.loading import load_file
    from katib.spec.prepare import prepare

    faults: tuple[Fault, ...] = ()
    cluster: tuple[Fault, ...] = ()
    scripts: tuple[Fault, ...] = ()
    try:
        loaded = load_file(file)
        prepared = prepare(loaded.document, lines=loaded.lines)
        cluster, scripts = tuple(cluster_warnings(prepared)), tuple(script_warnings(prepared))
        faults = _algorithm_faults(prepared.experiment)
    except InvalidInput as error:
        faults = error.faults
    if output is Output.JSON:
        print_json(
            {"valid": not faults, "faults": _views(faults), "cluster": _views(cluster), "warnings": _views(scripts)}
        )
    else:
        _tell(file, faults, cluster, scripts)
    if faults:
        raise typer.Exit(2)
    if strict and cluster:
        raise typer.Exit(1)


def _algorithm_faults(experiment: "Experiment") -> tuple[Fault, ...]:
    from katib.errors import AlgorithmUnknown
    from katib.spec.study import study_config
    from katib.suggestion import open_suggestions

    suggestions = open_suggestions()
    config = study_config(experiment, uid="")
    try:
        return tuple(suggestions.validate(config))
    except AlgorithmUnknown as error:
        path = "spec.algorithm.algorithmName"
        return (Fault(path=path, given=config.algorithm, wanted=error.message, hint=error.hint),)
    finally:
        suggestions.close()


def _tell(file: Path, faults: tuple[Fault, ...], cluster: tuple[Fault, ...], scripts: tuple[Fault, ...]) -> None:
    if faults:
        say(f"{file}: {len(faults)} faults" if len(faults) > 1 else f"{file}: 1 fault")
        say("\n".join(f"  - {fault}" for fault in faults))
    else:
        say(f"{file}: valid")
    if scripts:
        say("likely mistakes:")
        say("\n".join(f"  - {warning}" for warning in scripts))
    if cluster:
        say("runs here, but a cluster would refuse:")
        say("\n".join(f"  - {warning}" for warning in cluster))


def _views(faults: tuple[Fault, ...]) -> list[dict[str, object]]:
    return [
        {"path": fault.path, "line": fault.line, "given": fault.given, "wanted": fault.wanted, "hint": fault.hint}
        for fault in faults
    ]
