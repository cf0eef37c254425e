"""What is kept of a run in the study's folder, so that it is known when its Job is gone."""

import json
from dataclasses import asdict
from pathlib import Path

from katib.core.run import Cause, Phase, RunKey, RunReport


def record_path(run_dir: Path, key: RunKey) -> Path:
    """Where the record of a run is: beside its log."""
    return run_dir.joinpath(key[0], f"attempt-{key[1]}.run.json")


def write_record(run_dir: Path, key: RunKey, report: RunReport | None) -> None:
    """Note that a run's Job was created, or how the run ended. Raises OSError."""
    path = record_path(run_dir, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(None if report is None else asdict(report)))
    fresh.replace(path)


def read_record(run_dir: Path, key: RunKey) -> tuple[bool, RunReport | None]:
    """Whether the run's Job was ever created, and how the run ended if it did."""
    try:
        found = json.loads(record_path(run_dir, key).read_text())
    except FileNotFoundError:
        return False, None
    if found is None:
        return True, None
    cause = found["cause"]
    return True, RunReport(**{**found, "phase": Phase(found["phase"]), "cause": Cause(cause) if cause else None})
