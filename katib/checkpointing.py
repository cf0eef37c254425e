"""Where a trial's own code keeps what a later attempt, or a trial that continues it, goes on from.

Standard library only. The directory is in the environment: `KATIB_CHECKPOINT_DIR=/absolute/path`.
"""

import os
from pathlib import Path

CHECKPOINT_DIR = "KATIB_CHECKPOINT_DIR"
"""The environment variable that names the directory."""


def checkpoint_dir() -> Path | None:
    """The trial's checkpoint directory; None where there is none: outside of trials, or when the algorithm needs none.

    It exists. It is empty at a trial's first start, or holds a copy of what the trial that it continues left behind.
    """
    given = os.environ.get(CHECKPOINT_DIR)
    return Path(given) if given else None
