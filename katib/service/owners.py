"""Who owns a study: a process on a machine, told apart from a later process that got the same number."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from katib.core.study import Study


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process, as written into a lease: host, process number, and the kernel's start time of that process."""

    host: str
    pid: int
    started: str

    @classmethod
    def me(cls) -> "Owner":
        """This process."""
        return cls(host=socket.gethostname(), pid=os.getpid(), started=_start_time(os.getpid()))

    @classmethod
    def parse(cls, text: str) -> "Owner | None":
        """The owner that a lease names; None when it is of another kind."""
        host, _, rest = text.rpartition("/pid-")
        pid, _, started = rest.partition("-")
        return cls(host=host, pid=int(pid), started=started) if host and pid.isdigit() else None

    def __str__(self) -> str:
        return f"{self.host}/pid-{self.pid}-{self.started}"

    @property
    def described(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_alive(self) -> bool:
        """Whether it certainly lives: it is on this machine, and runs."""
        return self.host == socket.gethostname() and not self.is_dead()

    def is_dead(self) -> bool:
        """Whether it certainly is gone: it was on this machine, and no such process exists any more."""
        return self.host == socket.gethostname() and _start_time(self.pid) != self.started


def _start_time(pid: int) -> str:
    """Clock ticks since boot at which the process started; empty when there is none (or no /proc)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The command's name, in parentheses, may hold spaces and parentheses; what follows the last one is numbers.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def running_elsewhere(study: Study, *, now: float) -> Owner | None:
    """The live owner of a study; None when nobody runs it."""
    owner = Owner.parse(study.owner)
    return owner if owner is not None and study.lease_until > now and not owner.is_dead() else None
