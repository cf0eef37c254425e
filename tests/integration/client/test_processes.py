"""katib's own Python client beside other processes: workers on one file, the command line, a trial of the engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from katib.cli.main import app
from katib.client import Client, current_trial
from katib.testing.clients import study_of

WORKER = """
import sys
from katib.client import Client
with Client() as client:
    study = client.create_study("both", parameters={"x": "int:1:1000"}, minimize="loss", algorithm="random", max_trials=12)
    for trial in study.trials(sys.argv[1]):
        trial.report(loss=1, step=1)
        trial.complete(loss=trial.parameters["x"])
"""


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    environ = {**os.environ, "KATIB_DB": str(tmp_path / "katib.db")}
    environ.pop("KATIB_ENDPOINT", None)
    words = [sys.executable, "-c", WORKER]
    workers = [
        subprocess.Popen([*words, name], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    assert [(worker.communicate()[1], worker.returncode) for worker in workers] == [("", 0)] * 2
    with Client(store=str(tmp_path / "katib.db")) as client:
        trials = client.get_study("both").list_trials()
    assert [trial.status for trial in trials] == ["Succeeded"] * 12
    assert len({trial.parameters["x"] for trial in trials}) == 12


@pytest.mark.parametrize("name", ["digits", "me/digits"])
def test_the_command_line_shows_a_study_whatever_its_name(tmp_path: Path, name: str) -> None:
    with Client(store=str(tmp_path / "katib.db")) as client:
        study_of(client, name).suggest()[0].complete(loss=0.5)

    def shown(what: str) -> str:
        return str(CliRunner().invoke(app, ["show", what, "--db", str(tmp_path / "katib.db")]).stdout)

    assert shown(name).startswith(f"{name}: Running")
    assert shown(f"{name}/1").startswith(f"{name}/1 (")


def test_resume_leaves_a_study_to_the_clients_that_run_it(tmp_path: Path) -> None:
    store = str(tmp_path / "katib.db")

    def said(command: str, *words: str) -> str:
        result = CliRunner().invoke(app, [command, "digits", *words, "--db", store])
        assert result.exit_code == 0, result.output
        return str(result.output)

    with Client(store=store) as client:
        study = study_of(client, "digits")
        study.suggest()
        assert "is run by its clients" in said("resume", "--max-trials", "30")
        assert "nobody" not in said("show")
        assert "run by its clients: 1 trial of" in said("explain")
        assert '"max_trials": 30' in said("show", "--output", "json")
        study.suggest()[0].complete(loss=0.5)


def test_inside_a_trial_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_trial() is None
    monkeypatch.setenv("KATIB_TRIAL_NAME", "digits-abc")
    monkeypatch.setenv("KATIB_REPORT_TO", f"file:{tmp_path / 'reports'}")
    trial = current_trial()
    assert trial is not None
    trial.report(loss=1, step=1)
    assert not trial.should_stop()
    trial.complete(loss=0.5)
    assert (trial.name, (tmp_path / "reports").read_text().count("loss")) == ("digits-abc", 2)
