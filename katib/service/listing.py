"""Lists of studies in pages, and where a page ends."""

import math
from dataclasses import replace

from katib.core.study import Study
from katib.errors import Fault, InvalidInput
from katib.stores.contract import Store, StudyFilter


def page_of(store: Store, which: StudyFilter, size: int | None) -> tuple[list[Study], str]:
    """The first `size` studies, or all, and the place where the next page begins; empty after the last."""
    if size is None:
        return store.list_studies(which), ""
    found = store.list_studies(replace(which, limit=size + 1))
    last = found[size - 1] if len(found) > size else None
    return found[:size], f"{last.created_at!r}~{last.uid}" if last is not None else ""


def place_of(text: str, *, path: str) -> tuple[float, str] | None:
    """The place that `page_of` gave; None for the beginning. Raises InvalidInput."""
    if not text:
        return None
    created, _, uid = text.partition("~")
    try:
        at = float(created)
    except ValueError:
        at = math.nan
    if not math.isfinite(at):
        fault = Fault(path=path, given=text, wanted="nothing, or what the page before told as the next one")
        raise InvalidInput([fault], what="the page")
    return at, uid
