"""Worker processes: what they keep, what losing them changes (nothing), and that none is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from katib.config import SuggestionSettings
from katib.errors import AlgorithmFailed, KatibError, SuggestionError
from katib.suggestion import open_suggestions
from katib.suggestion.fallback import ResilientSuggestions
from katib.suggestion.local import KEPT, LocalSuggestions
from katib.suggestion.pool import WorkerPool
from katib.suggestion.registry import Registry
from katib.suggestion.wire import Answer, NeedFull, Suggest
from katib.suggestion.worker import Worker
from katib.testing.algorithms import SPACES, double, drive, integer, space, study_config
from katib.testing.processes import has_ended

FOREIGN = Path(__file__).parents[1] / "contract" / "foreign"
EXTRA = {"pids": "broken:Pids", "hangs": "broken:Hangs", "chatters": "broken:Chatters", "segfaults": "broken:Segfaults"}
SPACE = space(double("x", 0, 1), integer("n", 1, 9, step=2))


@pytest.fixture(autouse=True)
def foreign() -> Iterator[None]:
    sys.path.insert(0, str(FOREIGN))
    yield
    sys.path.remove(str(FOREIGN))


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(SuggestionSettings(workers=2, extra=EXTRA))
    yield pool
    pool.close()


def wait_until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def label(pool: WorkerPool | ResilientSuggestions, name: str, uid: str = "5f1c") -> str:
    return pool.suggest(study_config("pids", SPACE, uid=uid), [], [1]).advice[0].labels[name]


def test_an_instance_is_kept_between_requests_and_sees_the_whole_record(pool: WorkerPool) -> None:
    trials, _ = drive(pool, study_config("pids", SPACE), steps=6)
    assert len({trial.labels["instance"] for trial in trials}) == 1
    assert [trial.labels["trials"] for trial in trials] == ["0", "1", "2", "3", "4", "5"]


def test_messages_of_trials_are_not_sent(pool: WorkerPool) -> None:
    config = study_config("pids", SPACE)
    trials, _ = drive(pool, config, steps=3)
    logged = [replace(trial, message="pages of output") for trial in trials]
    assert pool.suggest(config, logged, [4]).advice[0].labels["messages"] == "0"


@pytest.mark.parametrize("algorithm", ["random", "sobol", "tpe"])
def test_killing_the_worker_between_any_two_requests_changes_no_answer(algorithm: str) -> None:
    config = study_config(algorithm, SPACES["mixed"], settings={"random_state": "3"})
    undisturbed, _ = drive(LocalSuggestions(), config, steps=15)
    pool = WorkerPool()
    killing = ResilientSuggestions(pool)
    for length in range(15):
        reply = killing.suggest(config, undisturbed[:length], [length + 1])
        assert not reply.failure
        assert reply.advice[0].assignment == undisturbed[length].assignment
        if length % 5 == 0:
            (worker,) = _workers()
            os.kill(worker, signal.SIGKILL)
    pool.close()


def _workers() -> list[int]:
    """Those of this process, which has other children too: the servers that tests share, for one."""
    found: list[int] = []
    # The kernel may leave one out while another ends.
    wait_until(lambda: bool(found.extend(filter(_is_worker, _children())) or found))
    return found


def _children() -> list[int]:
    return [int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_a_worker_that_lacks_the_base_asks_for_the_whole_record() -> None:
    config = study_config("random", SPACE)
    trials = tuple(drive(LocalSuggestions(), config, steps=4)[0])
    worker = Worker(Registry())

    def ask(base: int, version: int, changed: tuple, uid: str = "5f1c") -> object:
        of = replace(config, uid=uid)
        return worker.answer(Suggest(config=of, base=base, version=version, changed=changed, ordinals=(9,)))

    assert ask(1, 2, ()) == NeedFull()
    whole = ask(0, 1, trials)
    assert isinstance(whole, Answer)
    assert ask(1, 2, ()) == whole
    assert ask(1, 3, ()) == NeedFull(), "version 1 is gone"
    ask(0, 1, trials)
    for number in range(KEPT):
        ask(0, 1, (), uid=str(number))
    assert ask(1, 2, ()) == NeedFull(), "it keeps so many studies"


def test_more_studies_than_are_kept_are_answered_right(pool: WorkerPool) -> None:
    configs = [study_config("random", SPACE, uid=str(number)) for number in range(KEPT + 5)]
    local = LocalSuggestions()
    records = [drive(local, config, steps=3)[0] for config in configs]
    for length in (1, 2, 3):
        for config, trials in zip(configs, records, strict=True):
            asked = (config, trials[:length], [9])
            assert pool.suggest(*asked) == local.suggest(*asked)


def test_many_threads_may_ask(pool: WorkerPool) -> None:
    configs = [study_config("tpe", SPACE, uid=str(number), settings={"n_startup_trials": "2"}) for number in range(4)]
    expected = [drive(LocalSuggestions(), config, steps=8)[0] for config in configs]

    def answers(number: int) -> bool:
        config, trials = configs[number % 4], expected[number % 4]
        return all(
            pool.suggest(config, trials[:length], [length + 1]).advice[0].assignment == trials[length].assignment
            for length in range(8)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(answers, range(8)))


def test_studies_are_spread_over_the_workers_and_stay(pool: WorkerPool) -> None:
    homes = {uid: label(pool, "pid", uid) for uid in "abcd"}
    assert len(set(homes.values())) == 2
    assert {uid: label(pool, "pid", uid) for uid in "dcba"} == homes


def test_the_validation_of_a_study_that_has_no_uid_yet_costs_it_no_worker_of_its_own(pool: WorkerPool) -> None:
    assert pool.validate(study_config("pids", SPACE, uid="")) == ()
    validator = _workers()
    label(pool, "pid")
    assert _workers() == validator


def test_an_algorithms_output_reaches_no_terminal(pool: WorkerPool, capfd: pytest.CaptureFixture[str]) -> None:
    drive(pool, study_config("chatters", SPACE), steps=3)
    assert capfd.readouterr() == ("", "")


def test_a_worker_is_out_of_reach_of_the_terminals_ctrl_c(pool: WorkerPool) -> None:
    assert os.getsid(int(label(pool, "pid"))) != os.getsid(0)


def test_a_module_in_the_users_folder_does_not_shadow_a_standard_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle", "statistics", "socket", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported the wrong one')")
    monkeypatch.chdir(tmp_path)
    service = open_suggestions()
    assert service.validate(study_config("random", SPACE)) == ()
    service.close()


def declare(folder: Path, package: str, target: str) -> None:
    """Leave what pip leaves of a package that declares algorithm `corners`."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[katib.algorithms]\ncorners = {target}\n")


def test_an_installed_package_adds_an_algorithm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: WorkerPool
) -> None:
    declare(tmp_path, "corners", "corners:Corners")
    monkeypatch.syspath_prepend(tmp_path)
    trials, _ = drive(pool, study_config("corners", SPACE), steps=3)
    assert {trial.assignment["x"] for trial in trials} <= {0.0, 1.0}


def test_two_packages_may_not_declare_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: WorkerPool
) -> None:
    declare(tmp_path, "corners", "corners:Corners")
    declare(tmp_path, "edges", "edges:Edges")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SuggestionError, match=r"two installed packages declare algorithm 'corners': corners:.*edges:"):
        pool.abilities("corners")


def test_close_ends_the_workers(pool: WorkerPool) -> None:
    pids = {int(label(pool, "pid", uid)) for uid in "ab"}
    pool.close()
    assert len(pids) == 2
    assert all(has_ended(pid) for pid in pids)
    pool.close()
    with pytest.raises(SuggestionError, match="closed"):
        label(pool, "pid")


def _is_worker(pid: int) -> bool:
    try:
        return b"\0katib.suggestion.worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_close_does_not_wait_for_an_answer(pool: WorkerPool) -> None:
    trials, _ = drive(pool, study_config("hangs", SPACE), steps=3)
    caught: list[KatibError] = []

    def ask() -> None:
        try:
            ResilientSuggestions(pool).suggest(study_config("hangs", SPACE), trials, [4])
        except KatibError as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert _workers()
    pool.close()
    asking.join(20.0)
    assert not asking.is_alive()
    assert isinstance(caught[0], SuggestionError)
    assert not isinstance(caught[0], AlgorithmFailed), "a service that is closed makes no fallback"


def test_an_interrupted_question_leaves_no_answer_behind(pool: WorkerPool) -> None:
    """Ctrl-C while an answer is awaited: the next question must not get that answer."""
    trials, _ = drive(pool, study_config("hangs", SPACE), steps=3)

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        pool.suggest(study_config("hangs", SPACE), trials, [4])
    signal.signal(signal.SIGUSR1, before)
    config = study_config("random", SPACE)
    assert pool.suggest(config, trials, [4]) == LocalSuggestions().suggest(config, trials, [4])


PARENT = """
import os
import sys
from katib.config import SuggestionSettings
from katib.suggestion.pool import WorkerPool
from katib.testing.algorithms import double, drive, space, study_config

pool = WorkerPool(SuggestionSettings(deadline=3.0, extra={extra!r}))
config = study_config({algorithm!r}, space(double("x", 0, 1)))
trials, last = drive(pool, config, steps=3)
# The kernel may leave one out while another ends.
while not (children := open("/proc/self/task/%d/children" % os.getpid()).read().split()):
    pass
print(*children, flush=True)
pool.suggest(config, trials, [4])
sys.stdin.read()
"""


@pytest.mark.parametrize("algorithm", ["random", "hangs"])
def test_a_worker_ends_with_its_parent_even_when_it_hangs(algorithm: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(extra=EXTRA, algorithm=algorithm)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(FOREIGN)},
        text=True,
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert not has_ended(worker)
        parent.kill()
        wait_until(lambda: has_ended(worker))
