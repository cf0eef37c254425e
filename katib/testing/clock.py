"""A clock that tests set."""

from dataclasses import dataclass

A_MONDAY = 1_767_600_000.0
"""2026-01-05 08:00 UTC: a time of realistic size, so that rounding of large floats is tested too."""


@dataclass
class Clock:
    """Calling it gives the time, in seconds since the epoch; it stands still until it is moved."""

    time: float = A_MONDAY

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> float:
        """Move by `seconds`, backward when negative, and return the new time."""
        self.time += seconds
        return self.time
