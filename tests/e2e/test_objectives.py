"""Several objectives, from the command line to the front."""

import csv
import io
import json
import subprocess

import pytest
import yaml
from typer.testing import CliRunner

from katib.cli.main import app

QUICK = ("--param", "x=1,2,3,4", "--minimize", "cost", "--maximize", "gain", "--minimize", "time", "--name", "many")
# x:     1        2        3        4
# cost   1        2        3        4
# gain   5        4        9        9
# time   1        1        1        1
SCRIPT = "echo cost=$1; echo time=1; case $1 in 1) echo gain=5;; 2) echo gain=4;; *) echo gain=9;; esac"
COMMAND = ("--algorithm", "grid", "--parallel", "1", "--", "/bin/sh", "-c", SCRIPT, "sh", "{x}")


@pytest.fixture
def told(cli, monkeypatch):
    """What a command that only reads prints: in this process, which is faster than another."""
    monkeypatch.chdir(cli.folder)

    def run(*words, code=0):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == code, done.output
        return str(done.exception) if code else done.stdout

    return run


def test_the_front_from_run_to_export(cli, told):
    done = cli.run("run", *QUICK, *COMMAND)
    assert "trial 3 Succeeded cost=3.0 gain=9.0 time=1.0 (x=3)" in done.err
    assert "front      2 trials that no other one beats in every objective" in done.out
    rows = [line.split() for line in done.out.splitlines() if "x=" in line]
    assert rows == [["1", "1", "5", "1", "x=1"], ["3", "3", "9", "1", "x=3"]]

    shown = json.loads(told("show", "many", "-o", "json"))
    assert (shown["best"], shown["command"], shown["objective"]) == (None, None, None)
    assert shown["objectives"] == [
        {"metric": "cost", "direction": "minimize", "goal": None, "reached": None},
        {"metric": "gain", "direction": "maximize", "goal": None, "reached": None},
        {"metric": "time", "direction": "minimize", "goal": None, "reached": None},
    ]
    assert shown["hypervolume"]["reference"] == {"cost": 4.3, "gain": 3.5, "time": 1.1}
    assert [(each["ordinal"], each["trials"]) for each in shown["hypervolume"]["history"]] == [(1, 1), (3, 3)]
    front = [(each["ordinal"], each["values"], each["parameters"]) for each in shown["front"]]
    assert front == [
        (1, {"cost": 1.0, "gain": 5.0, "time": 1.0}, {"x": 1}),
        (3, {"cost": 3.0, "gain": 9.0, "time": 1.0}, {"x": 3}),
    ]
    again = subprocess.run(shown["front"][1]["command"], shell=True, capture_output=True, text=True)
    assert again.stdout.split() == ["cost=3", "time=1", "gain=9"]

    third = json.loads(told("show", "many/3", "-o", "json"))
    assert (third["ordinal"], third["values"]["gain"]) == (3, 9.0)
    assert third["command"] == shown["front"][1]["command"]
    assert third["command"] in told("show", "many/3")
    assert "no trial '9'" in told("show", "many/9", code=1)

    trials = json.loads(told("trials", "many", "-o", "json"))
    assert [(trial["value"], trial["values"]["gain"]) for trial in trials] == [(None, gain) for gain in (5, 4, 9, 9)]
    by_gain = json.loads(told("trials", "many", "--sort", "gain", "-o", "json"))
    assert [trial["ordinal"] for trial in by_gain] == [3, 4, 1, 2]
    assert "must be one of ordinal, cost, gain, time" in told("trials", "many", "--sort", "value", code=1)

    short = [{name: value for name, value in each.items() if name != "command"} for each in shown["front"]]
    assert json.loads(told("list", "-o", "json"))[0]["front"] == short
    assert "front of 2" in told("list")
    table = list(csv.DictReader(io.StringIO(told("export", "many"))))
    assert [row["value:gain"] for row in table] == ["5.0", "4.0", "9.0", "9.0"]
    assert "value" not in table[0]
    assert float(table[-1]["hypervolume"]) == shown["hypervolume"]["hypervolume"]
    everything = json.loads(told("export", "many", "--format", "json"))
    assert everything["study"]["front"] == shown["front"]
    assert [trial["values"]["gain"] for trial in everything["trials"]] == [5.0, 4.0, 9.0, 9.0]
    assert "prints the trials that no other one beats" in told("explain", "many")


def test_the_study_ends_when_one_trial_reaches_all_goals(cli):
    report = cli.run("run", *QUICK, "--goal", "gain=8", "--goal", "cost=3", "--output", "json", *COMMAND).json
    assert report["reason"] == "ExperimentGoalReached"
    assert report["counts"]["created"] == 3
    assert [each["reached"] for each in report["objectives"]] == [True, True, None]
    refused = cli.run("resume", "many", "--max-trials", "9", code=2)
    assert "one of its trials reaches all its goals" in refused.err


def test_a_trial_without_one_of_the_values_is_not_on_the_front(cli):
    words = ("--param", "x=1,2", "--minimize", "a", "--minimize", "b", "--name", "half", "--algorithm", "grid")
    script = "echo a=$1; [ $1 = 2 ] && echo b=1 || true"
    report = cli.run("run", *words, "--output", "json", "--", "/bin/sh", "-c", script, "sh", "{x}").json
    assert [each["ordinal"] for each in report["front"]] == [2]
    assert report["counts"]["metrics_unavailable"] == 1
    first = cli.trials("half")[0]
    assert (first["values"], first["reason"]) == ({}, "MetricNotFound")
    assert "'b'" in first["message"]


def test_nothing_on_the_front_is_said(cli):
    done = cli.run("run", "--param", "x=1,2", "--minimize", "a", "--minimize", "b", "--", "echo", "{x}", code=1)
    assert "front      empty: no trial has reported values" in done.out


def test_the_yaml_that_is_printed_lists_the_objectives_in_their_order(told):
    text = told("run", *QUICK, "--goal", "gain=8", "--print-yaml", *COMMAND)
    assert yaml.safe_load(text)["spec"]["objectives"] == [
        {"type": "minimize", "objectiveMetricName": "cost"},
        {"type": "maximize", "goal": 8.0, "objectiveMetricName": "gain"},
        {"type": "minimize", "objectiveMetricName": "time"},
    ]


def test_a_goal_of_one_objective_needs_no_name(told):
    words = ("--param", "x=1,2", "--minimize=a", "--goal", "1e-3", "--print-yaml", "--", "echo", "{x}", "--minimize")
    objective = yaml.safe_load(told("run", *words))["spec"]["objective"]
    assert objective == {"type": "minimize", "goal": 0.001, "objectiveMetricName": "a"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--minimize", "a", "--maximize", "a"], "--maximize: each metric once, got a"),
        (["--minimize", "a", "--minimize", "b", "--goal", "3"], "METRIC is an objective: a, b, got 3"),
        (["--minimize", "--maximize", "b"], "--minimize: the name of a metric behind it, got --maximize"),
        (["--minimize", "a", "--goal", "b=3"], "METRIC is an objective: a, got b=3"),
        (["--minimize", "a", "--goal", "low"], "a finite number as the value, got low"),
        (["--minimize", "a", "--goal", "1", "--goal", "a=2"], "one goal for a"),
        (
            ["--minimize", "a", "--minimize", "b", "--early-stopping", "medianstop"],
            "early stopping that takes several: dominated",
        ),
    ],
)
def test_what_cannot_be_is_said(told, options, said):
    assert said in told("run", "--param", "x=float:0:1", *options, "--", "echo", "{x}", code=1)


def test_the_algorithms_that_take_several_are_named(cli):
    words = ("--param", "x=float:0:1", "--minimize", "a", "--minimize", "b", "--algorithm", "cmaes")
    said = cli.run("run", *words, "--", "echo", "{x}", code=2).err
    assert "algorithm cmaes cannot search for several at once" in said
    hint = said.partition("algorithms that can: ")[2]
    assert {"random", "grid", "sobol"} <= set(hint.partition(")")[0].split(", "))
    assert "cmaes" not in hint.splitlines()[0]
