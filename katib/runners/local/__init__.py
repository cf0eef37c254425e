"""Runs trials as processes of this machine.

`runner` is the engine's side. `supervisor` is a program of its own: it starts the trials, outlives the engine, and
keeps the journal that says what became of each.
"""

from katib.runners.local.logs import follow_log, plain, read_log
from katib.runners.local.runner import LocalRunner
from katib.runners.local.settings import LocalSettings

__all__ = ["LocalRunner", "LocalSettings", "follow_log", "plain", "read_log"]
