"""Code that a trial of the engine runs: the same calls, answered by `katib.report`."""

import os
from collections.abc import Mapping
from typing import SupportsFloat

from katib.reporting import report

TRIAL_NAME = "KATIB_TRIAL_NAME"
"""The environment variable with the name of the trial that this process belongs to."""


class CurrentTrial:
    """The trial that the engine runs this process for. Its parameters are in its arguments, as its template says."""

    def __init__(self, name: str) -> None:
        self.name = name

    def report(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> None:
        """Report values. See `katib.report`."""
        report(metrics, step=step, **named)

    def complete(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> None:
        """Report the result; the trial ends when the process does."""
        if metrics or named:
            report(metrics, step=step, **named)

    def heartbeat(self, seconds: float | None = None) -> None:
        """Nothing to do: the engine sees that the process of its trial runs."""

    def should_stop(self) -> bool:
        """False: the engine itself ends the process of a trial that is to stop."""
        return False


def current_trial() -> CurrentTrial | None:
    """The trial that the engine runs this process for; None outside of trials."""
    name = os.environ.get(TRIAL_NAME)
    return CurrentTrial(name) if name else None
