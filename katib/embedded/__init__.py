"""The engine in this process: `tune` for a Python function, `Session` for anything else."""

from katib.embedded.session import Session
from katib.embedded.tuning import tune

__all__ = ["Session", "tune"]
