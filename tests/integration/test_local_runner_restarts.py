"""What outlives what: the engine killed alone, the supervisor killed alone, both killed, and what is known afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from katib.core.run import Cause, Phase
from katib.runners.contract import LaunchOrder
from katib.runners.local import LocalRunner, LocalSettings
from katib.runners.local.link import BUSY, PROGRAM
from katib.runners.local.supervisor import layout, processes
from katib.testing.processes import has_ended
from katib.testing.runners import Follower, job

PATIENCE = 30.0

ENGINE = """
import sys, threading
from pathlib import Path
from katib.runners.local import LocalRunner
from katib.testing.runners import Follower, job

runner = LocalRunner(Path(sys.argv[1]))
order = job("sh", "-c", sys.argv[2], deadline=int(sys.argv[3]) or None)
runner.limit(1)
runner.launch([order, job("true", trial="waiting")])
seen = Follower(runner)
seen.running(order.key)
seen.until(lambda: "place" in seen.reports["waiting", 1].message)
print("running", flush=True)
threading.Event().wait()
"""


def until(test: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not test():
        assert time.monotonic() < end
        pause.wait(0.02)


def number_in(path: Path) -> int:
    """The number in a file that another process is about to write."""
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    """A run directory; whatever still runs in it afterwards is ended."""
    yield tmp_path / "run"
    if layout.lock(tmp_path / "run").exists():
        kill_supervisor(tmp_path / "run")
        shutil.rmtree(Path(layout.address(tmp_path / "run").read_text()).parent, ignore_errors=True)
    for _key, pid in processes.all_marked(layout.marker(tmp_path / "run")):
        processes.kill(pid)


@pytest.fixture
def runner(run_dir: Path) -> Iterator[LocalRunner]:
    made = LocalRunner(run_dir)
    yield made
    made.close(kill=True)


def launch_and_kill_engine(run_dir: Path, script: str, *, deadline: int = 0) -> None:
    """Launch job() in another process and kill it, and everything in its session, with a signal it cannot see."""
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, run_dir, script, str(deadline)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert engine.stdout is not None
    with engine.stdout as output:
        assert output.readline() == b"running\n"
        os.killpg(engine.pid, signal.SIGKILL)
        engine.wait()


def supervisor_of(run_dir: Path) -> int:
    return int(layout.lock(run_dir).read_text())


def kill_supervisor(run_dir: Path) -> None:
    pid = supervisor_of(run_dir)
    processes.kill(pid)
    until(lambda: has_ended(pid))


def pid_of(run_dir: Path, order: LaunchOrder) -> int:
    """The process of a run, by the journal."""
    lines = [json.loads(line) for line in layout.journal(run_dir).read_text().splitlines()]
    return next(line["pid"] for line in lines if line["is"] == "started" and tuple(line["run"]) == order.key)


def forge(run_dir: Path, *lines: dict[str, object]) -> None:
    """A journal as a supervisor that was killed left it."""
    layout.home(run_dir).mkdir(parents=True)
    layout.journal(run_dir).write_text("".join(json.dumps(line) + "\n" for line in lines))


INTENDED = {"run": ["trial", 1], "is": "intended", "at": 1.0, "grace": 30.0, "deadline": None}


class TestEngineKilled:
    def test_the_exit_code_survives(self, run_dir: Path, runner: LocalRunner, tmp_path: Path) -> None:
        go = tmp_path / "go"
        launch_and_kill_engine(run_dir, f"echo loss=0.5; while [ ! -e {go} ]; do sleep 0.02; done; exit 7")
        pid = pid_of(run_dir, job())
        os.kill(supervisor_of(run_dir), signal.SIGHUP)
        assert not has_ended(pid)
        go.touch()
        until(lambda: has_ended(pid))
        runner.adopt([job()])
        seen = Follower(runner)
        report = seen.over(job().key)
        assert (report.phase, report.code, report.drained) == (Phase.ENDED, 7, True)
        assert seen.values(job().key) == [0.5]

    def test_a_run_goes_on_and_is_adopted(self, run_dir: Path, runner: LocalRunner) -> None:
        launch_and_kill_engine(run_dir, "exec sleep 600")
        runner.adopt([job()])
        reports, _ = runner.observe()
        assert reports[job().key].phase is Phase.RUNNING
        runner.stop(job().key)
        report = Follower(runner).over(job().key)
        assert (report.cause, report.signal) == (Cause.STOPPED, signal.SIGTERM)

    def test_what_waited_for_a_place_is_not_begun(self, run_dir: Path, runner: LocalRunner, tmp_path: Path) -> None:
        go, waiting = tmp_path / "go", job("true", trial="waiting")
        launch_and_kill_engine(run_dir, f"while [ ! -e {go} ]; do sleep 0.02; done; exit 7")
        runner.adopt([job(), waiting])
        go.touch()
        seen = Follower(runner)
        assert seen.over(job().key).code == 7
        assert seen.phase(waiting.key) is Phase.UNKNOWN
        assert not layout.log(run_dir, *waiting.key).exists()
        runner.launch([waiting])
        assert seen.over(waiting.key).code == 0

    def test_a_deadline_holds_without_an_engine(self, run_dir: Path, runner: LocalRunner) -> None:
        launch_and_kill_engine(run_dir, "exec sleep 600", deadline=1)
        pid = pid_of(run_dir, job())
        until(lambda: has_ended(pid))
        runner.adopt([job()])
        assert Follower(runner).over(job().key).cause is Cause.DEADLINE

    def test_a_stop_is_carried_through_without_an_engine(self, run_dir: Path, runner: LocalRunner) -> None:
        deaf = job("sh", "-c", "trap '' TERM; echo loss=1; exec sleep 600")
        runner.launch([deaf])
        seen = Follower(runner)
        seen.until(lambda: seen.values(deaf.key) == [1.0])
        runner.stop(deaf.key, grace=0.3)
        runner.close()
        until(lambda: has_ended(pid_of(run_dir, deaf)))
        after = LocalRunner(run_dir)
        after.adopt([deaf])
        report = Follower(after).over(deaf.key)
        after.close()
        assert (report.cause, report.signal) == (Cause.STOPPED, signal.SIGKILL)

    def test_the_supervisor_leaves_when_it_is_not_needed(self, run_dir: Path) -> None:
        runner = LocalRunner(run_dir, settings=LocalSettings(linger=0.05))
        order = job("true")
        runner.launch([order])
        Follower(runner).over(order.key)
        supervisor, socket = supervisor_of(run_dir), Path(layout.address(run_dir).read_text())
        assert socket.is_socket()
        runner.close()
        until(lambda: has_ended(supervisor))
        assert not socket.parent.exists()
        assert layout.errors(run_dir).read_text() == ""


class TestSupervisorKilled:
    def test_runs_are_adopted_and_their_unseen_end_is_a_loss(
        self, run_dir: Path, runner: LocalRunner, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        order = job("sh", "-c", f"while [ ! -e {go} ]; do sleep 0.02; done; echo loss=0.5")
        runner.launch([order])
        seen = Follower(runner)
        seen.running(order.key)
        kill_supervisor(run_dir)
        later = job("true", trial="later")
        runner.launch([later])
        assert seen.over(later.key).code == 0
        assert seen.phase(order.key) is Phase.RUNNING
        go.touch()
        report = seen.over(order.key)
        assert report.phase is Phase.LOST
        assert "nobody saw how" in report.message
        assert seen.values(order.key) == [0.5]

    def test_what_waited_for_a_place_was_never_launched(self, run_dir: Path, runner: LocalRunner) -> None:
        order, waiting = job("sleep", "600"), job("true", trial="waiting")
        runner.limit(1)
        runner.launch([order, waiting])
        seen = Follower(runner)
        seen.until(lambda: "1 place" in seen.reports[waiting.key].message)
        kill_supervisor(run_dir)
        seen.until(lambda: seen.phase(waiting.key) is Phase.UNKNOWN)
        runner.stop(order.key)
        runner.launch([waiting])
        assert seen.over(waiting.key).code == 0
        assert seen.over(order.key).cause is Cause.STOPPED

    def test_the_engine_finds_out_by_itself(self, run_dir: Path, runner: LocalRunner, tmp_path: Path) -> None:
        order = job("sleep", "600")
        runner.launch([order])
        seen = Follower(runner)
        seen.running(order.key)
        kill_supervisor(run_dir)
        processes.kill(pid_of(run_dir, order))
        assert seen.over(order.key).phase is Phase.LOST

    def test_an_adopted_run_can_be_stopped(self, run_dir: Path, runner: LocalRunner) -> None:
        order = job("sh", "-c", "trap '' TERM; echo loss=1; exec sleep 600")
        runner.launch([order])
        seen = Follower(runner)
        seen.until(lambda: seen.values(order.key) == [1.0])
        pid = pid_of(run_dir, order)
        kill_supervisor(run_dir)
        runner.stop(order.key, grace=0.2)
        report = seen.over(order.key)
        assert (report.phase, report.cause) == (Phase.ENDED, Cause.STOPPED)
        assert has_ended(pid)

    def test_a_stop_is_carried_through_by_the_next_supervisor(self, run_dir: Path, runner: LocalRunner) -> None:
        order = job("sh", "-c", "trap '' TERM; echo loss=1; exec sleep 600")
        runner.launch([order])
        seen = Follower(runner)
        seen.until(lambda: seen.values(order.key) == [1.0])
        runner.stop(order.key, grace=0.5)
        kill_supervisor(run_dir)
        report = seen.over(order.key)
        assert (report.phase, report.cause) == (Phase.ENDED, Cause.STOPPED)

    def test_what_an_adopted_run_leaves_behind_is_ended(
        self, run_dir: Path, runner: LocalRunner, tmp_path: Path
    ) -> None:
        child, go = tmp_path / "child", tmp_path / "go"
        order = job("sh", "-c", f"setsid sleep 600 & echo $! > {child}; while [ ! -e {go} ]; do sleep 0.02; done")
        runner.launch([order])
        pid = number_in(child)
        kill_supervisor(run_dir)
        go.touch()
        assert Follower(runner).over(order.key).phase is Phase.LOST
        until(lambda: has_ended(pid))


class TestBothKilled:
    def test_a_run_that_goes_on_is_adopted(self, run_dir: Path, runner: LocalRunner, tmp_path: Path) -> None:
        go = tmp_path / "go"
        launch_and_kill_engine(run_dir, f"echo loss=0.5; while [ ! -e {go} ]; do sleep 0.02; done")
        kill_supervisor(run_dir)
        runner.adopt([job()])
        seen = Follower(runner)
        seen.look()
        assert seen.phase(job().key) is Phase.RUNNING
        go.touch()
        assert seen.over(job().key).phase is Phase.LOST
        assert seen.values(job().key) == [0.5]

    def test_a_run_that_ended_unseen_is_lost(self, run_dir: Path, runner: LocalRunner, tmp_path: Path) -> None:
        go, child = tmp_path / "go", tmp_path / "child"
        launch_and_kill_engine(run_dir, f"sleep 600 & echo $! > {child}; while [ ! -e {go} ]; do sleep 0.02; done")
        left = number_in(child)
        kill_supervisor(run_dir)
        go.touch()
        until(lambda: has_ended(pid_of(run_dir, job())))
        runner.adopt([job()])
        report = Follower(runner).over(job().key)
        assert report.phase is Phase.LOST
        assert report.started_at is not None
        until(lambda: has_ended(left))

    def test_a_deadline_goes_on_counting(self, run_dir: Path, runner: LocalRunner) -> None:
        launch_and_kill_engine(run_dir, "exec sleep 600", deadline=2)
        kill_supervisor(run_dir)
        runner.adopt([job()])
        report = Follower(runner).over(job().key)
        assert (report.phase, report.cause) == (Phase.ENDED, Cause.DEADLINE)

    def test_a_run_killed_between_intent_and_start_is_found(self, run_dir: Path, runner: LocalRunner) -> None:
        forge(run_dir, INTENDED)
        env = {layout.REPORTS_VARIABLE: layout.reports_address(run_dir, "trial", 1)}
        with subprocess.Popen(["/bin/sleep", "600"], env=env, start_new_session=True) as process:
            runner.adopt([job()])
            seen = Follower(runner)
            assert seen.running(job().key)
            runner.stop(job().key)
            process.wait(PATIENCE)
        assert seen.over(job().key).cause is Cause.STOPPED

    def test_a_run_that_was_never_started_is_lost(self, run_dir: Path, runner: LocalRunner) -> None:
        forge(run_dir, INTENDED)
        runner.adopt([job()])
        assert Follower(runner).over(job().key).phase is Phase.LOST
        runner.launch([job("true")])
        assert not layout.log(run_dir, "trial", 1).exists()

    def test_another_process_with_the_same_pid_is_left_alone(self, run_dir: Path, runner: LocalRunner) -> None:
        with subprocess.Popen(["/bin/sleep", "600"], start_new_session=True) as bystander:
            started = {"run": ["trial", 1], "is": "started", "at": 1.0, "pid": bystander.pid}
            forge(run_dir, INTENDED, {**started, "identity": f"{processes.BOOT}-1"})
            runner.adopt([job()])
            runner.stop(job().key, grace=0.0)
            assert Follower(runner).over(job().key).phase is Phase.LOST
            assert not has_ended(bystander.pid)
            bystander.kill()

    def test_a_line_cut_short_costs_nothing_but_itself(self, run_dir: Path, runner: LocalRunner) -> None:
        ended = {
            "run": ["trial", 1],
            "is": "ended",
            "at": 3.0,
            "started": 2.0,
            "code": 5,
            "signal": None,
            "cause": None,
        }
        forge(run_dir, INTENDED, ended)
        with layout.journal(run_dir).open("a") as file:
            file.write('{"run": ["cut", 1], "is": "inten')
        after = job("true", trial="after")
        runner.launch([job("true"), after])
        seen = Follower(runner)
        assert (seen.over(job().key).code, seen.over(after.key).code) == (5, 0)
        runner.close()
        kill_supervisor(run_dir)
        assert '\n{"run":["after",1],"is":"intended"' in layout.journal(run_dir).read_text()
        again = LocalRunner(run_dir)
        again.adopt([job(), after, job(trial="cut")])
        seen = Follower(again)
        assert (seen.over(job().key).code, seen.over(after.key).code) == (5, 0)
        assert seen.phase(("cut", 1)) is Phase.UNKNOWN
        again.close()


class TestRemoved:
    def test_runs_end_when_their_folder_is_removed_and_nobody_watches(self, run_dir: Path) -> None:
        runner = LocalRunner(run_dir, settings=LocalSettings(housekeeping=0.05))
        order = job("sleep", "600")
        runner.launch([order])
        Follower(runner).running(order.key)
        pid, supervisor, socket = pid_of(run_dir, order), supervisor_of(run_dir), layout.address(run_dir).read_text()
        runner.close()
        shutil.rmtree(run_dir)
        until(lambda: has_ended(pid) and has_ended(supervisor))
        assert not Path(socket).parent.exists()


class TestOneSupervisor:
    def test_engines_that_start_at_once_share_one(self, run_dir: Path) -> None:
        orders = [job("echo", "ran", trial=f"trial-{number}") for number in range(5)]
        runners = [LocalRunner(run_dir) for _ in range(8)]
        threads = [threading.Thread(target=runner.launch, args=(orders,)) for runner in runners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for runner in runners:
            seen = Follower(runner)
            assert {seen.over(order.key).code for order in orders} == {0}
            runner.close()
        assert [layout.log(run_dir, *order.key).read_text() for order in orders] == ["ran\n"] * 5

    def test_a_second_one_leaves_at_once(self, run_dir: Path, runner: LocalRunner) -> None:
        runner.launch([job("true")])
        first = supervisor_of(run_dir)
        second = subprocess.run([sys.executable, "-I", "-S", PROGRAM, run_dir, "1", "60"], timeout=PATIENCE)
        assert second.returncode == BUSY
        assert supervisor_of(run_dir) == first
        assert not has_ended(first)

    def test_it_is_found_again_when_its_socket_was_cleaned_away(self, run_dir: Path) -> None:
        runner = LocalRunner(run_dir, settings=LocalSettings(housekeeping=0.05))
        order = job("sh", "-c", "sleep 600")
        runner.launch([order])
        socket = Path(layout.address(run_dir).read_text())
        socket.unlink()
        socket.parent.rmdir()
        successor = LocalRunner(run_dir)
        successor.adopt([order])
        assert Follower(successor).running(order.key)
        runner.close()
        successor.close(kill=True)

    def test_a_supervisor_that_does_not_answer_is_said_to_be_so(self, run_dir: Path, runner: LocalRunner) -> None:
        from katib.errors import RunnerUnavailable

        runner.launch([job("true")])
        hasty = LocalRunner(run_dir, settings=LocalSettings(patience=0.3))
        os.kill(supervisor_of(run_dir), signal.SIGSTOP)
        with pytest.raises(RunnerUnavailable, match="does not answer"):
            hasty.launch([job("true", trial="other")])
        os.kill(supervisor_of(run_dir), signal.SIGCONT)
        hasty.launch([job("true", trial="other")])
        assert Follower(hasty).over(("other", 1)).code == 0
        hasty.close()

    def test_a_journal_removed_under_a_run_makes_it_lost(self, run_dir: Path, runner: LocalRunner) -> None:
        order = job("sleep", "600")
        runner.launch([order])
        seen = Follower(runner)
        seen.running(order.key)
        layout.journal(run_dir).unlink()
        kill_supervisor(run_dir)
        report = seen.over(order.key)
        assert report.phase is Phase.LOST
        assert "journal" in report.message
