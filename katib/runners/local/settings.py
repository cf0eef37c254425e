"""The local runner's settings, with their units and the reason for each default."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """How trials are watched on this machine.

    Attributes:
        poll: seconds between looks at what running trials reported. Only files are looked at, and only their sizes
            while nothing is new; a fifth of a second feels immediate.
        patience: seconds that the supervisor may take to start or to answer. It takes a few hundredths; the rest is
            for a machine under heavy load.
        linger: seconds that the supervisor stays when nothing runs and nobody is connected, so that a controller that
            is started again at once finds it.
        housekeeping: seconds between the supervisor's looks whether its socket is still there; systems clean their
            temporary folders, after days at the earliest.
        tail_lines, tail_bytes: how much of a log is shown with a run that is over: enough for a traceback's end.
    """

    poll: float = 0.2
    patience: float = 20.0
    linger: float = 1.0
    housekeeping: float = 60.0
    tail_lines: int = 20
    tail_bytes: int = 4096
