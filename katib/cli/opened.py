"""Opens the store for commands that only read or wish."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from katib.cli.options import store_location
from katib.errors import NotFound

if TYPE_CHECKING:
    from katib.core.study import Study
    from katib.core.trial import Trial
    from katib.service.studies import Studies


@contextmanager
def studies_of(db: str) -> Iterator["Studies"]:
    """The studies in a store, closed at the end. A store file that does not exist is not made: there are no studies."""
    import time

    from katib.service.studies import Studies
    from katib.stores.opening import open_store

    location = store_location(db)
    if "://" not in location and not Path(location).exists():
        raise NotFound(
            f"there is no store at {location}",
            hint="`katib run FILE` makes one; --db or KATIB_DB name another place",
        )
    store = open_store(location)
    try:
        yield Studies(store, now=time.time)
    finally:
        store.close()


def study_and_trial(studies: "Studies", shown: str) -> tuple["Study", str]:
    """The study of NAME or NAME/TRIAL, and what stands for the trial; a study's name may have a / in it, too.

    Raises NotFound.
    """
    name, _, wanted = shown.rpartition("/")
    try:
        return studies.store.get_study(shown), ""
    except NotFound:
        if not name:
            raise
        return studies.store.get_study(name), wanted


def find_trial(studies: "Studies", study: "Study", wanted: str) -> "Trial":
    """A trial by its name, its ordinal, or the last part of its name. Raises NotFound."""
    from katib.stores.contract import TrialFilter

    if wanted.isdigit():
        found = studies.store.trials(study.uid, TrialFilter(ordinals=frozenset({int(wanted)})))
    else:
        names = {wanted, f"{study.name}-{wanted}"}
        found = [trial for trial in studies.store.trials(study.uid) if trial.name in names]
    if not found:
        number = study.summary.created
        raise NotFound(
            f"study {study.name!r} has no trial {wanted!r}; it has {number}",
            hint=f"`katib trials {study.name}` lists them; a number counts from 1",
        )
    return found[0]
