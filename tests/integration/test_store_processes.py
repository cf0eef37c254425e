"""Several processes on one SQLite file, and what is left of one that is killed."""

import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from katib.core.trial import TrialState
from katib.errors import LeaseHeld, StoreUnavailable
from katib.stores.contract import Changes, Store
from katib.stores.opening import open_store
from katib.testing import builders as make
from katib.testing.stores.base import EVERYTHING, NOW, new_study

PROCESSES, ROUNDS = 8, 25


def start(folder: Path, script: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a script in a process of its own; the file of its store is its first argument."""
    command = [sys.executable, "-c", textwrap.dedent(script), folder / "katib.db", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def assert_exact(store: Store, name: str = "digits") -> None:
    """The study's summary is what a recount gives."""
    study = store.get_study(name)
    recount = make.recount(store.trials(study.uid, EVERYTHING), study.objective)
    assert {state: number for state, number in study.summary.counts.items() if number} == recount.counts
    assert study.summary.highest_ordinal == recount.highest_ordinal
    assert (study.summary.best_ordinal, study.summary.best_value) == (recount.best_ordinal, recount.best_value)


HAMMER = """
    import sys
    from katib.core.study import Budget
    from katib.errors import AlreadyExists
    from katib.stores.contract import TrialPoints, Wish
    from katib.stores.opening import open_store
    from katib.testing.stores.base import NOW, Owned, new_study, points

    file, me, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = open_store(file)
    try:
        store.create_study(new_study("shared"), now=NOW)
    except AlreadyExists:
        pass
    owned = Owned(store, f"mine-{me}")
    for number in range(1, rounds + 1):
        owned.run(number)
        owned.append(number, *points(*map(float, range(5))))
        owned.finish(number, 1.0 / number)
        store.wish("shared", Wish(budget=Budget(parallel=1000 * me + number)), now=NOW)
    store.close()
"""


def test_eight_processes_work_on_one_file(tmp_path: Path) -> None:
    hammers = [start(tmp_path, HAMMER, me, ROUNDS) for me in range(1, PROCESSES + 1)]
    assert [hammer.wait() for hammer in hammers] == [0] * PROCESSES
    for hammer in hammers:
        assert hammer.stdout is not None
        hammer.stdout.close()
    store = open_store(tmp_path / "katib.db")
    assert store.get_study("shared").generation == 1 + PROCESSES * ROUNDS
    for me in range(1, PROCESSES + 1):
        study = store.get_study(f"mine-{me}")
        assert study.summary.count(TrialState.SUCCEEDED) == study.summary.best_ordinal == ROUNDS
        assert len(store.observations(study.uid)) == 5 * ROUNDS
        assert_exact(store, f"mine-{me}")
    store.close()


WRITER = """
    import os, sys
    from katib.stores.opening import open_store
    from katib.testing import builders as make
    from katib.testing.stores.base import NOW, Owned, move, points
    from katib.core.trial import TrialState
    from katib.stores.contract import Changes, TrialPoints

    file, me, dead = sys.argv[1:]
    store = open_store(file)
    lease = store.acquire("digits", me, now=NOW, seconds=1e9, dead=dead)
    uid = lease.uid
    for ordinal in range(store.get_study("digits").summary.highest_ordinal + 1, 10_000):
        store.commit(lease, Changes(advice=[make.advice(ordinal)]), now=NOW)
        print("advised", ordinal, flush=True)
        store.commit(lease, Changes(transitions=[move(ordinal, TrialState.ADVISED, TrialState.PENDING)]), now=NOW)
        (name,) = [trial.name for trial in store.view(uid).unfinished if trial.ordinal == ordinal]
        reported = [TrialPoints(trial=name, attempt=1, points=points(*map(float, range(20))))]
        store.append_observations(uid, reported, now=NOW)
        print("reported", ordinal, flush=True)
        done = move(ordinal, TrialState.PENDING, TrialState.SUCCEEDED, value=1.0 / ordinal)
        store.commit(lease, Changes(transitions=[done]), now=NOW)
        print("finished", ordinal, flush=True)
"""


def read(process: subprocess.Popen[str], lines: int) -> list[str]:
    """The next lines that a process prints; fewer when it ends."""
    assert process.stdout is not None
    found = [process.stdout.readline() for _ in range(lines)]
    return [line.strip() for line in found if line.endswith("\n")]


def assert_kept(store: Store, printed: Sequence[str]) -> None:
    """Everything that a process said it had done is there."""
    study = store.get_study("digits")
    trials = {trial.ordinal: trial for trial in store.trials(study.uid, EVERYTHING)}
    for line in printed:
        word, ordinal = line.split()
        assert int(ordinal) in trials
        if word == "finished":
            assert trials[int(ordinal)].state is TrialState.SUCCEEDED
        if word == "reported":
            assert len(store.observations(study.uid, ordinal=int(ordinal))) == 20


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    store = open_store(tmp_path / "katib.db")
    store.create_study(new_study(), now=NOW)
    chance = random.Random(20260105)
    printed: list[str] = []
    for kill in range(6):
        writer = start(tmp_path, WRITER, f"writer-{kill}", f"writer-{kill - 1}")
        # It prints as it goes: the kill comes somewhere in what follows the last line read here.
        printed += read(writer, chance.randint(1, 60))
        writer.kill()
        assert writer.stdout is not None
        printed += [line.strip() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        assert_kept(store, printed)
        assert_exact(store)
        assert store.get_study("digits").term == kill + 1
    with pytest.raises(LeaseHeld, match="writer-5"):
        store.acquire("digits", "somebody else", now=NOW, seconds=1)
    store.close()


OWNER = """
    import sys
    from katib.errors import Stale
    from katib.stores.contract import Changes
    from katib.stores.opening import open_store
    from katib.testing import builders as make
    from katib.testing.stores.base import NOW

    store = open_store(sys.argv[1])
    lease = store.acquire("digits", "the first", now=NOW, seconds=10)
    ordinal = 0
    try:
        while True:
            ordinal += 1
            store.commit(lease, Changes(advice=[make.advice(ordinal)]), now=NOW)
            print("advised", ordinal, flush=True)
    except Stale:
        print("stale", ordinal, flush=True)
    store.close()
"""


def test_an_owner_that_slept_past_its_lease_writes_nothing_more(tmp_path: Path) -> None:
    store = open_store(tmp_path / "katib.db", busy_seconds=0.1)
    store.create_study(new_study(), now=NOW)
    first = start(tmp_path, OWNER)
    printed: list[str] = []
    lease = None
    while lease is None:
        printed += read(first, 20)
        first.send_signal(signal.SIGSTOP)
        try:
            lease = store.acquire("digits", "the second", now=NOW + 10, seconds=10)
        except StoreUnavailable:
            # It was stopped in the middle of writing.
            first.send_signal(signal.SIGCONT)
    store.commit(lease, Changes(advice=[make.advice(100_000)]), now=NOW)
    before = store.get_study("digits")
    first.send_signal(signal.SIGCONT)
    assert first.stdout is not None
    printed += first.stdout.read().split("\n")[:-1]
    assert first.wait() == 0
    first.stdout.close()
    assert printed[-1] == f"stale {len(printed)}"
    assert_kept(store, printed[:-1])
    assert store.get_study("digits") == before
    assert_exact(store)
    store.close()
