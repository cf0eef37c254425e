"""Lists in pages. Vizier's client asks for all at once, with a page size of 0."""

from collections.abc import Sequence
from typing import TypeVar

from katib.errors import Fault, InvalidInput

T = TypeVar("T")


def page_size(size: int) -> int | None:
    """How many are asked for; None for all. Raises InvalidInput."""
    if size < 0:
        fault = Fault(path="page_size", given=str(size), wanted="0 for all, or the number of items")
        raise InvalidInput([fault], what="the page")
    return size or None


def page(found: Sequence[T], size: int, token: str) -> tuple[Sequence[T], str]:
    """One page, and the token of the next one; empty after the last. Raises InvalidInput."""
    most = page_size(size) or len(found)
    if token and not (token.isascii() and token.isdigit() and len(token) <= 18):
        wanted = "nothing, or the next_page_token of an answer"
        raise InvalidInput([Fault(path="page_token", given=repr(token), wanted=wanted)], what="the page")
    first = int(token or 0)
    after = first + most
    return found[first:after], str(after) if after < len(found) else ""
