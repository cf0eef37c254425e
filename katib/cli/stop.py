"""`katib stop NAME`."""

from katib.cli.opened import studies_of
from katib.cli.options import Db, Name
from katib.cli.render import note


def stop(name: Name, db: Db = "") -> None:
    """Stop a study: the process that runs it ends its trials cleanly within about a second.

    Unfinished trials run again when it is resumed.

    Example: katib stop quickstart
    """
    with studies_of(db) as studies:
        study = studies.stop(name)
    if study.condition.ended:
        note(f"{name} has ended already: {study.condition.message}")
    else:
        note(f"{name} is stopping; `katib resume {name}` goes on")
