"""`katib resume NAME`."""

from typing import Annotated

import typer

from katib.cli.options import (
    NUMBER,
    Db,
    Endpoints,
    MaxStale,
    MaxTime,
    Name,
    Output,
    OutputOption,
    StoppingEndpoints,
    at_least,
    settings_of,
    store_location,
)


def resume(
    name: Name,
    max_trials: Annotated[
        int | None,
        typer.Option(
            "--max-trials",
            parser=at_least(1),
            metavar=NUMBER,
            help="From now on, this many trials in all.",
            show_default=False,
        ),
    ] = None,
    parallel: Annotated[
        int | None,
        typer.Option(
            "--parallel",
            parser=at_least(1),
            metavar=NUMBER,
            help="From now on, this many at a time.",
            show_default=False,
        ),
    ] = None,
    max_failed: Annotated[
        int | None,
        typer.Option(
            "--max-failed",
            parser=at_least(0),
            metavar=NUMBER,
            help="From now on, this many may fail.",
            show_default=False,
        ),
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

    While another process runs the study, that one acts on the new budget, and this one shows what becomes of it; Ctrl-C
    then leaves it running.

    Example: katib resume quickstart --max-trials 50
    """
    import time

    from katib.cli.following import follow as follow_other
    from katib.cli.following import is_over
    from katib.cli.opened import studies_of
    from katib.cli.render import note, print_json
    from katib.cli.watching import INTERRUPTED, detach, finish, watch
    from katib.core.study import run_by_clients
    from katib.embedded.session import Session
    from katib.embedded.starting import Started
    from katib.service.endpoints import check_reached, with_endpoints_of
    from katib.service.owners import running_elsewhere
    from katib.service.reports import study_report

    location, settings = store_location(db), settings_of(endpoints, stopping_endpoints)
    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        if not run_by_clients(study) and running_elsewhere(study, now=time.time()) is None:
            settings = with_endpoints_of(study, settings)
            check_reached(study, settings)
        study = studies.extend(
            name,
            max_trials=max_trials,
            parallel=parallel,
            max_failed=max_failed,
            max_seconds=max_time,
            max_stale=max_stale,
        )
        if run_by_clients(study):
            note(f"{name} is run by its clients, which get trials of it")
            if output is Output.JSON:
                print_json(study_report(studies.store, study, now=time.time()))
            return
        owner = running_elsewhere(study, now=time.time())
        if owner is not None:
            note(f"{name} is being run by {owner.described}, which acts on this within about a second")
            if not follow:
                return
            try:
                study = follow_other(studies.store, study)
            except KeyboardInterrupt:
                note(f"{name} goes on without this terminal; `katib stop {name}` stops it")
                raise typer.Exit(INTERRUPTED) from None
            if is_over(study):
                raise typer.Exit(finish(studies.store, study, output))
            note(f"{owner.described} has left: it goes on here")
    if not follow:
        raise typer.Exit(detach(study, location, output, settings))
    with Session(location, settings) as session:
        code = watch(session, Started(study=study, created=False, notes=()), output=output)
    raise typer.Exit(code)
