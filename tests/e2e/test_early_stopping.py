"""Early stopping as a user sees it: real processes that report step by step, and wait to be stopped."""

import os
import signal

import pytest

LEVEL = 'case "$0" in good) level=1;; *) level=9;; esac'
"""The first trials are good ones, the others are not; a grid of two parameters makes it so."""

WAIT = "while :; do sleep 0.05; done"
"""Never ends by itself: when the trial ends, it was stopped."""

GRID = [
    {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["good", "bad"]}},
    {"name": "number", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3"}},
]
"""Three good ones, and then three bad ones."""


def settings(name, **values):
    pairs = [{"name": key, "value": str(value)} for key, value in values.items()]
    return {"algorithmName": name, "algorithmSettings": pairs}


def script(*, bad_end=WAIT, report='echo "loss=$level"'):
    """Each trial reports four times; a good one ends, a bad one waits."""
    reports = "; ".join([report] * 4)
    return f'{LEVEL}; {reports}; case "$0" in good) exit 0;; *) {bad_end};; esac'


def run(cli, early_stopping, *, text=None, code=0, more=(), **spec):
    path = cli.write(
        **{
            "script": script() if text is None else text,
            "algorithm": "grid",
            "parameters": GRID,
            "maxTrialCount": 6,
            "parallelTrialCount": 1,
            "earlyStopping": early_stopping,
            **spec,
        }
    )
    return cli.run("run", str(path), "--output", "json", *more, code=code)


def numbers(trial):
    stop = trial["stopped_by"]
    return stop and (stop["rule"], stop["metric"], stop["value"], stop["comparison"], stop["threshold"], stop["step"])


def test_the_median_stops_what_is_worse(cli):
    report = run(cli, settings("medianstop")).json
    assert report["counts"]["succeeded"] == report["counts"]["stopped_early"] == 3
    assert report["reason"] == "ExperimentMaxTrialsReached"
    trials = cli.trials()
    assert [trial["status"] for trial in trials] == ["Succeeded"] * 3 + ["EarlyStopped"] * 3
    assert [numbers(trial) for trial in trials[:3]] == [None] * 3
    # The first one is compared with three trials at 1, the last one with those and two at 9.
    assert numbers(trials[3]) == numbers(trials[4]) == ("medianstop", "loss", 9, "greater", 1, 4)
    stopped = trials[3]
    assert (stopped["value"], stopped["reason"]) == (9, "TrialEarlyStopped")
    assert "the best loss by step 4, 9, is worse than 1, the median of" in stopped["message"]
    assert stopped["metrics"]["loss"] == {"min": 9, "max": 9, "latest": 9}
    events = [each for each in cli.json("explain", "study")["events"] if each["trial"]]
    assert {(each["reason"], each["kind"]) for each in events} == {("TrialEarlyStopped", "Normal")}
    assert all("is worse than 1" in each["message"] for each in events)
    assert "medianstop" in cli.run("explain", "study").out


def test_asha_stops_at_a_rung(cli):
    run(cli, settings("asha", eta=2, grace_period=4))
    trials = cli.trials()
    assert [trial["status"] for trial in trials] == ["Succeeded"] * 3 + ["EarlyStopped"] * 3
    assert numbers(trials[3]) == ("asha", "loss", 9, "greater", 1, 4)


def test_a_threshold_of_another_metric_stops_too(cli):
    report = 'echo "loss=$level"; echo "memory=$level"'
    run(
        cli,
        settings("threshold", rules="loss>100; memory>5@2"),
        text=script(report=report),
        objective={"type": "minimize", "objectiveMetricName": "loss", "additionalMetricNames": ["memory"]},
        parallelTrialCount=2,
    )
    trials = cli.trials()
    assert [trial["status"] for trial in trials] == ["Succeeded"] * 3 + ["EarlyStopped"] * 3
    assert numbers(trials[5]) == ("threshold", "memory", 9, "greater", 5, 2)


def test_patience_stops_what_does_not_improve(cli):
    text = 'for value in 5 4 3 3 3 2; do echo "loss=$value"; done; ' + WAIT
    run(cli, settings("patience", patience=2), text=text, maxTrialCount=1)
    (trial,) = cli.trials()
    assert numbers(trial) == ("patience", "loss", 3, "greater", 3, 5)
    assert trial["value"] == 2, "what it reported until it was stopped is kept"


def test_a_shadow_records_and_stops_nothing(cli):
    report = run(cli, settings("medianstop", shadow="true"), text=script(bad_end="exit 0")).json
    assert report["counts"]["succeeded"] == 6
    trials = cli.trials()
    assert [trial["stopped_by"] for trial in trials] == [None] * 6


def test_a_shadow_says_what_would_have_been_stopped(cli):
    """It waits until that is on record, so that it does not end too soon to be judged."""
    text = (
        f'{LEVEL}; echo "loss=$level"; echo "loss=$level"; case "$0" in good) exit 0;; esac; '
        "until [ -e go ]; do sleep 0.05; done"
    )
    path = cli.write(
        script=text,
        algorithm="grid",
        parameters=GRID,
        maxTrialCount=4,
        parallelTrialCount=1,
        earlyStopping=settings("medianstop", shadow="True", start_step=2),
    )
    running = cli.start("run", str(path))
    known = cli.until(
        lambda: (
            (cli.folder / "katib.db").exists()
            and [t for t in (cli.trials() if cli.json("list") else []) if t["would_be_stopped_by"]]
        ),
        "a verdict that stops nothing",
    )
    assert [(trial["ordinal"], trial["status"], trial["stopped_by"]) for trial in known] == [(4, "Running", None)]
    (cli.folder / "go").touch()
    running.communicate(timeout=60)
    assert running.returncode == 0
    last = cli.trials()[3]
    assert (last["status"], last["stopped_by"]) == ("Succeeded", None)
    assert last["would_be_stopped_by"]["threshold"] == 1
    reasons = [each["reason"] for each in cli.json("explain", "study")["events"] if each["trial"] == 4]
    assert reasons == ["TrialWouldStopEarly"]


def test_a_trial_that_ignores_sigterm_is_killed(cli):
    text = 'trap "" TERM; echo "loss=9"; ' + WAIT
    run(
        cli,
        settings("threshold", value=5),
        text=text,
        maxTrialCount=1,
        pod={"terminationGracePeriodSeconds": 1},
    )
    assert cli.trials()[0]["status"] == "EarlyStopped"


def test_a_stopped_trial_frees_its_place(cli):
    """Two at a time, and both would run for ever."""
    run(cli, settings("threshold", value=5), text=f"echo loss=9; {WAIT}", parallelTrialCount=2)
    assert {trial["status"] for trial in cli.trials()} == {"EarlyStopped"}


def test_pushed_values_are_judged(cli):
    program = cli.folder / "train.py"
    program.write_text(
        "import signal, sys\n"
        "import katib\n"
        "level = 1.0 if sys.argv[1] == 'good' else 9.0\n"
        "for step in (10, 20, 30):\n"
        "    katib.report(loss=level, step=step)\n"
        "if sys.argv[1] != 'good':\n"
        "    signal.pause()\n"
    )
    import sys

    run(
        cli,
        settings("medianstop", start_step=20, min_trials_required=3),
        command=[sys.executable, str(program), "${trialParameters.kind}", "${trialParameters.number}"],
        metricsCollectorSpec={"collector": {"kind": "Push"}},
        maxTrialCount=4,
    )
    trials = cli.trials()
    assert numbers(trials[3]) == ("medianstop", "loss", 9, "greater", 1, 20)


def test_values_in_a_file_are_judged(cli):
    path = "/tmp/katib-early/metrics.log"
    text = f'{LEVEL}; for _ in 1 2 3 4; do echo "loss=$level" >> {path}; done; [ "$0" = good ] || {WAIT}'
    run(
        cli,
        settings("medianstop"),
        text=text,
        metricsCollectorSpec={
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": {"path": path, "kind": "File"}},
        },
        maxTrialCount=4,
    )
    assert numbers(cli.trials()[3]) == ("medianstop", "loss", 9, "greater", 1, 4)


def test_an_engine_that_is_killed_between_verdict_and_end_changes_nothing(cli):
    """The trial holds SIGTERM back until the engine is dead and another one has taken over."""
    text = 'trap "until [ -e go ]; do sleep 0.05; done; exit 0" TERM; echo "loss=9"; while :; do sleep 0.05; done'
    path = cli.write(
        script=text,
        maxTrialCount=1,
        parallelTrialCount=1,
        earlyStopping=settings("threshold", value=5),
        pod={"terminationGracePeriodSeconds": 60},
    )
    first = cli.start("run", str(path))
    (known,) = cli.until(
        lambda: (
            (cli.folder / "katib.db").exists()
            and [t for t in (cli.trials() if cli.json("list") else []) if t["stopped_by"]]
        ),
        "the verdict on record",
    )
    assert (known["status"], known["reason"]) == ("Running", "TrialEarlyStopping")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = cli.start("resume", "study")
    cli.until(lambda: cli.show()["owner"], "an owner")
    (cli.folder / "go").touch()
    second.communicate(timeout=60)
    assert second.returncode == 0
    (trial,) = cli.trials()
    assert (trial["status"], trial["attempts"], trial["value"]) == ("EarlyStopped", 1, 9)
    assert trial["stopped_by"] == known["stopped_by"]


def test_an_engine_that_takes_over_judges_what_was_reported_before(cli):
    """The first engine is killed; the trial crosses the line while nobody looks."""
    text = 'echo "loss=1"; until [ -e more ]; do sleep 0.05; done; echo "loss=9"; touch done; ' + WAIT
    path = cli.write(script=text, maxTrialCount=1, parallelTrialCount=1, earlyStopping=settings("threshold", value=5))
    first = cli.start("run", str(path))
    cli.until(
        lambda: (
            (cli.folder / "katib.db").exists()
            and [t for t in (cli.trials() if cli.json("list") else []) if t["metrics"]]
        ),
        "the first value on record",
    )
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    (cli.folder / "more").touch()
    cli.until((cli.folder / "done").exists, "the second value")
    cli.run("resume", "study")
    (trial,) = cli.trials()
    assert (trial["status"], trial["attempts"], numbers(trial)[2]) == ("EarlyStopped", 1, 9)


@pytest.mark.parametrize(
    ("early_stopping", "words"),
    [
        (settings("medianstopp"), ["spec.earlyStopping.algorithmName", "did you mean 'medianstop'"]),
        (
            settings("medianstop", start_step=0),
            ["spec.earlyStopping.algorithmSettings.start_step", "start_step must be greater or equal than one (>=1)"],
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(cli, early_stopping, words):
    done = run(cli, early_stopping, code=2)
    for word in words:
        assert word in done.err


def test_the_command_line_names_it(cli):
    words = [
        "--param",
        "kind=good,bad",
        "--minimize",
        "loss",
        "--algorithm",
        "grid",
        "--name",
        "quick",
        "--max-trials",
        "2",
    ]
    stopping = ["--early-stopping", "threshold:rules=loss>5@2;loss=nan,start_step=1,value=99"]
    done = cli.run(
        *("run", *words, *stopping, "--output", "json"), *("--", "/bin/sh", "-c", script(), "{kind}"), code=0
    )
    assert done.json["counts"]["stopped_early"] == 1
    assert numbers(cli.trials("quick")[1]) == ("threshold", "loss", 9, "greater", 5, 2)
    assert "goes with --param" in cli.run("run", "quick.yaml", *stopping, code=2).err
    assert "NAME:key=value" in cli.run("run", *words, "--early-stopping", "x:y", "--", "echo", "{kind}", code=2).err


def test_a_service_that_is_killed_midway_stalls_nothing(cli, serving):
    """Early stopping by another katib: three good trials, then the bad ones, one of which outlives the service."""
    hold = 'trap "until [ -e go ]; do sleep 0.05; done; exit 0" TERM; ' + WAIT
    end = 'trap "until [ -e end ]; do sleep 0.05; done; exit 0" TERM; ' + WAIT
    text = f'{LEVEL}; for _ in 1 2 3 4; do echo "loss=$level"; done; case "$0$1" in good*) ;; bad3) {end};; *) {hold};; esac'
    path = cli.write(
        script=text,
        algorithm="grid",
        parameters=GRID,
        maxTrialCount=3,
        parallelTrialCount=1,
        earlyStopping=settings("medianstop"),
        pod={"terminationGracePeriodSeconds": 60},
    )
    with serving("--port", "0") as (service, address):
        endpoint = ("--early-stopping-endpoint", f"medianstop={address}")
        cli.run("run", str(path), *endpoint)
        # Rules are there before the first trial begins.
        running = cli.start("resume", "study", "--max-trials", "6")
        (first,) = cli.until(lambda: [t for t in cli.trials() if t["stopped_by"]], "a trial that is stopped")
        os.kill(service.pid, signal.SIGKILL)
        (cli.folder / "go").touch()
    told = cli.until(
        lambda: [e for e in cli.json("explain", "study")["events"] if e["reason"] == "EarlyStoppingFailed"],
        "the failure in what is explained",
    )
    assert f"the early stopping service at {address} cannot be reached" in told[-1]["message"]
    assert "trials run on" in told[-1]["message"]
    (cli.folder / "end").touch()
    assert running.wait(60) == 0
    running.communicate()
    trials = cli.trials()
    assert [trial["status"] for trial in trials] == ["Succeeded"] * 3 + ["EarlyStopped"] * 3
    # By the median of the good ones, at the fourth report.
    assert numbers(first) == ("medianstop", "loss", 9, "greater", 1, 4)
    assert [numbers(trial) for trial in trials[3:]] == [numbers(first)] * 3


def test_a_service_refuses_in_its_own_words(cli, serving):
    with serving("--port", "0") as (_service, address):
        done = run(cli, settings("patience"), code=2, more=("--early-stopping-endpoint", f"patience={address}"))
        assert "patience judges every report of a running trial" in done.err
        path = cli.write(earlyStopping=settings("medianstop", start_step=0))
        done = cli.run("validate", str(path), "--early-stopping-endpoint", f"medianstop={address}", code=2)
        assert "start_step must be greater or equal than one (>=1)" in done.out


TUNE = """
import signal
import katib

def train(kind):
    for step in (1, 2, 3):
        katib.report(loss=1.0 if kind == "good" else 9.0, step=step)
    if kind == "bad":
        signal.pause()

result = katib.tune(train, {"kind": ["good", "bad"]}, algorithm="grid", max_trials=2, parallel=1,
                    early_stopping="threshold:value=5,start_step=3", progress=False)
print([trial.status for trial in result.trials], result.best.value)
"""


def test_tune_takes_it_too(cli):
    import subprocess
    import sys

    (cli.folder / "tune.py").write_text(TUNE)
    done = subprocess.run([sys.executable, "tune.py"], cwd=cli.folder, env=cli.env, capture_output=True, text=True)
    assert done.stdout == "['Succeeded', 'EarlyStopped'] 1.0\n", done.stderr
