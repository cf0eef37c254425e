"""katib: a hyperparameter tuning engine.

Light on purpose: importing the package loads nothing but the standard library. What it offers is fetched on first use,
so a training script that only reports does not pay for an engine.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katib.checkpointing import checkpoint_dir
    from katib.embedded import tune
    from katib.reporting import report

__all__ = ["checkpoint_dir", "report", "tune"]

_HOMES = {"tune": "katib.embedded", "report": "katib.reporting", "checkpoint_dir": "katib.checkpointing"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'katib' has no attribute {name!r}; it has: {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
