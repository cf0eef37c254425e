"""The examples of the Python client: those of its page and the one in a folder, with a server and without."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katib.embedded.desk import EmbeddedDesk
from katib.server.http.app import create_app
from katib.testing.http import serving

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "client.md").read_text(), flags=re.DOTALL)


@pytest.fixture(params=["embedded", "server"])
def environ(request: pytest.FixtureRequest, cli: Any) -> Iterator[dict[str, str]]:
    if request.param == "embedded":
        yield cli.env
        return
    with EmbeddedDesk(str(cli.folder / "server.db")) as desk, serving(create_app(desk.desk)) as address:
        yield {**cli.env, "KATIB_ENDPOINT": address}


def run(folder: Path, environ: dict[str, str], *words: str) -> str:
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_page_runs(cli: Any, environ: dict[str, str]) -> None:
    assert len(BLOCKS) == 6
    script = cli.folder / "page.py"
    script.write_text("\n\n".join(BLOCKS))
    printed = run(cli.folder, environ, str(script))
    assert "status='Succeeded'" in printed
    assert "AsyncTrial(" in printed
    assert "objective_value=0.9" in printed


def test_the_example_runs(cli: Any, environ: dict[str, str]) -> None:
    script = ROOT / "examples" / "study-api" / "tune.py"
    assert "Trial('valley-" in run(cli.folder, environ, str(script))
    assert "Trial('valley-" in run(cli.folder, environ, str(script), "worker-2"), "a study that has ended is found"
