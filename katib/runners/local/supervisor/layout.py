"""Where a study's files are. A run directory holds a folder per trial, and the supervisor's own."""

import re
from pathlib import Path

REPORTS_VARIABLE = "KATIB_REPORT_TO"
"""Where a trial reports to. As it names the run directory, the trial and the attempt, it is also what tells a run's
processes from all others."""


def home(run_dir: Path) -> Path:
    """The supervisor's folder."""
    return run_dir / ".supervisor"


def lock(run_dir: Path) -> Path:
    """Locked by the supervisor while it lives."""
    return home(run_dir) / "lock"


def journal(run_dir: Path) -> Path:
    """What became of each run, one line per event."""
    return home(run_dir) / "journal.jsonl"


def address(run_dir: Path) -> Path:
    """Holds the path of the socket that the supervisor listens on."""
    return home(run_dir) / "address"


def errors(run_dir: Path) -> Path:
    """What the supervisor itself prints; empty unless it has a fault."""
    return home(run_dir) / "supervisor.log"


def log(run_dir: Path, trial: str, attempt: int) -> Path:
    """What an attempt printed, both streams."""
    return run_dir.joinpath(trial, f"attempt-{attempt}.log")


def metrics(run_dir: Path, trial: str, attempt: int) -> Path:
    """The folder that stands for the one in which an attempt is to write its metrics."""
    return run_dir.joinpath(trial, f"attempt-{attempt}.metrics")


def checkpoint(run_dir: Path, trial: str) -> Path:
    """The checkpoint directory of a trial, for all of its attempts."""
    return run_dir / trial / "checkpoint"


def reports(run_dir: Path, trial: str, attempt: int) -> Path:
    """What an attempt pushed."""
    return run_dir.joinpath(trial, f"attempt-{attempt}.reports.jsonl")


def reports_address(run_dir: Path, trial: str, attempt: int) -> str:
    """The value of `KATIB_REPORT_TO` for an attempt."""
    return f"file:{reports(run_dir, trial, attempt)}"


def marker(run_dir: Path) -> re.Pattern[bytes]:
    """Finds (trial, attempt) in the environment of a process that belongs to a run of this directory."""
    start = re.escape(f"{REPORTS_VARIABLE}=file:{run_dir}/".encode(errors="surrogateescape"))
    return re.compile(rb"(?:^|\0)" + start + rb"([^/\0]+)/attempt-(\d+)\.reports\.jsonl(?:\0|$)")
