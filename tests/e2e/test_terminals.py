"""A study that runs in one terminal, seen and steered from others; interruption, kill -9 and resumption."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

SLOW = 'echo "loss=$0"; sleep 1000'


@pytest.fixture
def running(cli):
    """A study with two trials that run until they are stopped; yields its process, ended at the end whatever happens."""
    path = cli.write(script="[ -e quick ] && { echo loss=$0; exit 0; }; " + SLOW)
    process = cli.start("run", str(path))
    try:
        cli.until(lambda: (cli.folder / "katib.db").exists(), "the store")
        cli.until(lambda: _running(cli) == 2, "two running trials")
        yield process
    finally:
        cli.run("stop", "study", code=None)
        process.wait(60)
        process.communicate()


def _running(cli) -> int:
    done = cli.run("show", "study", "--output", "json", code=None)
    return done.json["counts"]["running"] if done.code == 0 else 0


def test_other_terminals_can_look(cli, running):
    assert cli.json("list")[0]["status"] == "Running"
    latest = cli.until(lambda: [t for t in cli.trials() if "loss" in t["metrics"]], "a metric of a running trial")
    assert latest[0]["status"] == "Running"
    assert latest[0]["metrics"]["loss"]["latest"] == latest[0]["parameters"]["x"]
    assert "loss=" in cli.run("logs", "study/1").out
    explained = cli.json("explain", "study")
    assert "2 trials in progress" in explained["doing"]
    assert explained["running"][0]["last_lines"].startswith("loss=")
    assert len(cli.run("export", "study").out.splitlines()) == 3


def test_a_second_terminal_may_not_run_or_delete_it(cli, running):
    refused = cli.run("run", "experiment.yaml", code=2).err
    assert f"process {running.pid}" in refused
    assert "katib stop study" in cli.run("delete", "study", "--yes", code=2).err


def test_stop_from_another_terminal_ends_it_cleanly(cli, running):
    watching = cli.start("resume", "study", "--output", "json")
    # A resume that comes after a stop takes it back.
    cli.until(lambda: "is being run by" in watching.err, "a resume that was heard")
    cli.run("stop", "study")
    assert running.wait(60) == 1
    out, err = watching.communicate(timeout=60)
    assert (watching.returncode, json.loads(out)["status"]) == (1, "Stopped")
    assert f"is being run by process {running.pid}" in err
    report = cli.show()
    assert report["status"] == "Stopped"
    assert report["counts"]["pending"] == 2
    assert report["counts"]["running"] == 0
    assert "katib resume study" in cli.run("explain", "study").out


def test_the_first_interrupt_stops_cleanly_and_resume_goes_on(cli, running):
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, out + err
    assert "katib resume study" in err
    before = {trial["name"]: trial["parameters"] for trial in cli.trials()}
    (cli.folder / "quick").touch()
    cli.run("resume", "study")
    trials = cli.trials()
    assert len(trials) == 4
    assert {name: t["parameters"] for t in trials if (name := t["name"]) in before} == before
    assert [trial["attempts"] for trial in trials] == [2, 2, 1, 1]


def test_the_second_interrupt_kills(cli):
    path = cli.write(script="trap '' TERM; echo started; while :; do sleep 1; done")
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 2, "two running trials")
    cli.until(lambda: "started" in cli.run("logs", "study/2", code=None).out, "the trap to be set")
    process.send_signal(signal.SIGINT)
    cli.until(lambda: cli.show()["stop_requested"], "the wish to stop")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    shown = cli.show()
    assert (shown["status"], shown["counts"]["running"], shown["counts"]["pending"]) == ("Stopped", 0, 2)


def test_who_watches_sees_trials_finish_may_leave_and_goes_on_for_an_owner_that_was_killed(cli):
    path = cli.write(script='while [ ! -e go ]; do sleep 0.05; done; echo "loss=$0"', maxTrialCount=2)
    owner = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 2, "two running trials")
    leaving, staying = cli.start("resume", "study"), cli.start("resume", "study")
    cli.until(lambda: "2 running" in leaving.err, "the headline")
    leaving.send_signal(signal.SIGINT)
    assert "goes on without this terminal" in leaving.communicate(timeout=60)[1]
    assert leaving.returncode == 130
    assert _running(cli) == 2
    cli.until(lambda: "2 running" in staying.err, "the headline")
    owner.kill()
    owner.communicate()
    (cli.folder / "go").touch()
    out, err = staying.communicate(timeout=60)
    assert (staying.returncode, "has left: it goes on here" in err) == (0, True), out + err
    assert [trial["attempts"] for trial in cli.trials()] == [1, 1]


def test_a_killed_controller_loses_nothing(cli):
    """kill -9 while two trials run: both go on, and the next run adopts them."""
    path = cli.write(script='while [ ! -e go ]; do sleep 0.05; done; echo "loss=$0"')
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 2, "two running trials")
    process.kill()
    process.communicate()
    assert "nobody is running it" in cli.run("explain", "study").out
    again = cli.start("run", str(path))
    cli.until(lambda: cli.json("explain", "study")["doing"].startswith("running by"), "the new owner")
    (cli.folder / "go").touch()
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, out + err
    assert [trial["attempts"] for trial in cli.trials()] == [1, 1, 1, 1]


def test_trials_that_ended_while_nobody_looked_keep_their_value(cli):
    path = cli.write(script='while [ ! -e go ]; do sleep 0.05; done; echo "loss=$0"; exit 0')
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 2, "two running trials")
    process.kill()
    process.communicate()
    (cli.folder / "go").touch()
    cli.until(
        lambda: all(cli.run("logs", f"study/{number}").out.startswith("loss=") for number in (1, 2)),
        "the trials to end",
    )
    cli.run("run", str(path))
    trials = cli.trials()
    assert [trial["attempts"] for trial in trials] == [1, 1, 1, 1]
    assert all(trial["value"] == trial["parameters"]["x"] for trial in trials)


def test_detached_runs_go_on_by_themselves(cli):
    done = cli.run("run", str(cli.write()), "--detach", "--output", "json")
    assert done.json["name"] == "study"
    cli.until(lambda: cli.show()["status"] == "Succeeded", "the detached run to end")
    assert cli.show()["counts"]["succeeded"] == 4


def test_t23_budgets_changed_during_a_run_are_exact(cli):
    """Widened, raised, narrowed and lowered while it runs: what runs is exactly as wide, the final count the last limit."""
    path = cli.write(
        script='while [ ! -e go ]; do sleep 0.05; done; echo "loss=$0"', maxTrialCount=1000, parallelTrialCount=4
    )
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 4, "four running trials")
    cli.run("resume", "study", "--detach", "--parallel", "12")
    cli.until(lambda: _running(cli) == 12, "twelve running trials")
    cli.run("resume", "study", "--detach", "--max-trials", "2000")
    cli.run("resume", "study", "--detach", "--parallel", "3")
    cli.until(lambda: cli.show()["counts"]["pending"] == 9, "the surplus to go back")
    assert _running(cli) == 3
    cli.run("resume", "study", "--detach", "--max-trials", "40", "--parallel", "6")
    (cli.folder / "go").touch()
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, out + err
    report = cli.show()
    assert report["counts"]["created"] == report["counts"]["succeeded"] == 40
    assert len({trial["parameters"]["x"] for trial in cli.trials()}) == 40


def test_t23_a_budget_lowered_below_what_runs_stops_the_surplus(cli):
    path = cli.write(script='[ -e go ] || sleep 1000; echo "loss=$0"', maxTrialCount=8, parallelTrialCount=4)
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 4, "four running trials")
    cli.run("resume", "study", "--detach", "--max-trials", "2")
    cli.until(lambda: cli.show()["counts"]["killed"] == 2, "the two newest to be stopped")
    running = [trial["ordinal"] for trial in cli.trials() if trial["status"] == "Running"]
    assert running == [1, 2]
    cli.run("stop", "study")
    process.communicate(timeout=60)


def test_interrupted_means_the_terminal_is_free_within_a_moment(cli, running):
    began = time.monotonic()
    os.kill(running.pid, signal.SIGTERM)
    running.wait(60)
    assert time.monotonic() - began < 50


def test_delete_ends_what_a_killed_controller_left_running(cli):
    path = cli.write(script="echo $$ >> pids; while :; do sleep 0.1; done")
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 2, "two running trials")
    process.kill()
    process.communicate()
    cli.run("delete", "study", "--yes")
    pids = (cli.folder / "pids").read_text().split()
    cli.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the trials to end")
    assert cli.json("list") == []


def test_a_study_that_nobody_runs_says_so_and_can_be_stopped(cli):
    path = cli.write(script="echo $$ >> pids; while :; do sleep 0.1; done")
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 2, "two running trials")
    assert cli.show()["owner"] is not None
    process.kill()
    process.communicate()
    assert cli.show()["owner"] is None
    assert "nobody is running it" in cli.run("show", "study").out
    cli.run("stop", "study")
    report = cli.show()
    assert (report["status"], report["counts"]["running"], report["counts"]["pending"]) == ("Stopped", 0, 2)
    pids = (cli.folder / "pids").read_text().split()
    cli.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the trials to end")


def test_following_a_log_ends_with_the_trial_even_when_nobody_keeps_the_record(cli):
    path = cli.write(
        script="echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended; echo loss=$0", maxTrialCount=1
    )
    process = cli.start("run", str(path))
    cli.until(lambda: (cli.folder / "katib.db").exists() and _running(cli) == 1, "a running trial")
    follower = cli.start("logs", "study/1", "--follow")
    process.kill()
    process.communicate()
    (cli.folder / "go").touch()
    out, err = follower.communicate(timeout=60)
    assert follower.returncode == 0, err
    assert out.split() == ["begun", "ended", "loss=" + str(cli.trials()[0]["parameters"]["x"])]
