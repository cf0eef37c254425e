"""`katib delete NAME`."""

import sys
from typing import Annotated

import typer

from katib.cli.opened import studies_of
from katib.cli.options import Db, Name
from katib.cli.render import note
from katib.errors import Fault, InvalidInput


def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    db: Db = "",
) -> None:
    """Delete a study with its trials, observations and logs. It asks first; where nobody can answer, give --yes.

    Example: katib delete quickstart --yes
    """
    from katib.embedded.leftovers import delete_study

    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        if not yes:
            _ask(name, study.summary.created)
        delete_study(studies, name)
    note(f"{name} is deleted")


def _ask(name: str, trials: int) -> None:
    if not sys.stdin.isatty():
        fault = Fault(path="--yes", wanted=f"say --yes to delete {name}: there is no terminal to ask on")
        raise InvalidInput([fault], what="the command line")
    number = "1 trial and its logs" if trials == 1 else f"{trials} trials and their logs"
    typer.confirm(f"Delete {name} with its {number}?", abort=True, err=True)
