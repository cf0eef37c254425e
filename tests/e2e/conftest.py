"""The `katib` command as a user runs it: a real process, a real store, real trials, in a folder of its own.

The processes are forked from one that has imported what they need; `run_cold` starts one as a shell would.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from katib.testing.commands import Command, run_forked

PATIENCE = 60.0


@dataclass
class Cli:
    """Runs `katib` in a folder."""

    folder: Path

    def words(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "katib", *args]

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KATIB_")}
        return {**kept, "NO_COLOR": "1", "COLUMNS": "200"}

    def run(self, *args: str, code: int | None = 0, stdin: str = "") -> "Done":
        """Run a command to its end."""
        done = Done(*run_forked(args, folder=self.folder, env=self.env, patience=110, stdin=stdin))
        if code is not None:
            assert done.code == code, f"exit {done.code}\n{done.out}\n{done.err}"
        return done

    def run_cold(self, *args: str, stdin: str = "") -> "Done":
        """Run a command in an interpreter of its own, for what the start itself could break."""
        done = subprocess.run(
            self.words(*args),
            cwd=self.folder,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=110,
            errors="replace",
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *args: str) -> Command:
        """Start a command, and go on."""
        return Command(args, folder=self.folder, env=self.env)

    def json(self, *args: str, code: int | None = 0) -> Any:
        return json.loads(self.run(*args, "--output", "json", code=code).out)

    @contextmanager
    def announced(self, pattern: str, *args: str) -> Iterator[tuple[Command, str]]:
        """A server, and what the first line that it prints says by `pattern`: its address."""
        process = self.start(*args)
        try:
            line = process.first_line()
            found = re.search(pattern, line)
            assert found is not None, line or process.communicate(PATIENCE)
            yield process, found.group(1)
        finally:
            process.kill()
            process.wait()

    def show(self, name: str = "study") -> Any:
        return self.json("show", name)

    def trials(self, name: str = "study") -> list[dict[str, Any]]:
        return list(self.json("trials", name))

    def write(self, file: str = "experiment.yaml", /, **changes: Any) -> Path:
        path = self.folder / file
        path.write_text(yaml.safe_dump(experiment(**changes)))
        return path

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for something to become true; the deadline only ends a test that has failed."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"waited {PATIENCE} s in vain for {what}")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def experiment(
    *,
    name: str = "study",
    script: str = 'echo "loss=$0"',
    command: list[str] | None = None,
    parameters: list[dict[str, Any]] | None = None,
    objective: dict[str, Any] | None = None,
    algorithm: str | dict[str, Any] | None = "random",
    job: dict[str, Any] | None = None,
    pod: dict[str, Any] | None = None,
    container: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """An Experiment with one double parameter `x`, whose trials run a shell script with x as $0."""
    parameters = parameters or [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.9"}}]
    references = [f"${{trialParameters.{parameter['name']}}}" for parameter in parameters]
    named = {"algorithmName": algorithm} if isinstance(algorithm, str) else algorithm
    words = command or ["/bin/sh", "-c", script, *references]
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "objective": objective or {"type": "minimize", "objectiveMetricName": "loss"},
            **({"algorithm": named} if algorithm else {}),
            "maxTrialCount": 4,
            "parallelTrialCount": min(2, spec.get("maxTrialCount") or 2),
            **spec,
            "parameters": parameters,
            "trialTemplate": {
                "primaryContainerName": "main",
                "trialParameters": [
                    {"name": parameter["name"], "description": "", "reference": parameter["name"]}
                    for parameter in parameters
                ],
                "trialSpec": {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "spec": {
                        **(job or {}),
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                **(pod or {}),
                                "containers": [
                                    {"name": "main", "image": "busybox", "command": words, **(container or {})}
                                ],
                            }
                        },
                    },
                },
            },
        },
    }


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A folder with a finished study of four trials, for tests that look and change nothing."""
    cli = Cli(tmp_path_factory.mktemp("finished"))
    cli.run("run", str(cli.write()))
    return cli


Serving = Callable[..., AbstractContextManager[tuple[Command, str]]]


@pytest.fixture
def serving(cli: Cli) -> Serving:
    """Starts `katib suggestion serve` with some arguments: the process, and its address."""

    @contextmanager
    def started(*args: str) -> Iterator[tuple[Command, str]]:
        with cli.announced(r"on (\S+:\d+);", "suggestion", "serve", "--workers", "1", *args) as found:
            yield found

    return started
