"""The journal: an append-only file that survives kill -9 of everything. It is not forced to the platter."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .lines import unpack


class Journal:
    """Appends lines, each group in one write. A line that was cut short is closed off by the next write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._owed = b""
        self._torn = False

    @property
    def owes(self) -> bool:
        """Whether something that has happened is not written yet."""
        return bool(self._owed)

    def replay(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Every line on record, oldest first, as an object and as it stands; a torn one is left out."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for line in file:
                self._torn = not line.endswith(b"\n")
                found, _ = unpack(line)
                if found:
                    yield found[0], line

    def write(self, lines: bytes) -> None:
        """Append. Raises OSError when not everything could be written."""
        owed = self._owed + lines
        data = b"\n" + owed if self._torn else owed
        written = os.write(self._file, data)
        if written < len(data):
            self._torn = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._owed, self._torn = b"", False

    def note(self, lines: bytes) -> None:
        """Append what has happened already: when there is no room for it now, it is written as soon as there is."""
        try:
            self.write(lines)
        except OSError:
            self._owed += lines

    def settle(self) -> None:
        """Try again to write what is owed."""
        if self._owed:
            self.note(b"")
