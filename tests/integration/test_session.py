"""An engine in this process: who owns a study, and what a failing store or algorithm does to it."""

import os
import threading
import time

import pytest

from katib.config import ControllerSettings, LeaseSettings, Settings
from katib.core.trial import TrialState
from katib.embedded.session import Session
from katib.embedded.starting import start
from katib.errors import InvalidInput, Stale
from katib.service.explain import explain
from katib.service.owners import Owner
from katib.spec.quick import experiment_from_command

PATIENCE = 60.0
QUICK = Settings(
    lease=LeaseSettings(seconds=2.0, renew_every=0.1), controller=ControllerSettings(longest_error_delay=0.2)
)


def document(script: str, **changes) -> dict:
    return experiment_from_command(
        **{
            "name": "study",
            "params": ["x=float:0:1"],
            "command": ["/bin/sh", "-c", script, "{x}"],
            "objectives": {"loss": "minimize"},
            "max_trials": 4,
            "parallel": 2,
            **changes,
        }
    )


@pytest.fixture
def session(tmp_path):
    with Session(str(tmp_path / "katib.db"), QUICK) as opened:
        yield opened


def begin(session, tmp_path, document):
    return start(session, document, lines=None, run_root=tmp_path / "katib-runs", workdir=tmp_path).study


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def test_an_owner_that_was_replaced_drops_everything_and_nothing_runs_twice(session, tmp_path):
    script = 'echo "$KATIB_TRIAL_NAME $KATIB_ATTEMPT" >> starts; while [ ! -e go ]; do sleep 0.01; done; echo "loss=$0"'
    study = begin(session, tmp_path, document(script))
    outcome: list[BaseException] = []

    def first() -> None:
        try:
            session.run(study.name)
        except Stale as error:
            outcome.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    running = lambda: session.store.get_study("study").summary.count(TrialState.RUNNING)  # noqa: E731
    until(lambda: running() == 2, "two running trials")
    with Session(str(tmp_path / "katib.db"), QUICK) as second:
        taken = threading.Thread(target=second.run, args=("study",))
        taken.start()
        thread.join(PATIENCE)
        assert isinstance(outcome[0], Stale)
        (tmp_path / "go").touch()
        taken.join(PATIENCE)
        assert second.store.get_study("study").summary.count(TrialState.SUCCEEDED) == 4
    starts = (tmp_path / "starts").read_text().splitlines()
    assert len(starts) == len(set(starts)) == 4


def test_an_owner_that_lives_and_cannot_renew_its_lease_is_not_called_dead(session, tmp_path):
    begin(session, tmp_path, document("true"))
    session.store.acquire("study", str(Owner.me()), now=100.0, seconds=1.0)
    told = explain(session.store, "study", now=200.0, tail_of=lambda _trial: "")
    assert (f"process {os.getpid()}" in told.doing, told.since) == (True, 101.0)
    assert "has not been able to write to the store" in told.doing


def test_a_lease_is_renewed_while_a_trial_takes_longer_than_it(session, tmp_path):
    study = begin(session, tmp_path, document('sleep 4; echo "loss=$0"', max_trials=1, parallel=1))
    assert session.run(study.name).summary.count(TrialState.SUCCEEDED) == 1


def test_a_store_that_is_away_for_a_while_loses_nothing(session, tmp_path, monkeypatch):
    """Every write fails while the file is locked by somebody else; the runs go on and are read afterwards."""
    study = begin(session, tmp_path, document('echo "loss=$0"', max_trials=20))
    from katib.errors import StoreUnavailable

    real, away = session.store.commit, [True] * 10

    def commit(*args, **kwargs):
        if away:
            away.pop()
            raise StoreUnavailable("somebody else has locked it")
        return real(*args, **kwargs)

    monkeypatch.setattr(session.store, "commit", commit)
    said: list[str] = []
    study = session.run(study.name, lambda progress: said.append(progress.error))
    assert study.summary.count(TrialState.SUCCEEDED) == 20
    assert "somebody else has locked it" in said


def test_what_cannot_run_here_is_refused_before_anything_is_recorded(session, tmp_path):
    nas = document("echo")
    nas["spec"]["nasConfig"] = {"graphConfig": {"numLayers": 1}}
    with pytest.raises(InvalidInput, match="nasConfig"):
        begin(session, tmp_path, nas)
    unknown = document("echo", algorithm="random", settings={"nonsense": "1"})
    with pytest.raises(InvalidInput, match="nonsense"):
        begin(session, tmp_path, unknown)
    assert session.store.list_studies() == []


def test_studies_side_by_side_in_one_store(tmp_path):
    """Eight engines on one SQLite file, a study each."""
    sessions = [Session(str(tmp_path / "katib.db"), QUICK) for _ in range(8)]
    try:
        studies = [
            begin(one, tmp_path, document('echo "loss=$0"', name=f"study-{number}", max_trials=5))
            for number, one in enumerate(sessions)
        ]
        threads = [
            threading.Thread(target=one.run, args=(study.name,)) for one, study in zip(sessions, studies, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        counts = [study.summary.count(TrialState.SUCCEEDED) for study in sessions[0].store.list_studies()]
        assert counts == [5] * 8
    finally:
        for one in sessions:
            one.close()


def test_short_trials_wait_in_line_and_no_more_run_at_a_time(session, tmp_path):
    """Places are taken without a look of the engine, and still by as many as may run, each once."""
    study = begin(
        session, tmp_path, document('echo + >> runs; echo "loss=$0"; echo - >> runs', algorithm="random", max_trials=80)
    )
    waiting = []

    def note(progress) -> None:
        waiting.append(progress.looked.gathered.snapshot.ahead)

    session.run(study.name, note)
    lines = (tmp_path / "runs").read_text().split()
    assert lines.count("+") == lines.count("-") == 80
    assert max(lines[:end].count("+") - lines[:end].count("-") for end in range(len(lines) + 1)) <= 2
    assert max(waiting) > 0
    trials = session.store.trials(study.uid)
    assert {(trial.state, trial.attempt) for trial in trials} == {(TrialState.SUCCEEDED, 1)}
    assert len(trials) == 80


def test_a_stop_leaves_none_in_line(session, tmp_path):
    study = begin(session, tmp_path, document('echo x >> runs; echo "loss=$0"', algorithm="random", max_trials=9_999))

    def stop(progress) -> None:
        if progress.looked.gathered.snapshot.ahead:
            session.studies.stop(study.name)

    session.run(study.name, stop)
    runs = (tmp_path / "runs").read_text().count("x")
    unfinished = session.store.view(study.uid).unfinished
    summary = session.store.get_study("study").summary
    assert summary.count(TrialState.RUNNING) == 0
    assert {trial.state for trial in unfinished} <= {TrialState.PENDING}
    assert summary.count(TrialState.SUCCEEDED) <= runs <= summary.count(TrialState.SUCCEEDED) + 2
    session.close()
    with Session(str(tmp_path / "katib.db"), QUICK) as later:
        later.studies.extend(study.name, max_trials=summary.created)
        later.run(study.name)
        assert later.store.get_study("study").summary.count(TrialState.SUCCEEDED) == summary.created
        # Of those that ran.
        assert sum(trial.attempt > 1 for trial in later.store.trials(study.uid)) <= 2
