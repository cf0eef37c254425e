"""The examples, as their own first lines say to run them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
WITH_FILE = sorted(path.parent.name for path in EXAMPLES.glob("*/experiment.yaml"))


@pytest.fixture
def in_path(monkeypatch):
    """Trials are started as `python …`: the one that runs the tests."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("name", WITH_FILE)
def test_an_example_runs_to_its_best_trial(cli, in_path, name):
    folder = cli.folder / name
    shutil.copytree(EXAMPLES / name, folder)
    report = cli.run("run", str(folder / "experiment.yaml"), "--max-trials", "3", "--output", "json").json
    assert report["counts"]["succeeded"] == 3
    assert report["best"]["value"] is not None


@pytest.mark.parametrize("name", WITH_FILE)
def test_an_example_is_fit_for_a_cluster(cli, name):
    answer = cli.json("validate", str(EXAMPLES / name / "experiment.yaml"))
    assert answer == {"valid": True, "faults": [], "here": [], "cluster": [], "warnings": []}


def test_the_quickstart_prints_a_metric_per_epoch(cli, in_path):
    cli.run("run", str(EXAMPLES / "quickstart" / "experiment.yaml"), "--max-trials", "1")
    rows = json.loads(cli.run("export", "quickstart", "--format", "json").out)["observations"]
    assert len([row for row in rows if row["metric"] == "accuracy"]) > 1


def test_the_early_stopping_example_stops_something(cli, in_path):
    report = cli.run("run", str(EXAMPLES / "early-stopping" / "experiment.yaml"), "--output", "json").json
    counts = report["counts"]
    assert counts["succeeded"] >= 3
    assert counts["stopped_early"] >= 1
    assert counts["succeeded"] + counts["stopped_early"] == counts["created"] == 12


def test_the_function_example(cli, in_path):
    script = EXAMPLES / "tune-function" / "tune.py"
    done = subprocess.run([sys.executable, str(script)], cwd=cli.folder, env=cli.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "param_lr" in done.stdout
    assert cli.json("list")[0]["counts"]["succeeded"] == 20
