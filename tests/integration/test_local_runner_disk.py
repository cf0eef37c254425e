"""Disks that are full, folders that cannot be written: said clearly, nothing lost, and it goes on when there is room."""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from katib.core.run import Phase
from katib.errors import RunnerUnavailable
from katib.runners.local import LocalRunner
from katib.runners.local.supervisor import layout
from katib.testing.runners import Follower, job


@contextmanager
def files_limited_to(size: int, pid: int = 0) -> Iterator[None]:
    """Let a process write no file beyond `size` bytes: the nearest thing to a full disk that needs no rights."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def until(test: Callable[[], object]) -> None:
    end = time.monotonic() + 30.0
    pause = threading.Event()
    while not test():
        assert time.monotonic() < end
        pause.wait(0.02)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[LocalRunner]:
    made = LocalRunner(tmp_path / "run")
    yield made
    made.close(kill=True)


@pytest.mark.parametrize("place", ["file/run", "file", "/proc/katib/run"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    runner = LocalRunner(tmp_path / place)
    with pytest.raises(RunnerUnavailable, match=r"trials cannot be run in .*make sure that the folder can be written"):
        runner.launch([job("true")])
    assert runner.observe() == ({}, {})
    runner.close(kill=True)


def test_no_room_to_start_a_supervisor(tmp_path: Path, runner: LocalRunner) -> None:
    with files_limited_to(0), pytest.raises(RunnerUnavailable, match="File too large"):
        runner.launch([job("true")])
    runner.launch([job("true")])
    assert Follower(runner).over(job().key).code == 0


def test_no_room_to_record_a_launch(tmp_path: Path, runner: LocalRunner) -> None:
    run_dir, order = tmp_path / "run", job("echo", "ran", trial="second")
    runner.launch([job("true")])
    seen = Follower(runner)
    seen.over(job().key)
    # Room for a part of a line: the supervisor must not take it for a line, now or after a restart.
    size = layout.journal(run_dir).stat().st_size + 10
    with files_limited_to(size, int(layout.lock(run_dir).read_text())):
        # Nobody waits for the word of a supervisor that has always given it; so it is told by what is observed.
        runner.launch([order])
        seen.until(lambda: seen.phase(order.key) is Phase.UNKNOWN)
        with pytest.raises(RunnerUnavailable, match="File too large"):
            runner.launch([order])
        seen.look()
        assert seen.phase(order.key) is Phase.UNKNOWN
    runner.launch([order])
    assert seen.over(order.key).code == 0
    assert layout.log(run_dir, *order.key).read_text() == "ran\n"


def test_no_room_to_record_that_what_waited_begins(tmp_path: Path, runner: LocalRunner) -> None:
    run_dir, go = tmp_path / "run", tmp_path / "go"
    first, waiting = job("sh", "-c", f"while [ ! -e {go} ]; do sleep 0.02; done"), job("true", trial="waiting")
    runner.limit(1)
    runner.launch([first, waiting])
    seen = Follower(runner)
    seen.running(first.key)
    with files_limited_to(layout.journal(run_dir).stat().st_size, int(layout.lock(run_dir).read_text())):
        go.touch()
        seen.until(lambda: "File too large" in seen.reports[waiting.key].message)
        assert seen.phase(waiting.key) is Phase.STARTING
    assert seen.over(waiting.key).code == 0
    assert seen.over(first.key).code == 0


def test_no_room_to_record_an_end(tmp_path: Path) -> None:
    run_dir, go = tmp_path / "run", tmp_path / "go"
    runner = LocalRunner(run_dir)
    order = job("sh", "-c", f"while [ ! -e {go} ]; do sleep 0.02; done; exit 3")
    runner.launch([order])
    seen = Follower(runner)
    seen.running(order.key)
    supervisor = int(layout.lock(run_dir).read_text())
    with files_limited_to(layout.journal(run_dir).stat().st_size, supervisor):
        go.touch()
        assert seen.over(order.key).code == 3
        runner.close()
    # Nobody asks for it, nothing else happens: it is recorded, and only then the supervisor leaves.
    successor = LocalRunner(run_dir)
    successor.adopt([order])
    assert Follower(successor).over(order.key).code == 3
    until(lambda: '"code":3' in layout.journal(run_dir).read_text())
    successor.close()


def test_a_folder_in_the_way_of_a_log(tmp_path: Path, runner: LocalRunner) -> None:
    layout.log(tmp_path / "run", "trial", 1).mkdir(parents=True)
    with pytest.raises(RunnerUnavailable, match="Is a directory"):
        runner.launch([job("true"), job("true", trial="other")])
    assert runner.observe() == ({}, {})
    runner.launch([job("true", trial="other")])
    assert Follower(runner).over(("other", 1)).code == 0
