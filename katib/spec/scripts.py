"""Where a container's words hold a shell script."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_SCRIPT_OPTION = re.compile(r"-[A-Za-z]*c[A-Za-z]*")


def script_position(words: Sequence[str]) -> int | None:
    """Where the script of `sh -c SCRIPT` is; None when the words call no shell so."""
    if not words or PurePosixPath(words[0]).name not in SHELLS:
        return None
    option = next((index for index, word in enumerate(words) if index and _SCRIPT_OPTION.fullmatch(word)), None)
    if option is None:
        return None
    after = (index for index in range(option + 1, len(words)) if not words[index].startswith("-"))
    return next(after, None)
