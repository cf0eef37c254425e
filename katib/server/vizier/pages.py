"""Lists in pages. Vizier's client asks for all at once, with a page size of 0."""

from collections.abc import Sequence
from typing import TypeVar

from katib.errors import Fault, InvalidInput

T = TypeVar("T")


def page(found: Sequence[T], size: int, token: str) -> tuple[Sequence[T], str]:
    """One page, and the token of the next one; empty after the last. Raises InvalidInput."""
    faults = []
    if size < 0:
        faults.append(Fault(path="page_size", given=str(size), wanted="0 for all, or the number of items"))
    if token and not (token.isascii() and token.isdigit() and len(token) <= 18):
        wanted = "nothing, or the next_page_token of an answer"
        faults.append(Fault(path="page_token", given=repr(token), wanted=wanted))
    if faults:
        raise InvalidInput(faults, what="the page")
    first = int(token or 0)
    after = first + size if size else len(found)
    return found[first:after], str(after) if after < len(found) else ""
