"""Bytes into lines, a chunk at a time, in bounded memory."""

LINE_LIMIT = 1 << 20
"""Bytes of a line that are kept; the rest of a longer one is dropped."""


class LineSplitter:
    r"""Splits at `\n` and at `\r` (progress bars), whatever the chunks; empty lines are left out.

    Bytes that are not UTF-8 become replacement characters. Of a line longer than 1 MiB the first part is given, up to
    its last space so that no number is cut in two, once the line ends.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        if not data:
            return []
        pieces = data.splitlines()
        unfinished = pieces.pop() if data[-1:] not in b"\r\n" else b""
        lines = []
        for piece in pieces:
            self._append(piece)
            lines.append(self._take())
        self._append(unfinished)
        return [line for line in lines if line]

    def flush(self) -> list[str]:
        """The unfinished line: no more bytes will come."""
        line = self._take()
        return [line] if line else []

    def _append(self, piece: bytes) -> None:
        room = LINE_LIMIT - len(self._head)
        self._cut = self._cut or len(piece) > room
        self._head += piece[:room]

    def _take(self) -> str:
        whole = bytes(self._head)
        line = whole.rsplit(None, 1)[0] if self._cut and not whole.isspace() else whole
        self._head.clear()
        self._cut = False
        return line.decode(errors="replace")
