"""Commands in what people are told work as they stand: those about a store name the one that was asked for."""

import re
import shlex

_ABOUT_A_STORE = re.compile(r"`(katib (?:run|resume|list|show|trials|logs|explain|stop|delete|export)\b[^`]*)`")
_asked = [""]
"""What --db said in this process: it runs one command."""


def remember(db: str) -> str:
    """Called with the value of --db; gives it back."""
    _asked[0] = db
    return db


def complete(text: str) -> str:
    """`text` with --db added to each command in it, where this command was given one."""
    if not _asked[0]:
        return text
    option = f" --db {shlex.quote(_asked[0])}"
    return _ABOUT_A_STORE.sub(lambda found: f"`{found[1]}{option}`", text)
