"""A trial that continues another: the copy of the checkpoint, what is said when it fails, and who may be continued."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import katib
from katib.core.advice import PARENT_LABEL, Advice, AdviceReply
from katib.core.trial import TrialState
from katib.errors import AlgorithmFailed
from katib.runners.local import continuing
from katib.suggestion.check import checked
from katib.testing.algorithms import SPACES, study_config, trial


@pytest.fixture
def parent(tmp_path):
    folder = tmp_path / "parent" / "checkpoint"
    (folder / "step-1").mkdir(parents=True)
    (folder / "step-1" / "weights").write_text("w")
    (folder / "latest").symlink_to("step-1")
    return folder


@pytest.fixture
def own(tmp_path):
    return tmp_path / "child" / "checkpoint"


def run(parent: Path, own: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", continuing.__file__, str(parent), str(own), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_copy_is_whole_and_its_own(parent, own):
    done = run(parent, own, "sh", "-c", f"cat {own}/latest/weights; echo more >> {own}/latest/weights; echo $0", "a b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "wa b\n", "")
    assert everything_in(own) == everything_in(parent)
    assert (own / "latest").readlink() == Path("step-1")
    assert (parent / "latest" / "weights").read_text() == "w"


def test_what_an_earlier_attempt_left_stays(parent, own):
    own.mkdir(parents=True)
    assert run(parent, own, "true").returncode == 0
    assert everything_in(own) == []


def test_a_copy_that_broke_off_is_no_checkpoint(parent, own, monkeypatch):
    def half(source, target, **_):
        shutil.copytree(source / "step-1", target)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        real = shutil.copytree
        broken.setattr(continuing.shutil, "copytree", lambda *args, **more: half(*args) if more else real(*args))
        continuing.copy(parent, own)
    assert not own.exists()
    continuing.copy(parent, own)
    assert everything_in(own) == everything_in(parent)
    assert everything_in(own.parent)[0] == "checkpoint"
    assert not own.with_name("checkpoint.part").exists()


def test_a_checkpoint_that_cannot_be_copied_fails_the_trial_and_says_why(parent, own):
    # Nobody can copy a pipe, root neither.
    os.mkfifo(parent / "pipe")
    done = run(parent, own, "echo", "started")
    assert (done.returncode, done.stdout) == (continuing.CANNOT_COPY, "")
    assert f"katib: the checkpoint {parent} cannot be copied to {own}" in done.stderr
    assert "is a named pipe" in done.stderr
    assert not own.exists()


def test_a_checkpoint_that_is_gone_is_told_and_the_trial_starts_without(parent, own):
    shutil.rmtree(parent)
    done = run(parent, own, "ls", str(own))
    assert (done.returncode, done.stdout) == (0, "")
    assert f"katib: the checkpoint {parent} is not there any more" in done.stderr


def test_a_program_that_cannot_be_started(parent, own):
    done = run(parent, own, "no-such-program")
    assert done.returncode == continuing.CANNOT_START
    assert done.stderr == "katib: no-such-program cannot be started: No such file or directory\n"


def test_the_program_gets_the_signals_as_they_were(parent, own):
    # Python would set them itself: what it found is in /proc.
    done = run(parent, own, "grep", "SigIgn", "/proc/self/status")
    ignored = int(done.stdout.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


def test_a_trial_finds_its_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("KATIB_CHECKPOINT_DIR", raising=False)
    assert katib.checkpoint_dir() is None
    monkeypatch.setenv("KATIB_CHECKPOINT_DIR", str(tmp_path))
    assert katib.checkpoint_dir() == tmp_path


@pytest.mark.parametrize("state", TrialState)
def test_only_a_finished_trial_can_be_continued(state):
    config = study_config("any", SPACES["integers"])
    parent = replace(trial(Advice(ordinal=1, assignment={"n": 0, "m": 1})), state=state)
    advice = Advice(ordinal=2, assignment={"n": 1, "m": 1}, labels={PARENT_LABEL: parent.name})
    reply = AdviceReply(advice=(advice,))
    if parent.finished:
        assert checked(config, [parent], [2], reply) == reply
        return
    with pytest.raises(AlgorithmFailed, match="wants to continue 'study-1', which is no finished trial"):
        checked(config, [parent], [2], reply)
