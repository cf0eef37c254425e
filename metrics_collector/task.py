"""What a sidecar is told, and what it says at its end. Plain data: nothing is loaded for it."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from katib.core.observation import MetricPoint

LEFT = "katib.undelivered"
"""The key of a line of a sidecar's log with points that were not delivered; the last one says how metrics were looked
for."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a sidecar is to do; its command line has it as JSON.

    Attributes:
        address: HOST:PORT of the DB manager.
        collector: the Experiment's effective metricsCollectorSpec.
        folder: what it shares with the launcher.
        stays: whether it waits for SIGTERM at its end. A cluster starts a sidecar of its own again that ends before
            the others.
    """

    trial: str
    attempt: int
    metrics: tuple[str, ...]
    collector: dict[str, Any]
    address: str
    folder: str
    stays: bool

    @classmethod
    def read(cls, text: str) -> "Task":
        """The task that `write` wrote."""
        given = json.loads(text)
        return cls(**{**given, "metrics": tuple(given["metrics"])})

    def write(self) -> str:
        """As a word of a command line."""
        return json.dumps(asdict(self))


def left_in(log: bytes) -> tuple[list[MetricPoint], str]:
    """What a sidecar's log says was not delivered, and how metrics were looked for."""
    points: list[MetricPoint] = []
    looked = ""
    for line in log.splitlines():
        if not line.startswith(b'{"' + LEFT.encode()):
            continue
        try:
            found = json.loads(line)
            points += [MetricPoint(**point) for point in found[LEFT]]
            looked = "; ".join(filter(None, (found.get("looked"), found.get("problem")))) or looked
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return points, looked
