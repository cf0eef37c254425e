"""`katib resume NAME`."""

from typing import Annotated

import typer

from katib.cli.options import (
    Db,
    Endpoints,
    MaxStale,
    MaxTime,
    Name,
    Output,
    OutputOption,
    StoppingEndpoints,
    settings_of,
    store_location,
)


def resume(
    name: Name,
    max_trials: Annotated[
        int | None,
        typer.Option("--max-trials", min=1, help="From now on, this many trials in all.", show_default=False),
    ] = None,
    parallel: Annotated[
        int | None, typer.Option("--parallel", min=1, help="From now on, this many at a time.", show_default=False)
    ] = None,
    max_failed: Annotated[
        int | None, typer.Option("--max-failed", min=0, help="From now on, this many may fail.", show_default=False)
    ] = None,
    max_time: MaxTime = None,
    max_stale: MaxStale = None,
    follow: Annotated[
        bool, typer.Option("--follow/--detach", help="Watch it run, or leave it running in the background.")
    ] = True,
    endpoints: Endpoints = None,
    stopping_endpoints: StoppingEndpoints = None,
    db: Db = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Go on with a study that was stopped, was cut off, or has ended and gets a larger budget.

    While another process runs the study, that one acts on the new budget.

    Example: katib resume quickstart --max-trials 50
    """
    import time

    from katib.cli.opened import studies_of
    from katib.cli.render import note
    from katib.cli.watching import detach, watch
    from katib.embedded.session import Session
    from katib.embedded.starting import Started
    from katib.service.owners import running_elsewhere

    with studies_of(db) as studies:
        study = studies.extend(
            name,
            max_trials=max_trials,
            parallel=parallel,
            max_failed=max_failed,
            max_seconds=max_time,
            max_stale=max_stale,
        )
    location, settings = store_location(db), settings_of(endpoints, stopping_endpoints)
    owner = running_elsewhere(study, now=time.time())
    if owner is not None:
        note(f"{name} is being run by {owner.described}, which acts on this within about a second")
        return
    if not follow:
        raise typer.Exit(detach(study, location, output, settings))
    with Session(location, settings) as session:
        code = watch(session, Started(study=study, created=False, notes=()), output=output)
    raise typer.Exit(code)
