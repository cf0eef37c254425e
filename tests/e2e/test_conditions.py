"""A parameter that does not matter in a trial is nowhere in it: not in its arguments, not in what is told of it."""

import json
import shlex
import sys

import katib

SCRIPT = "import json, sys; print(json.dumps(sys.argv[1:])); print('loss=1')"
PARAMS = ["opt=sgd,adam", "momentum=0.5,0.9@opt=sgd", "nesterov=yes,no@momentum=0.9"]
COMMAND = ["--opt={opt}", "--momentum", "{momentum}", "--nesterov={nesterov}", "end"]


def options(params):
    return [word for param in params for word in ("--param", param)]


def test_a_trial_gets_no_argument_for_what_is_not_active(cli):
    words = [*options(PARAMS), "--minimize", "loss", "--algorithm", "grid", "--parallel", "1", "--name", "study"]
    report = cli.run("run", *words, "--output", "json", "--", sys.executable, "-c", SCRIPT, *COMMAND).json
    assert report["counts"]["succeeded"] == 4
    trials = cli.trials()
    expected = [
        ({"opt": "sgd", "momentum": 0.5}, ["--opt=sgd", "--momentum", "0.5", "end"]),
        (
            {"opt": "sgd", "momentum": 0.9, "nesterov": "yes"},
            ["--opt=sgd", "--momentum", "0.9", "--nesterov=yes", "end"],
        ),
        ({"opt": "sgd", "momentum": 0.9, "nesterov": "no"}, ["--opt=sgd", "--momentum", "0.9", "--nesterov=no", "end"]),
        ({"opt": "adam"}, ["--opt=adam", "end"]),
    ]
    assert [trial["parameters"] for trial in trials] == [parameters for parameters, _arguments in expected]
    for trial, (_parameters, arguments) in zip(trials, expected, strict=True):
        first = cli.run("logs", f"study/{trial['ordinal']}").out.splitlines()[0]
        assert json.loads(first) == arguments
    assert shlex.split(cli.show()["command"])[-len(expected[0][1]) :] == expected[0][1]
    rows = [line.split(",") for line in cli.run("export", "study", "--format", "csv").out.splitlines()]
    columns = [rows[0].index(f"param:{name}") for name in ("opt", "momentum", "nesterov")]
    assert [[row[at] for at in columns] for row in rows[1:]] == [
        ["sgd", "0.5", ""],
        ["sgd", "0.9", "yes"],
        ["sgd", "0.9", "no"],
        ["adam", "", ""],
    ]
    assert "opt=adam" in cli.run("trials", "study").out


def test_the_yaml_that_is_printed_has_the_condition_and_runs_the_same(cli):
    words = [*options(PARAMS), "--minimize", "loss", "--algorithm", "grid", "--name", "printed", "--print-yaml"]
    text = cli.run("run", *words, "--", sys.executable, "-c", SCRIPT, *COMMAND).out
    assert "condition:" in text
    (cli.folder / "printed.yaml").write_text(text)
    assert cli.run("run", "printed.yaml", "--output", "json").json["counts"]["succeeded"] == 4


def test_an_algorithm_that_cannot_do_with_conditions_says_so(cli):
    params = ["opt=sgd,adam", "a=float:0:1", "b=float:0:1", "momentum=float:0:1@opt=sgd"]
    command = ["train", "{opt}", "{a}", "{b}", "{momentum}"]
    words = [*options(params), "--minimize", "loss", "--algorithm", "cmaes", "--name", "study"]
    refused = cli.run("run", *words, "--", *command, code=2)
    assert "spec.parameters[3].condition" in refused.err
    assert "algorithm cmaes cannot search parameters that are not always active" in refused.err
    assert cli.json("list") == []


def test_a_function_gets_only_what_is_active(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KATIB_DB", raising=False)

    def fn(opt, momentum=None, act=None):
        assert (momentum is None) == (opt == "adam"), (opt, momentum)
        assert act in ((None,) if opt == "adam" else ("relu", "tanh")), (opt, act)
        return 0.0 if opt == "adam" else momentum

    spaces = {"opt": ["adam", "sgd"], "momentum": "float:0.5:1:0.5@opt=sgd", "act": "relu,tanh@opt=sgd"}
    result = katib.tune(fn, spaces, max_trials=9, parallel=2, algorithm="grid")
    assert [trial.status for trial in result.trials] == ["Succeeded"] * 5
    assert result.best.parameters == {"opt": "adam"}
    frame = result.to_dataframe()
    assert list(frame["param_momentum"].isna()) == [True, False, False, False, False]
