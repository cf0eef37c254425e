"""A run: one attempt of a trial as its runner sees it."""

from dataclasses import dataclass
from enum import StrEnum

RunKey = tuple[str, int]
"""(trial name, attempt)."""


class Phase(StrEnum):
    """How a run stands.

    UNKNOWN: never launched here, as far as the runner knows.
    STARTING: accepted, not running yet.
    RUNNING.
    ENDED: it ran and ended by itself or was stopped; see code, signal, cause.
    REFUSED: it cannot be started; see message. Trying again changes nothing.
    LOST: it was running or about to, and vanished without anybody seeing how it ended.
    """

    UNKNOWN = "unknown"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    REFUSED = "refused"
    LOST = "lost"


class Cause(StrEnum):
    """Why a run ended when it was not by itself."""

    STOPPED = "stopped"
    DEADLINE = "deadline"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """What is known of a run.

    Attributes:
        code: the exit code when it exited, else None.
        signal: the signal's number when a signal ended it, else None.
        cause: STOPPED when `stop` was asked for before it ended, DEADLINE when its time limit ended it, else None.
        message: what to tell a person: the raw error of a REFUSED or LOST run; what a STARTING one waits for; for an
            ENDED one how its metrics were looked for, and which other names were seen.
        tail: the last lines of its log, for an ENDED, REFUSED or LOST run; shortened.
        trouble: what may have made an ENDED run fail, of the machine or by its object; empty when nothing is known.
        drained: no more points will come.
        started_at, ended_at: seconds since the epoch.
    """

    phase: Phase
    code: int | None = None
    signal: int | None = None
    cause: Cause | None = None
    message: str = ""
    tail: str = ""
    trouble: str = ""
    drained: bool = False
    started_at: float | None = None
    ended_at: float | None = None


NOT_LAUNCHED = RunReport(phase=Phase.UNKNOWN)
