"""T24: kill -9 the engine at random points, again and again, and check that nothing was lost, doubled or rerun.

    python tests/chaos/kill9.py --kills 500 --seed 1

Each round starts `katib run` on the same study, waits a random moment, and kills the controller; every third time its
supervisor too. Trials run on by themselves. After the last round the study is carried to its end.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from katib.testing.commands import Command, run_forked

SCRIPT = """
echo "$KATIB_TRIAL_NAME $KATIB_ATTEMPT" >> starts
echo "loss=$0"
sleep $(awk "BEGIN { print $0 * 0.4 }")
echo "$KATIB_TRIAL_NAME $KATIB_ATTEMPT" >> ends
"""


class NotAnswered(Exception):
    """A command that failed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="katib-chaos-") as folder:
        print(json.dumps(chaos(Path(folder), kills=options.kills, seed=options.seed)))


def chaos(folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    """Run the whole thing in `folder`; returns counts. Raises AssertionError when a law is broken."""
    chance = random.Random(seed)
    (folder / "study.yaml").write_text(yaml.safe_dump(experiment()))
    finished: dict[str, tuple[Any, ...]] = {}
    both = 0
    _begin(folder)
    for round_ in range(kills):
        process = _run(folder)
        time.sleep(chance.uniform(0.0, 1.0))
        process.kill()
        process.wait()
        if round_ % 3 == 2:
            both += _kill_supervisor(folder)
        _check_finished(folder, finished)
    created = _katib(folder, "show", "chaos")["counts"]["created"]
    # The lowest limit that keeps what exists: the rest of the work is to finish those, and not one more.
    code, _, err = _forked(folder, "resume", "chaos", "--max-trials", str(max(created, 1)))
    assert code == 0, err
    _check_finished(folder, finished)
    return {"kills": kills, "both": both, **_check_end(folder, created)}


def _begin(folder: Path) -> None:
    """Kill the first run as soon as its study is on record: on a slow machine later ones may never come that far."""
    process = _run(folder)
    while not _trials(folder):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.kill()
    process.wait()


def experiment() -> dict[str, Any]:
    words = ["/bin/sh", "-c", SCRIPT, "${trialParameters.x}"]
    container = {"name": "main", "image": "busybox", "command": words}
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "chaos"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "maxTrialCount": 100_000,
            "parallelTrialCount": 3,
            "parameters": [
                {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.9"}},
            ],
            "trialTemplate": {
                "primaryContainerName": "main",
                "trialParameters": [{"name": "x", "description": "", "reference": "x"}],
                "trialSpec": {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
                },
            },
        },
    }


def _run(folder: Path) -> Command:
    return Command(["run", "study.yaml"], folder=folder, env=os.environ)


def _forked(folder: Path, *words: str) -> tuple[int, str, str]:
    return run_forked(words, folder=folder, env=os.environ, patience=100)


def _katib(folder: Path, *words: str) -> Any:
    code, out, err = _forked(folder, *words, "--output", "json")
    if code:
        raise NotAnswered(err)
    return json.loads(out)


def _trials(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "katib.db").exists():
        return []
    with contextlib.suppress(NotAnswered):
        return list(_katib(folder, "trials", "chaos"))
    return []


def _kill_supervisor(folder: Path) -> int:
    """Kill -9 the study's supervisor, found by its command line; 1 when there was one."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if any(word.endswith(b"supervisor.py") or b"supervisor" in word for word in words) and any(
                str(folder).encode() in word for word in words
            ):
                os.kill(int(entry.name), signal.SIGKILL)
                return 1
    return 0


def _check_finished(folder: Path, finished: dict[str, tuple[Any, ...]]) -> None:
    """What was finished before is finished still, with the same outcome."""
    now = {
        trial["name"]: (trial["status"], trial["value"], trial["attempts"])
        for trial in _trials(folder)
        if trial["status"] not in ("Pending", "Running")
    }
    changed = {name: (was, now.get(name)) for name, was in finished.items() if now.get(name) != was}
    assert not changed, f"finished trials changed: {changed}"
    finished.update(now)


def _check_end(folder: Path, created: int) -> dict[str, int]:
    trials = _trials(folder)
    assert len(trials) == created, f"{len(trials)} trials, wanted exactly {created}"
    wrong = [trial for trial in trials if (trial["status"], trial["value"]) != ("Succeeded", trial["parameters"]["x"])]
    assert not wrong, f"trials without their value: {wrong}"
    starts = Counter((folder / "starts").read_text().splitlines()) if created else Counter()
    twice = [run for run, number in starts.items() if number > 1]
    assert not twice, f"runs started twice: {twice}"
    last = {f"{trial['name']} {trial['attempts']}" for trial in trials}
    ends = set((folder / "ends").read_text().splitlines()) if created else set()
    assert last <= ends, f"recorded as finished, but never ended: {last - ends}"
    return {"trials": created, "runs": sum(starts.values()), "rerun": sum(starts.values()) - created}


if __name__ == "__main__":
    main()
