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
    sort: Annotated[
        str, typer.Option("--sort", help="Order by: ordinal; or value, or an objective's metric, with the best first.")
    ] = "ordinal",
    db: Db = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """List a study's trials with their parameters, values and reasons.

    Example: katib trials quickstart --status Failed --output json
    """
    from katib.service.trials import list_trials
    from katib.service.views import trial_view

    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        views = [
            trial_view(study, trial) for trial in list_trials(studies.store, study, states=status or [], sort=sort)
        ]
    if output is Output.JSON:
        print_json(views)
        return
    named = [f"value:{objective.metric}" for objective in study.objectives] if study.further_objectives else ["value"]
    rows = [
        {
            **view,
            **{f"value:{metric}": value for metric, value in view["values"].items()},
            "parameters": parameters_text(view["parameters"]),
        }
        for view in views
    ]
    say("\n".join(table(rows, ["ordinal", "name", "status", "reason", *named, "attempts", "parameters"])))
