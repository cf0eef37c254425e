"""Advisor's own client, from its source distribution, against our server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from katib.server.http.app import create_app
from katib.service.desk import Desk
from katib.stores.memory import MemoryStore
from katib.suggestion import open_suggestions
from katib.testing.http import serving

SCRIPT = Path(__file__).parent / "foreign" / "advisor_user.py"


def pip(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    return subprocess.run(
        command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, timeout=100
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH with advisor_client on it. No pip installs it (its setup.py calls setup twice), so it is unpacked."""
    folder = tmp_path_factory.mktemp("advisor")
    pip(
        *("download", "advisor==0.1.6", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--no-clean"),
        *("--dest", str(folder)),
        folder=folder,
    )
    found = next(iter(folder.glob("pip-download-*/advisor_*/advisor_client/client.py")), None)
    others = pip("install", "--target", str(folder / "others"), "requests", "six", folder=folder)
    if found is None or others.returncode:
        pytest.skip("the package index cannot be reached")
    return os.pathsep.join((str(found.parents[1]), str(folder / "others")))


def test_advisors_own_client_is_served(packages: str) -> None:
    suggestions = open_suggestions()
    try:
        with serving(create_app(Desk(MemoryStore(), suggestions))) as address:
            environ = {**os.environ, "PYTHONPATH": packages, "ADVISOR_ENDPOINT": address}
            done = subprocess.run([sys.executable, str(SCRIPT)], env=environ, capture_output=True, text=True)
    finally:
        suggestions.close()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for values in told.pop("parameters"):
        assert {name: type(value) for name, value in values.items()} == {
            "hidden1": int,
            "rate": float,
            "batch": float,
            "optimizer": str,
        }
        assert 40 <= values["hidden1"] <= 400
        assert values["batch"] in (8.0, 16.0)
        assert values["optimizer"] in ("sgd", "adam")
    assert told == {
        "ids": [True, False],
        "names": ["Study", "other.study_2"],
        "algorithms": ["BayesianOptimization", "TPE"],
        "configuration": True,
        "values": [0.5, 0.6, 0.25],
        "statuses": ["Pending", "Completed", "Completed", "Completed"],
        "metric": [None, 0.25],
        "best": True,
        "done": [False, True],
        "listed": [0.5, 0.6, 0.25],
        "one": 0.5,
        "changed": [None, 0.5],
        "none": [None, None, []],
    }
