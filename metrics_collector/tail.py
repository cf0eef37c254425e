"""Reads what has been appended to a file."""

import os
import stat
from pathlib import Path


class FileTail:
    """Reads a file from its beginning, then what is appended to it.

    * Not there (yet), not readable or no regular file: nothing is read, `problem` says why, and the next read tries
      again.
    * Shorter than what was read: it was truncated, and is read from its beginning again. One that was truncated and
      has grown beyond that point since cannot be told from one that was appended to.
    * Another file under the same name: the old one is read to its end first, then the new one from its beginning.

    Each new beginning adds one to `restarts`; a read never returns bytes from before and after it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.restarts = 0
        self._file = -1
        self._offset = 0

    def read(self, limit: int) -> bytes:
        """The next bytes, at most `limit`; empty when there are none now."""
        try:
            data = self._read(limit)
        except FileNotFoundError:
            self.problem = f"{self.path} does not exist"
        except OSError as error:
            self.problem = f"{self.path} could not be read: {error.strerror or error}"
        else:
            self.problem = ""
            return data
        return b""

    def size(self) -> int:
        """Bytes that are left to read now, as far as can be told."""
        return max(os.fstat(self._file).st_size - self._offset, 0) if self._file >= 0 else 0

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self, limit: int) -> bytes:
        if self._file < 0:
            self._open()
        data = os.pread(self._file, limit, self._offset)
        if not data and self._replaced():
            data = os.pread(self._file, limit, self._offset)
        self._offset += len(data)
        return data

    def _open(self) -> None:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        file = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(None, "it is not a regular file")
        self._file = file
        self._offset = 0

    def _replaced(self) -> bool:
        """Whether the file begins anew, at its end; it is open at its beginning then."""
        ours = os.fstat(self._file)
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return False  # moved away: its writer may still append to it
        if (named.st_ino, named.st_dev) != (ours.st_ino, ours.st_dev):
            before = self._file
            self._open()
            os.close(before)
        elif ours.st_size < self._offset:
            self._offset = 0
        else:
            return False
        self.restarts += 1
        return True
