"""Vizier's own client, as published, against our server: in a Python of its own, because its protobuf is its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from katib.config import ServeSettings
from katib.server.studies import StudyServer
from katib.service.desk import Desk
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions

SCRIPT = Path(__file__).parent / "foreign" / "vizier_user.py"
CLIENT = "google-vizier==0.1.24"
"""The version whose wire is written down in `proto/vizier.proto`."""


@pytest.fixture(scope="module")
def packages(request: pytest.FixtureRequest) -> Path:
    """A folder with Vizier's client and what it needs: 160 MB, so it is installed once and kept in pytest's cache."""
    folder = request.config.cache.mkdir("vizier-client") / CLIENT
    if not (folder / "done").exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--target",
            str(folder),
            CLIENT,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the package index gives no {CLIENT}: {done.stderr.strip()[-300:]}")
        (folder / "done").touch()
    return folder


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_viziers_own_client_is_served(packages: Path, tmp_path: Path) -> None:
    suggestions = open_suggestions()
    store = open_store(tmp_path / "katib.db")
    server = StudyServer(Desk(store, suggestions), ServeSettings(port=0))
    server.start()
    try:
        environ = {**os.environ, "PYTHONPATH": str(packages)}
        # Nothing of this environment: the client brings its own protobuf.
        command = [sys.executable, "-S", str(SCRIPT), server.address]
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
    finally:
        server.stop(grace=0)
        suggestions.close()
        store.close()
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
