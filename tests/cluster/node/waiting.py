"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable


def until(what: str, holds: Callable[[], object], seconds: float = 120) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not ready after {seconds:.0f} s")
        time.sleep(0.1)
