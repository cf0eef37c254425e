"""The metrics collector's container, without a container: the launcher leads a command, and the DB manager comes and goes."""

import io
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

import metrics_collector
from katib.config import ServeSettings
from katib.core.trial import Reason, Transition, TrialState
from katib.rpc import api
from katib.server.reports import ReportServer
from katib.stores.contract import Changes, NewStudy
from katib.stores.memory import MemoryStore
from katib.testing import builders as make
from metrics_collector.sidecar import Sidecar
from metrics_collector.task import LEFT, Task, left_in

LAUNCHER = Path(metrics_collector.__file__).parent / "launcher" / "launcher.c"


@pytest.fixture(scope="session")
def launcher(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    path = tmp_path_factory.mktemp("launcher") / "launcher"
    subprocess.run(["cc", "-Os", "-Wall", "-Wextra", "-Werror", "-o", path, LAUNCHER], check=True)
    return str(path)


def led(launcher, folder, *words, **options):
    return subprocess.run([launcher, str(folder), *words], capture_output=True, text=True, timeout=20, **options)


def test_a_command_runs_as_it_is_written(launcher, tmp_path):
    words = ["printf", "%s|", "a  b", "", '"quoted"', "$HOME", "*"]
    done = led(launcher, tmp_path, *words)
    assert done.stdout == 'a  b||"quoted"|$HOME|*|'
    assert (tmp_path / "output").read_text() == done.stdout


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_its_exit_code_is_the_commands(launcher, tmp_path, script, code):
    done = led(launcher, tmp_path, "sh", "-c", f"echo out; echo err >&2; {script}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")
    assert sorted((tmp_path / "output").read_text().split()) == ["err", "out"]


def test_a_program_that_is_not_there_is_named(launcher, tmp_path):
    done = led(launcher, tmp_path, "no-such-program")
    assert (done.returncode, done.stderr) == (127, "katib: no-such-program: No such file or directory\n")


def test_signals_reach_the_command(launcher, tmp_path):
    script = "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.01; done"
    process = subprocess.Popen([launcher, str(tmp_path), "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    process.terminate()
    assert process.communicate(timeout=10)[0] == "got it\n"
    assert process.returncode == 3


def test_what_the_command_left_behind_holds_nothing_up(launcher, tmp_path):
    with subprocess.Popen([launcher, str(tmp_path), "sh", "-c", "sleep 30 & echo $!"], stdout=subprocess.PIPE) as led:
        left = led.stdout.readline().decode()
        assert led.wait(timeout=10) == 0
        subprocess.run(["kill", left.strip()], check=True)


def test_it_installs_itself(launcher, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run([launcher, "--install", copy], check=True)
    assert led(str(copy), tmp_path, "echo", "hello").stdout == "hello\n"


def move(source, target):
    return Transition(ordinal=1, source=source, attempt=1, target=target, reason=Reason.STARTED)


class Manager:
    """A DB manager with one trial, which may be away."""

    def __init__(self):
        self.store = MemoryStore()
        new = NewStudy(
            name="study", uid="u", document={}, effective={}, objective=make.objective(), budget=make.budget()
        )
        self.study = self.store.create_study(new, now=make.NOW)
        lease = self.store.acquire("study", "me", now=make.NOW, seconds=60.0)
        moves = [move(TrialState.ADVISED, TrialState.PENDING), move(TrialState.PENDING, TrialState.RUNNING)]
        self.store.commit(lease, Changes(advice=[make.advice(1)], transitions=moves), now=make.NOW)
        (self.trial,) = self.store.trials("u")
        self.heard = threading.Semaphore(0)
        self.port = 0
        self.start()

    def start(self):
        settings = ServeSettings(port=self.port, grace=0)
        self.server = ReportServer(
            self.store, settings, now=lambda: make.NOW, heard=lambda _study, _points: self.heard.release()
        )
        self.port = int(self.server.address.rpartition(":")[2])
        self.server.start()

    def stop(self):
        self.server.stop()

    @property
    def texts(self):
        return [each.point.text for each in self.store.observations(self.study.uid)]


@pytest.fixture
def manager():
    manager = Manager()
    yield manager
    manager.stop()


class Beside:
    """A sidecar in a thread, beside a command."""

    def __init__(self, manager, folder, launcher, script, **collector):
        collector = {"collector": {"kind": "StdOut"}, **collector}
        task = Task(
            trial=manager.trial.name,
            attempt=1,
            metrics=("loss",),
            collector=collector,
            address=f"127.0.0.1:{manager.port}",
            folder=str(folder),
            stays=False,
        )
        self.out = io.BytesIO()
        self.command = subprocess.Popen([launcher, str(folder), "sh", "-c", script], stdin=subprocess.PIPE)
        sidecar = Sidecar(Task.read(task.write()), threading.Event(), out=self.out)
        self.thread = threading.Thread(target=lambda: sidecar.run(poll=0.02, last=0.3))
        self.thread.start()

    def go_on(self):
        self.command.stdin.write(b"\n")
        self.command.stdin.flush()

    def end(self):
        self.command.stdin.close()
        self.command.wait()
        self.thread.join(20)
        return self.out.getvalue()


def test_values_arrive_while_the_trial_runs(manager, tmp_path, launcher):
    beside = Beside(manager, tmp_path, launcher, "echo loss=0.5; read go; echo loss=0.5")
    assert manager.heard.acquire(timeout=10)
    assert manager.texts == ["0.5"]
    printed = beside.end()
    assert manager.texts == ["0.5", "0.5"]
    assert printed.startswith(b"loss=0.5\nloss=0.5\n")
    assert left_in(printed)[0] == []


def test_an_outage_in_the_middle_loses_nothing(manager, tmp_path, launcher):
    beside = Beside(manager, tmp_path, launcher, "echo loss=1; read go; echo loss=2; read go; echo loss=3; read go")
    assert manager.heard.acquire(timeout=10)
    manager.stop()
    beside.go_on()
    beside.go_on()
    manager.start()
    while len(manager.texts) < 3:
        assert manager.heard.acquire(timeout=20)
    beside.end()
    assert manager.texts == ["1", "2", "3"]


def test_what_cannot_be_delivered_is_in_its_log(manager, tmp_path, launcher):
    """And has the numbers that it would have arrived with."""
    manager.stop()
    printed = Beside(manager, tmp_path, launcher, "echo loss=1; echo loss=2").end()
    points, looked = left_in(printed)
    assert [(point.text, point.seq) for point in points] == [("1", 0), ("2", 2)]
    assert "the output" in looked
    manager.start()


def test_what_a_trial_prints_is_taken_for_no_such_line():
    assert left_in(b'{"' + LEFT.encode() + b'": 3}\n{"' + LEFT.encode() + b'": [{"a": 1}]}\n') == ([], "")


def test_a_file_of_its_own_is_read(manager, tmp_path, launcher):
    path = tmp_path / "metrics.json"
    script = f"echo '{json.dumps({'loss': '0.25', 'step': 4})}' > {path}"
    where = {"path": str(path), "format": "JSON"}
    Beside(manager, tmp_path, launcher, script, collector={"kind": "File"}, source={"fileSystemPath": where}).end()
    (stored,) = manager.store.observations(manager.study.uid)
    assert (stored.point.text, stored.point.step, stored.attempt) == ("0.25", 4, 1)


def test_a_report_says_which_attempt_it_is_of(manager):
    from katib.server.db_manager import DbManagerServicer

    log = api.ObservationLog(metric_logs=[api.MetricLog(metric=api.Metric(name="loss", value="1"), seq=7)])
    request = api.ReportObservationLogRequest(trial_name=manager.trial.name, observation_log=log, attempt=2)
    DbManagerServicer(manager.store, now=lambda: make.NOW).report(request, None)
    (stored,) = manager.store.observations(manager.study.uid)
    assert (stored.attempt, stored.point.seq) == (2, 7)
