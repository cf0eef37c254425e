"""`katib delete NAME`."""

import sys
from typing import Annotated

import typer

from katib.cli.opened import studies_of
from katib.cli.options import Db, Name
from katib.cli.render import note


def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    db: Db = "",
) -> None:
    """Delete a study with its trials, observations and logs. It asks first when a person can answer.

    Example: katib delete quickstart --yes
    """
    from katib.embedded.leftovers import delete_study

    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        if not yes and sys.stdin.isatty():
            typer.confirm(
                f"Delete {name} with its {study.summary.created} trials and their logs?", abort=True, err=True
            )
        delete_study(studies, name)
    note(f"{name} is deleted")
