"""Reads what trials printed, from any process, also while they print."""

import codecs
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from katib.runners.local.supervisor import layout

CHUNK = 1 << 16
_utf8 = codecs.getincrementaldecoder("utf-8")
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""What colours text, moves the cursor or sets a title (ECMA-48: control sequences and operating system commands)."""

_ATTEMPT = re.compile(r"attempt-(\d+)\.log")


def attempts(run_dir: Path, trial: str) -> list[int]:
    """The attempts that have a log, in order; empty when there is none."""
    folder = run_dir / trial
    found = (_ATTEMPT.fullmatch(entry.name) for entry in folder.iterdir()) if folder.is_dir() else ()
    return sorted(int(match[1]) for match in found if match)


def read_log(run_dir: Path, trial: str, attempt: int | None = None, tail: int | None = None) -> str | None:
    """What an attempt printed, stdout and stderr together; None when there is no such log.

    Args:
        attempt: which one; None for the latest.
        tail: only that many lines from its end; None for all.
    """
    known = attempts(run_dir, trial)
    path = layout.log(run_dir, trial, attempt or max(known, default=1))
    try:
        return (path.read_bytes() if tail is None else _last(path, tail)).decode(errors="replace")
    except FileNotFoundError:
        return None


def follow_log(
    run_dir: Path, trial: str, attempt: int | None = None, *, over: Callable[[], bool], pause: float = 0.2
) -> Iterator[str]:
    """What an attempt printed and goes on to print, in pieces as they come.

    Waits for a log that does not exist yet. Without `attempt` it begins with the latest, and goes on with each that
    follows.

    Args:
        over: whether nothing more will be printed. Asked before each last look, so that nothing is missed.
        pause: seconds between looks.
    """
    current = attempt or max(attempts(run_dir, trial), default=1)
    offset = 0
    # A character may be written in two halves.
    decoder = _utf8(errors="replace")
    while True:
        ended = over()
        newer = attempt is None and layout.log(run_dir, trial, current + 1).exists()
        for piece in _pieces(layout.log(run_dir, trial, current), offset):
            offset += len(piece)
            yield decoder.decode(piece)
        if newer:
            current, offset = current + 1, 0
            decoder.reset()
        elif ended:
            return
        else:
            time.sleep(pause)


def last_lines(path: Path, *, lines: int, limit: int) -> str:
    """The last lines of a file, at most `limit` bytes, with what cannot be printed replaced; empty without a file."""
    try:
        data = _end_of(path, limit)
    except OSError:
        return ""
    return plain(b"\n".join(data.splitlines()[-lines:]).decode(errors="replace"))


def plain(text: str) -> str:
    """`text` without what would act on a terminal, and with what else cannot be printed replaced."""
    text = _TERMINAL.sub("", text)
    return text if text.isascii() and text.replace("\n", "").isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    return character if character.isprintable() or character in "\n\t" else "\ufffd"


def _end_of(path: Path, limit: int) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(file).st_size
        return os.pread(file, limit, max(size - limit, 0)) if size else b""
    finally:
        os.close(file)


def _last(path: Path, lines: int) -> bytes:
    """The last `lines` lines, read from the end so that a log of any size costs what is shown."""
    limit = CHUNK
    while True:
        data = _end_of(path, limit)
        if len(data) < limit or data.count(b"\n") > lines:
            return b"".join(data.splitlines(keepends=True)[-lines:]) if lines > 0 else b""
        limit *= 4


def _pieces(path: Path, offset: int) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        while piece := file.read(CHUNK):
            yield piece
