"""Started in the place of a trial that continues another: copies the other's checkpoint, then becomes the trial.

    python continuing.py PARENT OWN PROGRAM WORD…

PARENT and OWN are checkpoint directories. The copy takes as long as it takes without holding up the engine, ends with
the trial when that is stopped, and has its name only when it is complete. Run by its path; standard library only.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

CANNOT_COPY = 74
"""The exit code when the checkpoint could not be copied: EX_IOERR of sysexits.h."""
CANNOT_START = 127
"""The exit code when the program could not be started, as a shell has it."""


def copy(parent: Path, own: Path) -> None:
    """Make `own` a copy of `parent`, whole or not at all; one that is there is an earlier attempt's, and stays.

    Raises OSError (shutil.Error is one) when it cannot be copied.
    """
    if own.exists():
        return
    part = own.with_name(f"{own.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    if parent.is_dir():
        shutil.copytree(parent, part, symlinks=True)
    else:
        sys.stderr.write(f"katib: the checkpoint {parent} is not there any more; this trial starts without one\n")
        part.mkdir(parents=True)
    part.rename(own)


def main(parent: str, own: str, *words: str) -> None:
    """Copy, and run the program. Does not return."""
    try:
        copy(Path(parent), Path(own))
    except OSError as error:
        sys.stderr.write(f"katib: the checkpoint {parent} cannot be copied to {own}: {error}\n")
        sys.exit(CANNOT_COPY)
    # Python ignores these two, and what is ignored stays so in the program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    sys.stderr.flush()
    try:
        os.execvp(words[0], words)  # noqa: S606 -- the trial's own words, for which no shell is wanted
    except OSError as error:
        sys.stderr.write(f"katib: {words[0]} cannot be started: {error.strerror}\n")
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main(*sys.argv[1:])
