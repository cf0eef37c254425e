"""The examples, as their own first lines say to run them."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from katib.cli.main import app
from katib.errors import AlgorithmFailed

EXAMPLES = Path(__file__).parents[2] / "examples"
WITH_FILE = sorted(path.parent.name for path in EXAMPLES.glob("*/experiment.yaml"))


@pytest.fixture
def in_path(monkeypatch):
    """Trials are started as `python …`: the one that runs the tests."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("name", sorted({*WITH_FILE} - {"quickstart", "early-stopping"}))
def test_an_example_runs_to_its_best_trial(cli, in_path, name):
    folder = cli.folder / name
    shutil.copytree(EXAMPLES / name, folder)
    report = cli.run("run", str(folder / "experiment.yaml"), "--max-trials", "2", "--output", "json").json
    assert report["counts"]["succeeded"] == 2
    assert report["front"]


@pytest.mark.parametrize("name", WITH_FILE)
def test_an_example_is_fit_for_a_cluster(cli, name):
    answer = cli.json("validate", str(EXAMPLES / name / "experiment.yaml"))
    ours = [fault for fault in answer["cluster"] if fault["path"].endswith((".condition", ".objectives"))]
    notes = ["the grid has 8 points"] if name == "json-metrics" else []
    assert answer == {"valid": True, "faults": [], "here": [], "cluster": ours, "warnings": [], "notes": notes}
    assert bool(ours) == (name in {"conditional", "several-objectives"}), "only the example of an extension has one"


def test_the_quickstart_prints_a_metric_per_epoch(cli, in_path):
    report = cli.json("run", str(EXAMPLES / "quickstart" / "experiment.yaml"), "--max-trials", "2")
    assert report["counts"]["succeeded"] == 2
    assert report["best"]
    rows = json.loads(cli.run("export", "quickstart", "--format", "json").out)["observations"]
    assert len([row for row in rows if row["metric"] == "accuracy"]) > 1


def test_the_early_stopping_example_stops_something(cli, in_path):
    """Four at a time: its epochs take their time."""
    report = cli.json("run", str(EXAMPLES / "early-stopping" / "experiment.yaml"), "--parallel", "4")
    counts = report["counts"]
    assert counts["succeeded"] >= 3
    assert counts["stopped_early"] >= 1
    assert counts["succeeded"] + counts["stopped_early"] == counts["created"] == 12
    assert report["best"]


def test_the_function_example(cli, in_path):
    script = EXAMPLES / "tune-function" / "tune.py"
    done = subprocess.run([sys.executable, str(script)], cwd=cli.folder, env=cli.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "param_lr" in done.stdout
    assert cli.json("list")[0]["counts"]["succeeded"] == 20


TUNE = ("--param", "x=float:0:1", "--param", "n=int:1:8", "--minimize", "loss", "--max-trials", "6", "--name", "own")
COMMAND = ("--output", "json", "--", "echo", "loss={x}{n}")


def test_an_algorithm_of_ones_own_as_a_package(cli, monkeypatch):
    installed = cli.folder / "installed"
    (installed / "corners-1.0.dist-info").mkdir(parents=True)
    shutil.copy(EXAMPLES / "custom-algorithm" / "corners.py", installed)
    project = tomllib.loads((EXAMPLES / "custom-algorithm" / "pyproject.toml").read_text())["project"]
    ((group, entries),) = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (installed / "corners-1.0.dist-info" / "entry_points.txt").write_text("\n".join(lines))
    (installed / "corners-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: corners\nVersion: 1.0\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(installed))
    report = cli.run_cold("run", *TUNE, "--algorithm", "corners", *COMMAND).json
    assert report["counts"]["succeeded"] == 6
    tried = [(trial["parameters"]["x"], trial["parameters"]["n"]) for trial in cli.trials("own")]
    assert sorted(tried[:4]) == [(0.0, 1), (0.0, 8), (1.0, 1), (1.0, 8)]
    assert len((EXAMPLES / "custom-algorithm" / "corners.py").read_text().splitlines()) <= 30


def test_an_algorithm_of_ones_own_as_a_service(cli, monkeypatch):
    words = [sys.executable, str(EXAMPLES / "custom-algorithm" / "server.py"), "0"]
    with subprocess.Popen(words, cwd=cli.folder, env=cli.env, stdout=subprocess.PIPE, text=True) as server:
        try:
            endpoint = server.stdout.readline().split()[-1]
            at = ("--algorithm", "my-corners", "--algorithm-endpoint", f"my-corners={endpoint}")
            # Whoever resumes it, it goes on with its server.
            cli.run("run", *TUNE, *at, "--max-trials", "2", *COMMAND)
            report = cli.run("resume", "own", "--max-trials", "6", "--output", "json").json
            refused = cli.run(
                "run", *TUNE, *at, "--set", "spec.algorithm.algorithmSettings=[{name: a, value: b}]", *COMMAND, code=2
            )
        finally:
            server.kill()
    assert report["reason"] == "ExperimentSuggestionEndReached"
    assert f"{endpoint} has nothing more to suggest" in report["message"]
    tried = [(trial["parameters"]["x"], trial["parameters"]["n"]) for trial in cli.trials("own")]
    assert sorted(tried) == [(0.0, 1), (0.0, 8), (1.0, 1), (1.0, 8)]
    assert "corners takes no settings" in refused.err
    # Gone, it is missed with words: in this process, where nobody waits for its return.
    monkeypatch.chdir(cli.folder)
    monkeypatch.setattr("katib.suggestion.calls.PAUSE", 60.0)
    failed = CliRunner().invoke(app, ["run", *TUNE[:-1], "other", *at, *COMMAND])
    assert isinstance(failed.exception, AlgorithmFailed)
    assert f"{endpoint} cannot be reached" in str(failed.exception)
