"""The conformance suite for runners: every implementation of `katib.runners.contract.TrialRunner` passes it.

Derive a class whose name begins with `Test`, say how to make a runner, and declare what it can do:

    class TestMyRunner(RunnerSuite):
        abilities = RunnerAbilities(deadlines=False)

        def make_runner(self, place):
            return MyRunner(place)
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from katib.core.observation import MetricPoint
from katib.core.run import NOT_LAUNCHED, Cause, Phase, RunKey, RunReport
from katib.runners.contract import LaunchOrder, TrialRunner

METRIC = "loss"


@dataclass(frozen=True, kw_only=True)
class RunnerAbilities:
    """What a runner can do.

    Attributes:
        survives: runs go on without the runner, and a new one at the same place knows them.
        deadlines: it ends a run that takes longer than its activeDeadlineSeconds.
        forces: a run that ignores SIGTERM is ended by SIGKILL, and this is told.
        checkpoints: trials have checkpoint directories, and one can start from another's.
    """

    survives: bool = True
    deadlines: bool = True
    forces: bool = True
    checkpoints: bool = True


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a run does.

    Attributes:
        values: of the metric, printed at once and in this order.
        code: it exits with this.
        stays: it does not exit by itself.
        deaf: it ignores SIGTERM.
        deadline: its activeDeadlineSeconds; None for none.
    """

    values: tuple[float, ...] = ()
    code: int = 0
    stays: bool = False
    deaf: bool = False
    deadline: int | None = None


def job(
    *command: str,
    trial: str = "trial",
    attempt: int = 1,
    deadline: int | None = None,
    container: Mapping[str, Any] | None = None,
) -> LaunchOrder:
    """The order to run a command as a Job, with its output as the source of metrics.

    Args:
        container: more fields of the container.
    """
    main = {"name": "main", "image": "busybox", "command": list(command), **(container or {})}
    spec: dict[str, Any] = {"template": {"spec": {"restartPolicy": "Never", "containers": [main]}}}
    if deadline is not None:
        spec["activeDeadlineSeconds"] = deadline
    return LaunchOrder(
        trial=trial,
        attempt=attempt,
        manifest={"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": trial}, "spec": spec},
        container="main",
        metrics=(METRIC,),
        collector={"collector": {"kind": "StdOut"}},
    )


class Follower:
    """Observes a runner as the engine does: when it is woken, and now and then."""

    def __init__(self, runner: TrialRunner, *, patience: float = 30.0) -> None:
        self._runner = runner
        self._patience = patience
        self._news = threading.Event()
        self.points: dict[RunKey, list[MetricPoint]] = {}
        self.reports: dict[RunKey, RunReport] = {}
        runner.on_change(self._news.set)

    def look(self) -> None:
        """Observe once."""
        reports, points = self._runner.observe()
        self.reports = dict(reports)
        for key, new in points.items():
            self.points.setdefault(key, []).extend(new)

    def until(self, test: Callable[[], bool]) -> None:
        """Observe until `test` holds; fails when it does not in time."""
        end = time.monotonic() + self._patience
        self.look()
        while not test():
            assert time.monotonic() < end, f"waited {self._patience} s; last seen: {self.reports}"
            self._news.wait(0.1)
            self._news.clear()
            self.look()

    def phase(self, key: RunKey) -> Phase:
        return self.reports.get(key, NOT_LAUNCHED).phase

    def running(self, key: RunKey) -> RunReport:
        """Wait until a run is running."""
        self.until(lambda: self.phase(key) is Phase.RUNNING)
        return self.reports[key]

    def over(self, key: RunKey) -> RunReport:
        """Wait until a run is over and its points are complete."""
        over = (Phase.ENDED, Phase.REFUSED, Phase.LOST)
        self.until(
            lambda: self.phase(key) in over and (self.reports[key].drained or self.phase(key) is not Phase.ENDED)
        )
        return self.reports[key]

    def values(self, key: RunKey) -> list[float | None]:
        """The values that a run reported, each once, in their order."""
        distinct = {point.identity: point for point in self.points.get(key, ())}
        return [point.value for point in sorted(distinct.values(), key=lambda point: point.seq)]


class RunnerSuite(ABC):
    """What holds for every runner."""

    abilities = RunnerAbilities()
    patience = 30.0
    """Seconds that anything may take before the test fails."""
    image = "busybox"
    """Of the containers, for runners that run some: it has a shell."""
    grace: int | None = None
    """The pods' terminationGracePeriodSeconds, for runners that cannot end a run sooner than its template says."""

    @abstractmethod
    def make_runner(self, place: Path) -> TrialRunner:
        """A runner that keeps what it must at `place`; a second one there is the first one's successor."""

    def order(self, program: Program, *, trial: str = "trial", attempt: int = 1) -> LaunchOrder:
        """The order to run `program`: by default a Job of a shell script."""
        lines = ["trap '' TERM"] if program.deaf else []
        lines += [f"echo {METRIC}={value}" for value in program.values]
        lines += ["exec sleep 600" if program.stays else f"exit {program.code}"]
        return self.job("sh", "-c", "\n".join(lines), trial=trial, attempt=attempt, deadline=program.deadline)

    def job(self, *command: str, **more: Any) -> LaunchOrder:
        """The order to run a command as a Job, in this suite's image; see the function of that name."""
        order = job(*command, container={"image": self.image}, **more)
        if self.grace is not None:
            order.manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = self.grace
        return order

    def unstartable(self, *, trial: str = "trial") -> LaunchOrder:
        """The order to run what cannot be started."""
        return self.job("no-such-program-anywhere", trial=trial)

    @pytest.fixture
    def runner(self, tmp_path: Path) -> Iterator[TrialRunner]:
        """A runner at an empty place."""
        made = self.make_runner(tmp_path)
        yield made
        made.close(kill=True)

    @pytest.fixture
    def seen(self, runner: TrialRunner) -> Follower:
        """What the engine sees of it."""
        return Follower(runner, patience=self.patience)

    @pytest.fixture
    def successor(self, runner: TrialRunner, tmp_path: Path) -> Iterator[Callable[[], tuple[TrialRunner, Follower]]]:
        """Lets go of the runner, and makes the one that comes after it."""
        if not self.abilities.survives:
            pytest.skip("this runner declares that runs do not survive it")
        made: list[TrialRunner] = []

        def succeed() -> tuple[TrialRunner, Follower]:
            runner.close()
            made.append(self.make_runner(tmp_path))
            return made[-1], Follower(made[-1], patience=self.patience)

        yield succeed
        for one in made:
            one.close(kill=True)

    def test_a_run_is_reported_with_its_end_and_all_its_points(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(values=(0.5, 0.25)))
        runner.launch([order])
        report = seen.over(order.key)
        assert (report.phase, report.code, report.signal, report.cause) == (Phase.ENDED, 0, None, None)
        assert report.started_at is not None
        assert report.ended_at is not None
        assert report.started_at <= report.ended_at
        assert seen.values(order.key) == [0.5, 0.25]

    def test_an_exit_code_is_told(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(code=3))
        runner.launch([order])
        assert seen.over(order.key).code == 3

    def test_points_come_while_the_run_goes_on(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(values=(0.5,), stays=True))
        runner.launch([order])
        seen.until(lambda: seen.values(order.key) == [0.5])
        assert seen.running(order.key).started_at is not None

    def test_sequence_numbers_grow(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(values=(1.0, 1.0, 1.0)))
        runner.launch([order])
        seen.over(order.key)
        numbers = [point.seq for point in seen.points[order.key]]
        assert numbers == sorted(set(numbers))

    def test_the_engine_is_woken_when_a_run_ends(self, runner: TrialRunner) -> None:
        woken = threading.Event()

        def wake() -> None:
            reports, _ = runner.observe()
            if any(report.drained for report in reports.values()):
                woken.set()

        runner.on_change(wake)
        runner.launch([self.order(Program())])
        assert woken.wait(self.patience)

    def test_a_run_is_reported_until_it_is_forgotten(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program())
        runner.launch([order])
        report = seen.over(order.key)
        seen.look()
        assert seen.reports == {order.key: report}
        runner.forget([order.key])
        seen.look()
        assert seen.reports == {}

    def test_launching_twice_runs_once(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(values=(0.5,)))
        runner.launch([order, order])
        runner.launch([order])
        seen.over(order.key)
        runner.launch([order])
        assert seen.over(order.key).code == 0
        assert seen.values(order.key) == [0.5]

    def test_a_forgotten_run_is_not_run_again(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(values=(0.5,)))
        runner.launch([order])
        before = seen.over(order.key)
        runner.forget([order.key])
        runner.launch([order])
        after = seen.over(order.key)
        assert (after.phase, after.started_at) == (before.phase, before.started_at)
        assert seen.values(order.key) == [0.5]

    def test_attempts_are_runs_of_their_own(self, runner: TrialRunner, seen: Follower) -> None:
        first, second = self.order(Program(code=1, values=(1.0,))), self.order(Program(values=(2.0,)), attempt=2)
        runner.launch([first])
        seen.over(first.key)
        runner.launch([second])
        assert (seen.over(first.key).code, seen.over(second.key).code) == (1, 0)
        assert (seen.values(first.key), seen.values(second.key)) == ([1.0], [2.0])

    def test_many_at_once(self, runner: TrialRunner, seen: Follower) -> None:
        orders = [self.order(Program(values=(float(i),)), trial=f"trial-{i}") for i in range(20)]
        runner.launch(orders)
        assert {seen.over(order.key).code for order in orders} == {0}
        assert [seen.values(order.key) for order in orders] == [[float(i)] for i in range(20)]

    def test_no_more_go_on_than_the_limit(self, runner: TrialRunner, seen: Follower) -> None:
        first, second, third, fourth = orders = self._waiting_in_line(runner, seen)
        runner.launch(orders)
        runner.stop(first.key)
        assert seen.over(first.key).cause is Cause.STOPPED
        seen.running(third.key)
        assert seen.phase(fourth.key) is Phase.STARTING
        runner.limit(3)
        seen.running(fourth.key)
        assert seen.phase(second.key) is Phase.RUNNING

    def test_what_is_stopped_while_it_waits_was_never_launched(self, runner: TrialRunner, seen: Follower) -> None:
        first, second, third, fourth = self._waiting_in_line(runner, seen)
        runner.stop(third.key)
        seen.until(lambda: seen.phase(third.key) is Phase.UNKNOWN)
        runner.stop(first.key)
        seen.running(fourth.key)
        runner.launch([third])
        runner.stop(second.key)
        assert seen.running(third.key).started_at is not None

    def test_a_limit_ends_nothing(self, runner: TrialRunner, seen: Follower) -> None:
        first, second, third, _ = self._waiting_in_line(runner, seen)
        runner.limit(1)
        runner.stop(first.key)
        assert seen.over(first.key).cause is Cause.STOPPED
        assert (seen.phase(second.key), seen.phase(third.key)) == (Phase.RUNNING, Phase.STARTING)

    def _waiting_in_line(self, runner: TrialRunner, seen: Follower) -> list[LaunchOrder]:
        """Four runs, of which two wait for a place."""
        if not runner.queues:
            pytest.skip("this runner starts what is launched at once")
        orders = [self.order(Program(stays=True), trial=f"trial-{number}") for number in range(4)]
        runner.limit(2)
        runner.launch(orders)
        for order in orders[:2]:
            seen.running(order.key)
        seen.until(lambda: "2 places" in seen.reports[orders[3].key].message)
        assert [seen.phase(order.key) for order in orders[2:]] == [Phase.STARTING] * 2
        return orders

    def test_what_cannot_start_is_refused_and_says_why(self, runner: TrialRunner, seen: Follower) -> None:
        good, bad = self.order(Program(), trial="good"), self.unstartable(trial="bad")
        runner.launch([bad, good])
        report = seen.over(bad.key)
        assert report.phase is Phase.REFUSED
        assert report.message
        assert seen.over(good.key).code == 0
        runner.launch([bad])
        assert seen.over(bad.key).phase is Phase.REFUSED

    def test_a_stopped_run_ends_and_says_so(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(stays=True))
        runner.launch([order])
        seen.running(order.key)
        runner.stop(order.key)
        runner.stop(order.key)
        report = seen.over(order.key)
        assert (report.phase, report.cause) == (Phase.ENDED, Cause.STOPPED)

    def test_a_run_can_be_stopped_as_soon_as_it_is_launched(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(stays=True))
        runner.launch([order])
        runner.stop(order.key, grace=0.0)
        assert seen.over(order.key).cause is Cause.STOPPED

    def test_stopping_what_is_over_changes_nothing(self, runner: TrialRunner, seen: Follower) -> None:
        order = self.order(Program(code=3))
        runner.launch([order])
        before = seen.over(order.key)
        runner.stop(order.key)
        seen.look()
        assert seen.reports[order.key] == before

    def test_what_was_never_launched_is_no_matter(self, runner: TrialRunner, seen: Follower) -> None:
        runner.stop(("nobody", 1))
        runner.forget([("nobody", 1)])
        runner.adopt([self.order(Program(), trial="nobody")])
        seen.look()
        assert seen.phase(("nobody", 1)) is Phase.UNKNOWN

    def test_a_run_that_ignores_the_warning_is_ended_by_force(self, runner: TrialRunner, seen: Follower) -> None:
        if not self.abilities.forces:
            pytest.skip("this runner declares that it does not end runs by force")
        order = self.order(Program(values=(1.0,), stays=True, deaf=True))
        runner.launch([order])
        # The value is printed after it has become deaf.
        seen.until(lambda: seen.values(order.key) == [1.0])
        runner.stop(order.key, grace=0.2)
        report = seen.over(order.key)
        assert (report.cause, report.signal) == (Cause.STOPPED, 9)

    def test_a_run_ends_at_its_deadline(self, runner: TrialRunner, seen: Follower) -> None:
        if not self.abilities.deadlines:
            pytest.skip("this runner declares that it knows no deadlines")
        order = self.order(Program(stays=True, deadline=1))
        runner.launch([order])
        report = seen.over(order.key)
        assert (report.phase, report.cause) == (Phase.ENDED, Cause.DEADLINE)

    def test_attempts_of_a_trial_share_its_checkpoint(self, runner: TrialRunner, seen: Follower) -> None:
        self._needs_checkpoints()
        # Each attempt tells how many were there before it.
        script = 'ls "$KATIB_CHECKPOINT_DIR" | wc -l | sed s/^/loss=/; echo > "$KATIB_CHECKPOINT_DIR/$KATIB_ATTEMPT"'
        orders = [replace(self.job("sh", "-c", script, attempt=n), checkpoints=True) for n in (1, 2)]
        for order in orders:
            runner.launch([order])
            assert seen.over(order.key).code == 0
        assert [seen.values(order.key) for order in orders] == [[0.0], [1.0]]

    def test_a_trial_starts_from_a_copy_of_its_parents_checkpoint(self, runner: TrialRunner, seen: Follower) -> None:
        self._needs_checkpoints()
        # The state is a number; each run adds one to it.
        script = """
            cd "$KATIB_CHECKPOINT_DIR/model" 2> /dev/null || { mkdir "$KATIB_CHECKPOINT_DIR/model"; cd "$_"; }
            echo $(($(cat state 2> /dev/null || echo 0) + 1)) > state
            sed s/^/loss=/ state
        """
        steps = (
            ("first", 1, ""),
            ("child", 1, "first"),
            ("first", 2, ""),
            ("child", 2, "first"),
            ("other", 1, "first"),
        )
        orders = [
            replace(self.job("bash", "-c", script, trial=trial, attempt=attempt), checkpoints=True, parent=parent)
            for trial, attempt, parent in steps
        ]
        for order in orders:
            runner.launch([order])
            assert seen.over(order.key).code == 0
        # The child's second attempt goes on from its own first one, not from what its parent is now.
        assert [seen.values(order.key) for order in orders] == [[1.0], [2.0], [2.0], [3.0], [3.0]]

    def _needs_checkpoints(self) -> None:
        if not self.abilities.checkpoints:
            pytest.skip("this runner declares that its trials have no checkpoint directories")

    def test_a_successor_knows_how_runs_ended(self, runner: TrialRunner, seen: Follower, successor: Any) -> None:
        order = self.order(Program(code=3, values=(0.5, 0.25)))
        runner.launch([order])
        seen.over(order.key)
        runner, after = successor()
        runner.adopt([order])
        assert after.over(order.key).code == 3
        assert [p.identity for p in after.points[order.key]] == [p.identity for p in seen.points[order.key]]

    def test_a_successor_adopts_what_runs(self, runner: TrialRunner, seen: Follower, successor: Any) -> None:
        order, other = self.order(Program(stays=True)), self.order(Program(), trial="never-launched")
        runner.launch([order])
        started = seen.running(order.key).started_at
        runner, after = successor()
        runner.adopt([order, other])
        # At once: a run on record that its runner does not report is taken for lost.
        after.look()
        assert after.phase(order.key) in (Phase.STARTING, Phase.RUNNING)
        assert after.phase(other.key) is Phase.UNKNOWN
        assert after.running(order.key).started_at == started
        runner.stop(order.key)
        assert after.over(order.key).cause is Cause.STOPPED

    def test_a_successor_launches_nothing_twice(self, runner: TrialRunner, seen: Follower, successor: Any) -> None:
        order = self.order(Program(values=(0.5,)))
        runner.launch([order])
        before = seen.over(order.key)
        runner, after = successor()
        runner.launch([order])
        assert after.over(order.key).started_at == before.started_at
        assert after.values(order.key) == [0.5]

    def test_closing_with_kill_ends_what_runs(self, runner: TrialRunner, seen: Follower, successor: Any) -> None:
        order = self.order(Program(stays=True, deaf=True, values=(1.0,)))
        runner.launch([order])
        seen.until(lambda: seen.values(order.key) == [1.0])
        runner.close(kill=True)
        runner, after = successor()
        runner.adopt([order])
        assert after.over(order.key).phase in (Phase.ENDED, Phase.LOST)
