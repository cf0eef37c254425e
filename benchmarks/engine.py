"""What the engine costs, beside floors and peers measured in the same run. Prints ratios; absolute goals stand beside.

    python benchmarks/engine.py            # everything, a few minutes
    python benchmarks/engine.py --quick    # smaller numbers, for a look

Floors: the same processes started bare with the same parallelism; bare batched SQLAlchemy inserts. Peer: Optuna's own
storages, which start no process at all. Floors and engine take turns, and medians are compared.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PARALLEL = 2
PYTHON = [sys.executable, "-I", "-S", "-c", "pass"]
TRUE = ["/bin/true"]


# An installed katib has its bytecode; a checkout in an environment that writes none would be compiled at each start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", nargs=2, metavar=("TRIALS", "COMMAND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(engine_run(int(options.child[0]), json.loads(options.child[1]))))
        return
    with home_for_all():
        measure(quick=options.quick)


def measure(*, quick: bool) -> None:
    scale = 4 if quick else 1
    against_bare("python -I -S -c pass", PYTHON, trials=600 // scale, goal="ratio >= 0.9")
    against_bare("/bin/true", TRUE, trials=2000 // scale, goal=">= 400 trials/s")
    peer(trials=1000 // scale)
    growth(trials=10_000 // scale)
    metric_rows(rows=100_000 // scale)
    first_trial()
    help_time()


def against_bare(title: str, command: list[str], *, trials: int, goal: str) -> None:
    floor, engine = take_turns(lambda: bare(command, trials), lambda: child(trials, command)["seconds"])
    ratio = floor / engine
    print(
        f"{title}: engine {trials / engine:.0f} trials/s, bare {trials / floor:.0f}/s, ratio {ratio:.2f} (goal {goal})",
        flush=True,
    )


def take_turns(a: Callable[[], float], b: Callable[[], float], times: int = 3) -> tuple[float, float]:
    pairs = [(a(), b()) for _ in range(times)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def bare(command: list[str], number: int) -> float:
    """Start `number` processes, PARALLEL at a time, with nothing around them; seconds."""
    began = time.perf_counter()
    running = 0
    for _ in range(number):
        if running == PARALLEL:
            os.wait()
            running -= 1
        os.posix_spawn(command[0], command, os.environ)
        running += 1
    while running:
        os.wait()
        running -= 1
    return time.perf_counter() - began


def child(trials: int, command: list[str]) -> dict[str, float]:
    """An engine run in a fresh process, so that its memory is its own."""
    words = [sys.executable, __file__, "--child", str(trials), json.dumps(command)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def engine_run(trials: int, command: list[str]) -> dict[str, float]:
    """Run no-op trials through the whole engine on the default store; seconds, and seconds of parts."""
    from katib.embedded.session import Session
    from katib.embedded.starting import start

    home = folder()
    with Session(str(home / "katib.db")) as session:
        started = start(session, experiment(trials, command), lines=None, run_root=home / "katib-runs", workdir=home)
        marks: dict[int, float] = {}

        def mark(progress: object) -> None:
            looked = progress.looked  # type: ignore[attr-defined]
            created = looked.gathered.snapshot.study.summary.created
            marks.setdefault(created // 500, time.perf_counter())

        began = time.perf_counter()
        session.run(started.study.name, mark)
        seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "first": _rate(marks, 0, 2),
        "last": _rate(marks, trials // 500 - 2, trials // 500),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _rate(marks: dict[int, float], start: int, end: int) -> float:
    """Seconds per trial between two marks; 0 when the run was too short."""
    if start not in marks or end not in marks or start == end:
        return 0.0
    return (marks[end] - marks[start]) / ((end - start) * 500)


def experiment(trials: int, command: list[str]) -> dict[str, object]:
    from katib.spec.quick import experiment_from_command

    document = experiment_from_command(
        name="noop",
        params=["x=float:0:1"],
        command=[*command, "{x}"] if command[0] == "/bin/true" else [*command[:-1], "pass # {x}"],
        objectives={"loss": "minimize"},
        algorithm="random",
        max_trials=trials,
        parallel=min(PARALLEL, trials),
    )
    return dict(document)


def peer(*, trials: int) -> None:
    """Optuna's storages with its random sampler: no process is started, nothing is run."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    home = folder()
    journal = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(home / "journal.log")))
    stores = {"journal file": journal, "sqlite": f"sqlite:///{home / 'optuna.db'}"}
    for name, storage in stores.items():
        number = trials if name != "sqlite" else trials // 10
        study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler())
        began = time.perf_counter()
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=number)
        print(f"  peer: optuna, {name}, no process: {number / (time.perf_counter() - began):.0f} trials/s", flush=True)


def growth(*, trials: int) -> None:
    run = child(trials, TRUE)
    ratio = run["last"] / run["first"] if run["first"] else 0.0
    print(
        f"cost per trial at {trials} against 1,000: ratio {ratio:.2f} (goal <= 1.2), "
        f"{run['first'] * 1000:.2f} ms and {run['last'] * 1000:.2f} ms; peak memory {run['megabytes']:.0f} MB",
        flush=True,
    )


def metric_rows(*, rows: int) -> None:
    """Rows of one trial appended through the store, against the same rows inserted bare, 1,000 at a time."""
    import sqlalchemy as sa

    from katib.core.observation import MetricPoint
    from katib.stores.contract import TrialPoints

    def floor() -> float:
        home = folder()
        engine = sa.create_engine(f"sqlite:///{home / 'bare.db'}")
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        table = sa.Table(
            "rows",
            sa.MetaData(),
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("trial", sa.Text),
            sa.Column("metric", sa.Text),
            sa.Column("value", sa.Float),
            sa.Column("step", sa.Integer),
            sa.Column("time", sa.Float),
        )
        table.metadata.create_all(engine)
        began = time.perf_counter()
        for first in range(0, rows, 1000):
            batch = [
                {"trial": "t", "metric": "loss", "value": i * 0.5, "step": i, "time": 1.0 * i}
                for i in range(first, first + 1000)
            ]
            with engine.begin() as connection:
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
                connection.execute(table.insert(), batch)
        return time.perf_counter() - began

    def engine_rows() -> float:
        home = folder()
        with one_trial(home) as (store, study, trial):
            began = time.perf_counter()
            for first in range(0, rows, 1000):
                points = tuple(
                    MetricPoint(metric="loss", value=i * 0.5, text=str(i * 0.5), seq=i, step=i, time=1.0 * i)
                    for i in range(first, first + 1000)
                )
                store.append_observations(study.uid, [TrialPoints(trial=trial, attempt=1, points=points)], now=1.0)
            return time.perf_counter() - began

    bare_seconds, seconds = take_turns(floor, engine_rows)
    print(
        f"metric rows: {rows / seconds:.0f}/s, bare batched SQLAlchemy {rows / bare_seconds:.0f}/s, "
        f"ratio {bare_seconds / seconds:.2f} (goal >= 0.5)",
        flush=True,
    )


@contextmanager
def one_trial(home: Path) -> Iterator[tuple[object, object, str]]:
    """A store with a study that has one running trial."""
    from katib.core.advice import Advice
    from katib.core.trial import Reason, Transition, TrialState
    from katib.embedded.session import Session
    from katib.embedded.starting import start
    from katib.stores.contract import Changes, TrialFilter

    with Session(str(home / "katib.db")) as session:
        started = start(session, experiment(1, TRUE), lines=None, run_root=home / "katib-runs", workdir=home)
        study, store = started.study, session.store
        lease = store.acquire(study.name, "bench", now=0.0, seconds=1e9)
        created = Transition(
            ordinal=1, source=TrialState.ADVISED, attempt=1, target=TrialState.PENDING, reason=Reason.CREATED
        )
        changes = Changes(advice=[Advice(ordinal=1, assignment={"x": 0.5})], transitions=[created])
        store.commit(lease, changes, now=0.0)
        yield store, study, store.trials(study.uid, TrialFilter())[0].name


def first_trial() -> None:
    """Seconds from starting `katib run` to the first trial's process, the median of five."""
    script = "import sys, time; print(f'started={time.time()!r}'); print('loss=1')"
    times = []
    for _ in range(5):
        home = folder()
        words = [sys.executable, "-m", "katib", "run", "--param", "x=float:0:1", "--minimize", "loss"]
        words += ["--max-trials", "1", "--", sys.executable, "-I", "-S", "-c", script, "{x}"]
        began = time.time()
        subprocess.run(words, cwd=home, capture_output=True, check=True)
        log = next((home / "katib-runs").glob("*/*/attempt-1.log")).read_text()
        times.append(float(log.split("started=")[1].split()[0]) - began)
    print(f"`katib run` to the first trial's process: {statistics.median(times):.2f} s (goal < 1 s)", flush=True)


def help_time() -> None:
    """Seconds of `katib --help`, the median of five, beside a bare interpreter."""

    def timed(words: list[str]) -> float:
        began = time.perf_counter()
        subprocess.run(words, capture_output=True, check=True)
        return time.perf_counter() - began

    bare_python, help_seconds = take_turns(
        lambda: timed([sys.executable, "-c", "pass"]), lambda: timed([sys.executable, "-m", "katib", "--help"]), 5
    )
    print(f"`katib --help`: {help_seconds:.2f} s, bare python {bare_python:.2f} s (goal < 0.3 s)", flush=True)


@contextmanager
def home_for_all() -> Iterator[None]:
    """A temporary folder for everything, also of child processes, that is removed at the very end.

    ext4 without a journal keeps clear of inodes that were freed within the last minutes, by looking at each: after the
    removal of some thousand files a new one costs half a millisecond there, instead of 30 microseconds.
    """
    home = tempfile.mkdtemp(prefix="katib-bench-")
    os.environ["TMPDIR"] = tempfile.tempdir = home
    try:
        yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


def folder() -> Path:
    """A new one within the folder for all."""
    return Path(tempfile.mkdtemp())


if __name__ == "__main__":
    main()
