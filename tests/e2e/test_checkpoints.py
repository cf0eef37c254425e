"""Trials that continue others, for real: what a trial left is what the next one finds."""

import subprocess
from collections import Counter
from pathlib import Path

import katib

GENERATION = "pbt.suggestion.katib.kubeflow.org/generation"
PARENT = "katib.kubeflow.org/parent"

COUNT = """
state="$KATIB_CHECKPOINT_DIR/state"
n=$(($(cat "$state" 2> /dev/null || echo 0) + 1))
echo $n > "$state"
echo "loss=-$n"
"""
"""Each interval counts one more, so that the loss tells how many intervals were gone through."""


def settings(name, **values):
    return {
        "algorithmName": name,
        "algorithmSettings": [{"name": key, "value": str(value)} for key, value in values.items()],
    }


def pbt(**changes):
    return settings("pbt", n_population=5, truncation_threshold=0.4, **changes)


def test_a_population_trains_on_from_checkpoints(cli):
    path = cli.write(script=COUNT, maxTrialCount=20, parallelTrialCount=2, algorithm=pbt())
    cli.run("run", str(path))
    trials = cli.trials()
    assert [each["value"] for each in trials] == [-1.0 - int(each["labels"][GENERATION]) for each in trials]
    assert max(int(each["labels"][GENERATION]) for each in trials) >= 3
    shown = cli.show()
    again = subprocess.run(["sh", "-c", shown["command"]], capture_output=True, text=True, check=True)
    assert again.stdout == f"loss={shown['best']['value']:.0f}\n"
    folders = list((cli.folder / "katib-runs" / "study").glob("*/checkpoint/state"))
    assert len(folders) == 20
    cli.run("delete", "study", "--yes")
    assert not (cli.folder / "katib-runs" / "study").exists()


def test_katibs_way_to_name_the_directory(cli):
    there = "/var/log/katib/checkpoints/"
    script = COUNT.replace("$KATIB_CHECKPOINT_DIR/", there)
    path = cli.write(script=script, maxTrialCount=12, algorithm=pbt(suggestion_trial_dir=there))
    cli.run("run", str(path))
    trials = cli.trials()
    assert [each["value"] for each in trials] == [-1.0 - int(each["labels"][GENERATION]) for each in trials]
    assert not Path(there).exists()


EPOCHS = [
    {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}},
    {"name": "epochs", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}},
]
TRAIN = """
state="$KATIB_CHECKPOINT_DIR/state"
done=$(cat "$state" 2> /dev/null || echo 0)
echo $1 > "$state"
case $KATIB_TRIAL_NAME in *[2-4]) exit 1;; esac
echo "trained=$(($1 - done)) loss=$0"
"""


def test_hyperband_with_failures_keeps_its_schedule(cli):
    path = cli.write(
        script=TRAIN,
        parameters=EPOCHS,
        objective={"type": "minimize", "objectiveMetricName": "loss", "additionalMetricNames": ["trained"]},
        maxTrialCount=44,
        parallelTrialCount=3,
        algorithm=settings("hyperband", resource_name="epochs", r_l=9, random_state=1),
    )
    cli.run("run", str(path))
    trials = cli.trials()
    assert len(trials) == 44
    rungs = Counter(
        (each["labels"]["katib.kubeflow.org/bracket"], each["labels"]["katib.kubeflow.org/rung"]) for each in trials
    )
    # Two whole rounds would be 44; where members fail fewer go on, and the third round begins.
    assert [rungs[bracket, "0"] for bracket in "01234"] == [9, 5, 3, 9, 5]
    by_name = {each["name"]: each for each in trials}
    went_on = [each for each in trials if PARENT in each["labels"]]
    assert went_on
    for each in went_on:
        parent = by_name[each["labels"][PARENT]]
        assert parent["status"] == "Succeeded"
        assert parent["parameters"]["x"] == each["parameters"]["x"]
        if each["status"] == "Succeeded":
            more = each["parameters"]["epochs"] - parent["parameters"]["epochs"]
            assert each["metrics"]["trained"]["latest"] == more


def test_a_retry_goes_on_from_its_own_attempt(cli):
    script = COUNT + '[ "$KATIB_ATTEMPT" = 2 ] || exit 1'
    path = cli.write(script=script, job={"backoffLimit": 1}, maxTrialCount=1, algorithm=pbt())
    cli.run("run", str(path))
    [only] = cli.trials()
    assert (only["attempts"], only["value"]) == (2, -2.0)


def test_an_algorithm_that_continues_nothing_gives_no_directory(cli):
    path = cli.write(script='echo "loss=${KATIB_CHECKPOINT_DIR:-0.5}"', maxTrialCount=1)
    cli.run("run", str(path))
    assert cli.trials()[0]["value"] == 0.5


def test_a_function_continues_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KATIB_DB", raising=False)

    def fn(x):
        state = katib.checkpoint_dir() / "n"
        n = int(state.read_text()) + 1 if state.exists() else 1
        state.write_text(str(n))
        return -n

    given = {"n_population": 5, "truncation_threshold": 0.2}
    result = katib.tune(fn, {"x": "float:0:1"}, algorithm="pbt", settings=given, max_trials=15, parallel=3)
    assert result.best.value <= -3
