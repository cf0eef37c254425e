"""`katib list`."""

from katib.cli.opened import studies_of
from katib.cli.options import Db, Output, OutputOption
from katib.cli.render import note, print_json, say, table
from katib.errors import NotFound


def list_studies(db: Db = "", output: OutputOption = Output.TEXT) -> None:
    """List all studies in the store, oldest first.

    Example: katib list --output json
    """
    import time

    from katib.service.views import best_trial, study_view

    views = []
    try:
        with studies_of(db) as studies:
            views = [
                study_view(study, best_trial(studies.store, study), now=time.time())
                for study in studies.store.list_studies()
            ]
    except NotFound as error:
        # No store is no study; it is not an error to have none yet.
        note(f"katib: {error}")
    if output is Output.JSON:
        print_json(views)
        return
    rows = [
        {
            **view,
            "trials": view["counts"]["created"],
            "best": view["best"] and view["best"]["value"],
            "metric": view["objective"]["metric"],
        }
        for view in views
    ]
    say("\n".join(table(rows, ["name", "status", "reason", "trials", "metric", "best", "created"])))
