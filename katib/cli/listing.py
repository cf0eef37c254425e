"""`katib list`."""

from typing import Any

from katib.cli.opened import studies_of
from katib.cli.options import Db, Output, OutputOption, named
from katib.cli.render import note, print_json, say, table
from katib.errors import NotFound


def list_studies(db: Db = "", output: OutputOption = Output.TEXT) -> None:
    """List all studies in the store, oldest first.

    Example: katib list --output json
    """
    import time

    from katib.service.views import front_trials, study_view

    views = []
    try:
        with studies_of(db) as studies:
            views = [
                study_view(study, front_trials(studies.store, study), now=time.time())
                for study in studies.store.list_studies()
            ]
    except NotFound as error:
        # No store is no study, and it is no error to have none yet. One that was named is another matter.
        if named(db):
            raise
        note(f"katib: {error}")
    if output is Output.JSON:
        print_json(views)
        return
    rows = [
        {
            **view,
            "trials": view["counts"]["created"],
            "best": view["best"]["value"] if view["best"] else _front(view),
            "metric": ",".join(each["metric"] for each in view["objectives"]),
        }
        for view in views
    ]
    say("\n".join(table(rows, ["name", "status", "reason", "trials", "metric", "best", "created"])))


def _front(view: dict[str, Any]) -> str | None:
    return f"front of {len(view['front'])}" if view["front"] else None
