"""What a trial finds when it starts, what it may do to its surroundings, and what is left when it has ended."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from katib.core.run import Phase, RunReport
from katib.runners.contract import LaunchOrder
from katib.runners.local import LocalRunner, follow_log, read_log
from katib.testing.processes import has_ended
from katib.testing.runners import Follower, job

PATIENCE = 30.0


def until(test: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not test():
        assert time.monotonic() < end
        pause.wait(0.02)


def number_in(path: Path) -> int:
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def runner(run_dir: Path, tmp_path: Path) -> Iterator[LocalRunner]:
    base = {"PATH": "/usr/bin:/bin", "BASE": "kept", "SHARED": "base"}
    made = LocalRunner(run_dir, base_env=base, cwd=tmp_path)
    yield made
    made.close(kill=True)


def finish(runner: LocalRunner, order: LaunchOrder) -> RunReport:
    runner.launch([order])
    return Follower(runner).over(order.key)


def output(runner: LocalRunner, run_dir: Path, order: LaunchOrder) -> str:
    finish(runner, order)
    return read_log(run_dir, *order.key) or ""


class TestSurroundings:
    def test_environment(self, runner: LocalRunner, run_dir: Path) -> None:
        env = [{"name": "SHARED", "value": "own"}, {"name": "KATIB_ATTEMPT", "value": "forged"}]
        text = output(runner, run_dir, job("env", attempt=2, container={"env": env}))
        lines = set(text.splitlines())
        assert {
            "BASE=kept",
            "SHARED=own",
            "PYTHONUNBUFFERED=1",
            "KATIB_TRIAL_NAME=trial",
            "KATIB_ATTEMPT=2",
            f"KATIB_REPORT_TO=file:{run_dir}/trial/attempt-2.reports.jsonl",
        } <= lines

    def test_buffering_stays_as_the_user_set_it(self, run_dir: Path) -> None:
        runner = LocalRunner(run_dir, base_env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": ""})
        assert "PYTHONUNBUFFERED=\n" in output(runner, run_dir, job("env"))
        runner.close()

    def test_working_directory(self, runner: LocalRunner, run_dir: Path, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        for given, expected in ((None, tmp_path), ("sub", tmp_path / "sub"), ("/", Path("/"))):
            order = job("pwd", trial=f"in-{str(given).strip('/')}", container={"workingDir": given} if given else None)
            assert output(runner, run_dir, order) == f"{expected}\n"

    def test_standard_input_is_empty(self, runner: LocalRunner) -> None:
        assert finish(runner, job("cat")).code == 0

    def test_both_streams_are_in_the_log_in_order(self, runner: LocalRunner, run_dir: Path) -> None:
        assert output(runner, run_dir, job("sh", "-c", "echo a; echo b >&2; echo c")) == "a\nb\nc\n"

    def test_no_signal_is_blocked_or_ignored(self, runner: LocalRunner, run_dir: Path) -> None:
        text = output(runner, run_dir, job("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"))
        # Signals 32 and 33 are the C library's own.
        assert [int(line.split()[1], 16) & 0x7FFFFFFF for line in text.splitlines()] == [0, 0]

    def test_nothing_of_ours_is_open(self, runner: LocalRunner, run_dir: Path) -> None:
        # The fourth is the folder that ls reads.
        assert output(runner, run_dir, job("ls", "/proc/self/fd")).split() == ["0", "1", "2", "3"]

    def test_words_arrive_as_they_are(self, runner: LocalRunner, run_dir: Path) -> None:
        words = ["a b", "", "'\"", "new\nline", "$HOME", "ü", "*"]
        text = output(runner, run_dir, job("printf", "<%s>", *words))
        assert text == "".join(f"<{word}>" for word in words)

    def test_programs_are_looked_for_in_the_trials_own_path(
        self, runner: LocalRunner, run_dir: Path, tmp_path: Path
    ) -> None:
        tool = tmp_path / "bin" / "my-tool"
        tool.parent.mkdir()
        tool.write_text("#!/bin/sh\necho found\n")
        tool.chmod(0o755)
        container = {"env": [{"name": "PATH", "value": f"relative:{tool.parent}:/bin"}]}
        assert output(runner, run_dir, job("my-tool", container=container)) == "found\n"
        assert output(runner, run_dir, job("bin/my-tool", trial="by-path")) == "found\n"


class TestRefused:
    @pytest.mark.parametrize(
        ("command", "container", "said"),
        [
            (["no-such-tool"], {}, "'no-such-tool' was not found; install it, or activate"),
            (["python", "train.py"], {"env": [{"name": "PATH", "value": "/nowhere"}]}, sys.executable),
            (["./missing"], {}, "./missing cannot be started: No such file or directory"),
            (["./data"], {}, "make it executable with chmod +x ./data"),
            (["./script"], {}, "a first line such as #!/bin/sh"),
            (["./lost"], {}, "the interpreter that its first line names does not"),
            (["true"], {"workingDir": "missing"}, "missing cannot be used: No such file or directory"),
            (["true"], {"workingDir": "data"}, "data cannot be used: Not a directory"),
            (["true", "nul\0byte"], {}, "embedded null byte"),
            ([], {}, "ENTRYPOINT"),
        ],
    )
    def test_the_reason_is_said(
        self, runner: LocalRunner, tmp_path: Path, command: list[str], container: dict[str, object], said: str
    ) -> None:
        (tmp_path / "data").write_text("1 2 3\n")
        (tmp_path / "script").write_text("echo hello\n")
        (tmp_path / "script").chmod(0o755)
        (tmp_path / "lost").write_text("#!/no/such/interpreter\n")
        (tmp_path / "lost").chmod(0o755)
        report = finish(runner, job(*command, container=container))
        assert report.phase is Phase.REFUSED
        assert said in report.message

    def test_what_passes_by_itself_is_waited_for(self, runner: LocalRunner, tmp_path: Path) -> None:
        program = tmp_path / "busy"
        shutil.copy(shutil.which("true") or "/bin/true", program)
        order = job(str(program))
        seen = Follower(runner)
        with program.open("ab"):
            # Linux does not run a program that is open for writing.
            runner.launch([order])
            seen.until(lambda: "Text file busy" in seen.reports[order.key].message)
            assert seen.phase(order.key) is Phase.STARTING
        assert seen.over(order.key).code == 0

    def test_what_is_waited_for_can_be_stopped(self, runner: LocalRunner, tmp_path: Path) -> None:
        program = tmp_path / "busy"
        shutil.copy(shutil.which("true") or "/bin/true", program)
        with program.open("ab"):
            runner.launch([job(str(program))])
            runner.stop(job().key)
            assert Follower(runner).over(job().key).cause is not None


class TestDescendants:
    @pytest.mark.parametrize(
        "leave",
        [
            "sleep 600 & echo $! > PIDS",
            "env -i sh -c 'echo $$$$ > PIDS; exec sleep 600' &",
            "setsid sleep 600 & echo $! > PIDS",
            # In a command `$$` means `$`, as on a cluster.
            "(setsid sh -c 'echo $$$$ > PIDS; sleep 600; true' &)",
            "setsid sh -c 'setsid sleep 600 & echo $! > PIDS; sleep 600' &",
        ],
        ids=["same group", "same group, not ours by its environment", "own session", "orphan", "orphan of an orphan"],
    )
    def test_what_a_run_leaves_behind_is_ended(self, runner: LocalRunner, tmp_path: Path, leave: str) -> None:
        pids = tmp_path / "pids"
        script = f"{leave.replace('PIDS', str(pids))}\nwhile [ ! -s {pids} ]; do sleep 0.02; done; exit 4"
        assert finish(runner, job("sh", "-c", script)).code == 4
        until(lambda: has_ended(number_in(pids)))

    def test_what_belongs_to_a_run_that_goes_on_is_left_alone(self, runner: LocalRunner, tmp_path: Path) -> None:
        go, daemon, done = tmp_path / "go", tmp_path / "daemon", tmp_path / "done"
        orphan = f"echo $$$$ > {daemon}; while [ ! -e {go} ]; do sleep 0.02; done; touch {done}"
        order = job("sh", "-c", f"(setsid sh -c '{orphan}' &); while [ ! -e {done} ]; do sleep 0.02; done")
        runner.launch([order])
        number_in(daemon)
        # Its end makes the supervisor look at what it inherited.
        finish(runner, job("true", trial="other"))
        go.touch()
        assert Follower(runner).over(order.key).code == 0

    def test_a_stop_reaches_the_whole_group(self, runner: LocalRunner, tmp_path: Path) -> None:
        child = tmp_path / "child"
        order = job(
            "sh", "-c", f"sh -c 'trap \"echo told; exit\" TERM; echo $$$$ > {child}; while :; do sleep 0.02; done'"
        )
        runner.launch([order])
        pid = number_in(child)
        runner.stop(order.key)
        Follower(runner).over(order.key)
        until(lambda: has_ended(pid))


class TestOutput:
    def test_binary_output(self, runner: LocalRunner) -> None:
        order = job("sh", "-c", "head -c 100000 /dev/urandom; echo; echo loss=0.5; printf '\\000\\377\\033[1m'")
        seen = Follower(runner)
        runner.launch([order])
        report = seen.over(order.key)
        assert seen.values(order.key) == [0.5]
        assert "loss=0.5" in report.tail
        assert all(character.isprintable() or character in "\n\t" for character in report.tail)

    def test_a_line_of_ten_megabytes(self, runner: LocalRunner) -> None:
        order = job("sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo loss=0.5; exit 1")
        seen = Follower(runner)
        runner.launch([order])
        report = seen.over(order.key)
        assert seen.values(order.key) == [0.5]
        assert (report.code, report.drained) == (1, True)
        assert len(report.tail) <= 4096

    def test_the_tail_has_the_last_lines(self, runner: LocalRunner) -> None:
        report = finish(runner, job("sh", "-c", "seq 1000; exit 1"))
        assert report.tail.splitlines() == [str(number) for number in range(981, 1001)]

    def test_how_metrics_were_looked_for_is_said(self, runner: LocalRunner) -> None:
        report = finish(runner, job("echo", "accuracy=1"))
        assert "the output" in report.message
        assert "accuracy" in report.message

    def test_pushed_reports(self, runner: LocalRunner) -> None:
        code = "import katib; katib.report(loss=0.25, step=3)"
        order = job(sys.executable, "-c", code)
        seen = Follower(runner)
        runner.launch([order])
        assert seen.over(order.key).code == 0
        assert seen.values(order.key) == [0.25]


class TestLogs:
    def test_reading(self, runner: LocalRunner, run_dir: Path) -> None:
        finish(runner, job("seq", "5"))
        finish(runner, job("echo", "second", attempt=2))
        assert read_log(run_dir, "trial", 1) == "1\n2\n3\n4\n5\n"
        assert read_log(run_dir, "trial", 1, tail=2) == "4\n5\n"
        assert read_log(run_dir, "trial", 1, tail=0) == ""
        assert read_log(run_dir, "trial") == "second\n"
        assert read_log(run_dir, "trial", 3) is None
        assert read_log(run_dir, "nobody") is None

    def test_the_last_lines_of_a_long_log(self, runner: LocalRunner, run_dir: Path) -> None:
        finish(runner, job("seq", "100000"))
        assert read_log(run_dir, "trial", tail=30000) == "".join(f"{number}\n" for number in range(70001, 100001))

    def test_following(self, runner: LocalRunner, run_dir: Path, tmp_path: Path) -> None:
        go = tmp_path / "go"
        # A character in two halves.
        first = job(
            "sh", "-c", f"printf 'one \\303'; while [ ! -e {go} ]; do sleep 0.02; done; printf '\\274\\n'; exit 1"
        )
        second = job("echo", "two", attempt=2)
        seen = Follower(runner)
        over = threading.Event()
        pieces = follow_log(run_dir, "trial", over=over.is_set, pause=0.01)
        runner.launch([first])
        assert next(pieces) == "one "
        go.touch()
        seen.over(first.key)
        runner.launch([second])
        seen.over(second.key)
        over.set()
        assert "".join(pieces) == "ü\ntwo\n"

    def test_following_one_attempt(self, runner: LocalRunner, run_dir: Path) -> None:
        finish(runner, job("echo", "one"))
        finish(runner, job("echo", "two", attempt=2))
        assert "".join(follow_log(run_dir, "trial", 1, over=lambda: True)) == "one\n"
