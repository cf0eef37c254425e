"""Vizier's own client, as published, against our server: in a Python of its own, because its protobuf is its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from katib.config import ServeSettings
from katib.server.studies import StudyServer
from katib.service.desk import Desk
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions

SCRIPT = Path(__file__).parent / "foreign" / "vizier_user.py"
PAGE = Path(__file__).parents[2] / "docs" / "vizier.md"
CLIENT = "google-vizier==0.1.24"
"""The version whose wire is written down in `proto/vizier.proto`."""


@pytest.fixture(scope="module")
def packages(request: pytest.FixtureRequest) -> Path:
    """A folder with Vizier's client and what it needs: 160 MB, so it is installed once and kept in pytest's cache."""
    folder = request.config.cache.mkdir("vizier-client") / CLIENT
    if not folder.exists():
        # Another worker may be at it, too: the first one's folder stays.
        mine = folder.with_name(f"{CLIENT}-{os.getpid()}")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        # What is imported is compiled then: the rest never is.
        command = [*pip, "install", "--no-compile", "--target", str(mine), CLIENT]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the package index gives no {CLIENT}: {done.stderr.strip()[-300:]}")
        with suppress(OSError):
            mine.rename(folder)
        shutil.rmtree(mine, ignore_errors=True)
    return folder


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    suggestions = open_suggestions()
    store = open_store(tmp_path / "katib.db")
    server = StudyServer(Desk(store, suggestions), ServeSettings(port=0))
    server.start()
    yield server.address
    server.stop(grace=0)
    suggestions.close()
    store.close()


def run(packages: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Nothing of this environment: the client brings its own protobuf."""
    environ = {**os.environ, "PYTHONPATH": str(packages)}
    return subprocess.run([sys.executable, "-S", *words], env=environ, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_viziers_own_client_is_served(packages: Path, address: str) -> None:
    done = run(packages, str(SCRIPT), address)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_example_of_the_page_works_as_it_stands(packages: Path, address: str) -> None:
    (example,) = re.findall(r"^```python\n(from vizier.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    done = run(packages, "-c", example.replace("localhost:6789", address))
    assert done.returncode == 0, done.stderr
    assert "optimizer" in done.stdout
