"""`katib trials NAME`."""

from typing import Annotated

import typer

from katib.cli.opened import studies_of
from katib.cli.options import Db, Name, Output, OutputOption
from katib.cli.render import parameters_text, print_json, say, table


def trials(
    name: Name,
    status: Annotated[
        list[str] | None, typer.Option("--status", help="Only trials in this status, for example Failed. Repeatable.")
    ] = None,
    sort: Annotated[str, typer.Option("--sort", help="Order by: ordinal, or value with the best first.")] = "ordinal",
    db: Db = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """List a study's trials with their parameters, values and reasons.

    Example: katib trials quickstart --status Failed --output json
    """
    from katib.service.trials import SORTS, list_trials
    from katib.service.views import trial_view

    if sort not in SORTS:
        raise typer.BadParameter(f"{sort!r} is not one of {', '.join(SORTS)}", param_hint="--sort")
    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        views = [
            trial_view(study, trial) for trial in list_trials(studies.store, study, states=status or [], sort=sort)
        ]
    if output is Output.JSON:
        print_json(views)
        return
    rows = [{**view, "parameters": parameters_text(view["parameters"])} for view in views]
    say("\n".join(table(rows, ["ordinal", "name", "status", "reason", "value", "attempts", "parameters"])))
