"""`katib stop NAME`."""

from katib.cli.opened import studies_of
from katib.cli.options import Db, Name, settings_of, store_location
from katib.cli.render import note


def stop(name: Name, db: Db = "") -> None:
    """Stop a study: the process that runs it ends its trials cleanly within about a second.

    Unfinished trials run again when it is resumed.

    Example: katib stop quickstart
    """
    import time

    from katib.embedded.session import Session
    from katib.service.owners import running_elsewhere

    with studies_of(db) as studies:
        before = studies.store.get_study(name)
        study = studies.stop(name)
    if before.condition.ended:
        note(f"{name} has ended already: {before.condition.message}")
        return
    if running_elsewhere(study, now=time.time()) is None:
        # Nobody is there to act on the wish, and trials may still run: do it here.
        with Session(store_location(db), settings_of()) as session:
            session.run(name)
        note(f"{name} is stopped; `katib resume {name}` goes on")
    else:
        note(f"{name} is stopping; `katib resume {name}` goes on")
