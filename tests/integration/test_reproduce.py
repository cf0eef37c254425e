"""The command line that runs a trial again, in a shell that knows less than the one the study ran in."""

import subprocess

import pytest

from katib.embedded.session import Session
from katib.embedded.starting import start
from katib.service.reproduce import command_line
from katib.spec.quick import experiment_from_command


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A virtual environment that has a program of its own, first in PATH and not activated."""
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    tool = folder / "bin" / "tool"
    tool.write_text('#!/bin/sh\necho "loss=$1"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return folder


def shown(tmp_path):
    document = experiment_from_command(
        name="study",
        params=["x=1"],
        command=["tool", "{x}"],
        objectives={"loss": "minimize"},
        max_trials=1,
        parallel=1,
    )
    with Session(str(tmp_path / "katib.db")) as session:
        study = start(session, document, lines=None, run_root=tmp_path / "runs", workdir=tmp_path).study
        session.run(study.name)
        (trial,) = session.store.trials(study.uid)
        return command_line(study, trial)


def test_a_program_of_an_environment_that_is_not_activated_is_found(environment, tmp_path):
    line = shown(tmp_path)
    done = subprocess.run(["/bin/sh", "-c", line], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.stdout == "loss=1\n", done.stderr


def test_in_an_activated_environment_it_is_called_by_its_name(environment, tmp_path, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    assert shown(tmp_path).endswith("&& tool 1")
