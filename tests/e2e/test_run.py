"""`katib run` from a file and from a command line, and what scripts may rely on."""

import json
import shlex
import subprocess
import sys

import pytest


def test_a_file_is_carried_to_its_best_trial(cli):
    """As a shell starts it, in an interpreter of its own."""
    done = cli.run_cold("run", str(cli.write()), "--output", "json")
    assert done.code == 0, done.err
    report = done.json
    assert report["status"] == "Succeeded"
    assert report["reason"] == "ExperimentMaxTrialsReached"
    assert report["counts"] == {
        "succeeded": 4,
        "failed": 0,
        "running": 0,
        "pending": 0,
        "stopped_early": 0,
        "metrics_unavailable": 0,
        "killed": 0,
        "created": 4,
    }
    values = {trial["name"]: trial["value"] for trial in cli.trials()}
    assert report["best"]["value"] == min(values.values()) == values[report["best"]["trial"]]
    assert report["best"]["parameters"] == {"x": report["best"]["value"]}
    assert cli.show() == {**report, "hypervolume": None}


@pytest.mark.parametrize(
    "words",
    [
        "list",
        "show nobody",
        "trials study",
        "explain study",
        "export study --format json",
        "logs study/1",
        "resume study --max-trials 4",
        "stop study",
        "delete study",
        "validate experiment.yaml",
    ],
)
def test_a_command_says_the_same_from_a_cold_start(finished, words):
    """Other tests fork it from a process that has imported more than it would by itself."""
    assert finished.run_cold(*words.split()) == finished.run(*words.split(), code=None)


def test_the_reproducing_command_line_prints_the_best_value(cli):
    report = cli.run("run", str(cli.write()), "--output", "json").json
    again = subprocess.run(["/bin/sh", "-c", report["command"]], capture_output=True, text=True, check=True)
    assert again.stdout == f"loss={report['best']['value']}\n"


def test_the_shape_of_trials(finished):
    trial, *_ = finished.trials()
    assert trial["ordinal"] == 1
    assert trial["status"] == "Succeeded"
    assert trial["reason"] == "TrialSucceeded"
    assert trial["attempts"] == 1
    value = trial["value"]
    assert trial["parameters"] == {"x": value}
    assert trial["metrics"] == {"loss": {"min": value, "max": value, "latest": value}}
    assert trial["started"] <= trial["ended"]
    assert trial["name"].startswith("study-")


def test_a_command_line_is_an_experiment(cli):
    done = cli.run(
        *("run", "--param", "lr=log:1e-5:1e-1", "--param", "layers=int:2:5", "--param", "opt=sgd,adam"),
        *("--minimize", "loss", "--max-trials", "3", "--name", "quick", "--output", "json"),
        *(
            "--",
            "/bin/sh",
            "-c",
            'echo "$@"; echo loss=$1',
            "sh",
            "{lr}",
            "--layers={layers}",
            "{opt}",
            "it's {not} one",
        ),
    )
    assert done.json["counts"]["succeeded"] == 3
    for trial in cli.trials("quick"):
        given = trial["parameters"]
        assert 1e-5 <= given["lr"] <= 1e-1
        assert given["layers"] in {2, 3, 4, 5}
        log = cli.run("logs", f"quick/{trial['ordinal']}").out
        assert log.splitlines()[0] == f"{given['lr']!r} --layers={given['layers']} {given['opt']} it's {{not}} one"


def test_twenty_trials_unless_told_otherwise(cli):
    done = cli.run("run", "--param", "x=float:0:1", "--maximize", "loss", "--output", "json", "--", "echo", "loss={x}")
    assert done.json["counts"]["succeeded"] == 20
    assert done.json["objective"]["direction"] == "maximize"


def test_who_names_no_algorithm_is_told_which_one_was_taken(cli):
    words = ("--max-trials", "3", "--parallel", "2", "--name", "free", "--minimize", "loss")
    done = cli.run("run", "--param", "x=float:0:1", *words, "--output", "json", "--", "echo", "loss={x}")
    assert (done.json["algorithm"], done.json["algorithm_chosen"]) == ("auto", "gp")
    assert {t["labels"]["katib.kubeflow.org/algorithm"] for t in cli.trials("free")} == {"gp"}
    assert "algorithm  auto, which took gp" in cli.run("show", "free").out
    assert "took gp for the latest suggestion" in cli.run("explain", "free").out
    small = cli.run(
        "run",
        "--param",
        "x=a,b",
        "--name",
        "few",
        "--minimize",
        "loss",
        "--max-trials",
        "2",
        "--output",
        "json",
        "--",
        "echo",
        "loss=1",
        "{x}",
    )
    assert small.json["algorithm_chosen"] == "grid"


def test_a_budget_of_time_and_of_patience_stands_in_the_experiment(cli):
    words = ("run", "--param", "x=float:0:1", "--minimize", "loss", "--max-stale", "4", "--print-yaml")
    printed = cli.run(*words, "--max-time", "1.5h", "--", "echo", "loss={x}").out
    assert "maxSeconds: 5400.0" in printed and "maxStaleTrialCount: 4" in printed
    refused = cli.run(*words, "--max-time", "soon", "--", "echo", "loss={x}", code=2)
    assert "90s, 30m, 1.5h or 2d" in refused.err


def test_print_yaml_prints_the_experiment_and_runs_nothing(cli):
    words = [
        "--param",
        "x=int:1:3",
        "--minimize",
        "loss",
        "--name",
        "printed",
        "--image",
        "busybox:1.36",
        "--",
        "echo",
        "loss={x}",
        "$(HOME)",
        "no",
    ]
    printed = cli.run("run", "--print-yaml", *words).out
    assert not (cli.folder / "katib.db").exists()
    (cli.folder / "printed.yaml").write_text(printed)
    checked = cli.json("validate", "printed.yaml")
    assert checked["valid"]
    assert checked["cluster"] == []
    cli.run("run", "printed.yaml", "--max-trials", "1")
    assert cli.run("logs", "printed/1").out.split() == [
        "loss=" + str(cli.trials("printed")[0]["parameters"]["x"]),
        "$(HOME)",
        "no",
    ]


def test_set_changes_a_field_of_the_file(cli):
    cli.run(
        "run", str(cli.write()), "--set", "spec.maxTrialCount=2", "--set", "spec.parameters[0].feasibleSpace.min=0.8"
    )
    trials = cli.trials()
    assert len(trials) == 2
    assert all(trial["parameters"]["x"] >= 0.8 for trial in trials)


def test_every_fault_of_a_file_is_named_at_once(cli):
    path = cli.write(
        maxTrialCount=0, paralelTrialCount=3, objective={"type": "minimise", "objectiveMetricName": "loss"}
    )
    done = cli.run("run", str(path), code=2)
    assert "spec.maxTrialCount" in done.err
    assert "did you mean `parallelTrialCount`" in done.err
    assert "spec.objective.type" in done.err
    assert not (cli.folder / "katib-runs").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run"], "exactly one Experiment file"),
        (["run", "missing.yaml"], "missing.yaml"),
        (["run", "--param", "x=float:0:1", "--", "echo", "{x}"], "--minimize"),
        (["run", "--param", "x=float:1:0", "--minimize", "loss", "--", "echo", "{x}"], "x"),
        (["run", "--param", "x=float:0:1", "--minimize", "loss", "--", "echo"], "x"),
        (["run", "--param", "x=float:0:1", "--minimize", "loss", "--algorithm", "tpee", "--", "echo", "{x}"], "tpe"),
        (["resume", "nobody"], "nobody"),
        (["show", "nobody"], "nobody"),
        (["logs", "nobody"], "NAME/TRIAL"),
        (["nonsense"], "nonsense"),
        (["run", "x.yaml", "--max-trials", "-1"], "'-1' is not a whole number, 1 or more"),
        (["resume", "nobody", "--parallel", "many"], "'many' is not"),
        (["run", "--name", "", "x.yaml"], "--name"),
        (["run", "--param", "x=float:0:1", "--minimize", "loss", "--", "./plain", "{x}"], "chmod +x plain"),
        (["list", "--db", "nothing.db"], "there is no store at nothing.db"),
        (["list", "--db", "no such/nothing.db"], "there is no store at"),
    ],
)
def test_bad_words_exit_with_2_and_say_what_was_wanted(finished, words, wanted):
    (finished.folder / "plain").touch()
    assert wanted in finished.run(*words, code=2).err


def test_the_same_spec_continues_and_another_is_refused(cli):
    path = cli.write()
    cli.run("run", str(path))
    first = cli.trials()
    cli.run("run", str(path))
    assert cli.trials() == first
    other = cli.write(
        "other.yaml",
        algorithm="grid",
        parameters=[{"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}}],
    )
    refused = cli.run("run", str(other), code=2).err
    for word in ("--name", "katib resume", "katib delete", "spec.algorithm"):
        assert word in refused
    assert cli.trials() == first
    cli.run("run", str(other), "--name", "second")
    assert {study["name"] for study in cli.json("list")} == {"study", "second"}


def test_a_finished_study_is_extended(cli):
    cli.run("run", str(cli.write()))
    done = cli.run("resume", "study", code=2)
    assert "--max-trials" in done.err
    report = cli.json("resume", "study", "--max-trials", "7")
    assert report["counts"]["succeeded"] == 7
    assert [trial["ordinal"] for trial in cli.trials()] == [1, 2, 3, 4, 5, 6, 7]


def test_the_goal_ends_the_study_and_what_still_runs(cli):
    script = 'echo "loss=$0"; if mkdir first 2>/dev/null; then exit 0; fi; sleep 1000'
    path = cli.write(
        script=script, objective={"type": "minimize", "objectiveMetricName": "loss", "goal": 0.95}, maxTrialCount=9
    )
    report = cli.run("run", str(path), "--output", "json").json
    assert (report["status"], report["reason"]) == ("Succeeded", "ExperimentGoalReached")
    assert report["counts"]["succeeded"] == 1
    assert report["counts"]["running"] == report["counts"]["pending"] == 0


def test_nothing_succeeding_is_a_failure_with_a_reason(cli):
    done = cli.run("run", str(cli.write(script="echo nothing; exit 3")), "--output", "json", code=1)
    report = done.json
    assert report["best"] is None
    assert (report["status"], report["reason"]) == ("Failed", "ExperimentNoTrialSucceeded")
    trial = cli.trials()[0]
    assert (trial["status"], trial["reason"]) == ("Failed", "ExitCode")
    assert "exited with code 3" in trial["message"]
    assert "nothing" in trial["message"]
    assert "ExitCode" in cli.run("explain", "study").out


def test_delete_removes_everything_of_a_study(cli):
    cli.run("run", str(cli.write()))
    assert (cli.folder / "katib-runs" / "study").is_dir()
    cli.run("delete", "study", "--yes")
    assert not (cli.folder / "katib-runs" / "study").exists()
    assert cli.json("list") == []
    cli.run("run", str(cli.write()))


def test_export(finished):
    header, *rows = finished.run("export", "study", "--format", "csv").out.splitlines()
    assert header.startswith("ordinal,name,status,reason,value")
    assert "param:x" in header
    assert len(rows) == 4
    document = json.loads(finished.run("export", "study", "--format", "json").out)
    assert len(document["observations"]) == 4
    assert document["experiment"]["metadata"]["name"] == "study"


def test_db_and_its_variable_choose_the_store(cli):
    elsewhere = cli.folder / "elsewhere"
    elsewhere.mkdir()
    cli.run("run", str(cli.write()), "--db", str(elsewhere / "my.db"))
    assert (elsewhere / "my.db").exists()
    assert (elsewhere / "katib-runs" / "study").is_dir()
    assert not (cli.folder / "katib.db").exists()
    assert cli.json("list", "--db", f"sqlite:///{elsewhere}/my.db")[0]["name"] == "study"
    assert "no store" in cli.run("show", "study", code=2).err


def test_machine_output_goes_to_stdout_and_the_rest_to_stderr(cli):
    done = cli.run("run", str(cli.write()), "--output", "json")
    json.loads(done.out)
    assert "trial 1" in done.err


def test_words_reach_the_trial_as_written(cli):
    value = "a b'c\"d $(HOME) $$ ${x} {y} \\ *"
    words = shlex.split("/usr/bin/printf '%s\\n' loss=1") + ["${trialParameters.x}"]
    path = cli.write(
        command=words,
        parameters=[{"name": "x", "parameterType": "categorical", "feasibleSpace": {"list": [value]}}],
        maxTrialCount=1,
        parallelTrialCount=1,
    )
    cli.run("run", str(path))
    assert cli.run("logs", "study/1").out == f"loss=1\n{value}\n"


def test_an_exhausted_space_ends_the_study(cli):
    path = cli.write(
        parameters=[{"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3"}}],
        maxTrialCount=10,
    )
    report = cli.run("run", str(path), "--output", "json").json
    assert report["reason"] == "ExperimentSuggestionEndReached"
    assert sorted(trial["parameters"]["x"] for trial in cli.trials()) == [1, 2, 3]


def test_categorical_values_stay_the_texts_they_are(cli):
    values = ["nan", "inf", "007", "1_0", "plain"]
    space = [
        {"name": "x", "parameterType": "categorical", "feasibleSpace": {"list": values}},
        {"name": "n", "parameterType": "discrete", "feasibleSpace": {"list": ["016", "0.50"]}},
    ]
    path = cli.write(parameters=space, algorithm="grid", script="echo loss=$1", maxTrialCount=10)
    report = cli.run("run", str(path), "--output", "json").json
    assert report["best"]["parameters"] == {"x": "nan", "n": 0.5}
    points = [trial["parameters"] for trial in cli.trials()]
    assert sorted({point["x"] for point in points}) == sorted(values)
    assert {point["n"] for point in points} == {16, 0.5}
    assert {
        row["parameters"]["x"] for row in json.loads(cli.run("export", "study", "--format", "json").out)["trials"]
    } == set(values)


def test_validate_says_what_is_valid_but_cannot_run_here(cli):
    collector = {
        "collector": {"kind": "File"},
        "source": {"fileSystemPath": {"path": "/var/log/katib/metrics.log", "kind": "File", "format": "TEXT"}},
    }
    path = cli.write(metricsCollectorSpec=collector)
    answer = cli.json("validate", str(path))
    assert answer["valid"]
    assert answer["here"][0]["path"] == "spec.metricsCollectorSpec.source.fileSystemPath.path"
    cli.run("validate", str(path), "--strict", code=1)


def test_an_unknown_algorithm_is_named_among_all_other_faults(cli):
    path = cli.write(algorithm="tpee", maxTrialCount=0)
    faults = {fault["path"] for fault in cli.json("validate", str(path), code=2)["faults"]}
    assert faults >= {"spec.algorithm.algorithmName", "spec.maxTrialCount"}


def test_each_command_has_help_with_an_example(cli):
    names = ["run", "resume", "list", "show", "trials", "logs", "explain", "stop", "delete", "export", "validate"]
    listed = cli.run("--help").out
    for name in names:
        assert name in listed
        assert f"katib {name}" in cli.run(name, "--help").out.partition("xample")[2]


def test_a_grid_says_how_many_points_it_has(cli):
    """Also one of which nobody could list them all."""

    def written(step: str, most: int) -> str:
        space = {"min": "0.001", "max": "1", "step": step}
        parameters = [{"name": name, "parameterType": "double", "feasibleSpace": space} for name in "xyz"]
        return str(cli.write(algorithm="grid", parameters=parameters, maxTrialCount=most))

    path = written("0.001", 4)
    assert "note: the grid has 1,000,000,000 points, and maxTrialCount is 4" in cli.run("validate", path).out
    assert cli.json("validate", path)["notes"] == ["the grid has 1,000,000,000 points, and maxTrialCount is 4"]
    assert "note: the grid has 1,000,000,000 points" in cli.run("run", path).err
    path = written("0.999", 9)
    note = "the grid has 8 points: the study ends with the last of them, before maxTrialCount 9"
    answer = cli.json("validate", path)
    assert answer["notes"] == [note]
    (too_few,) = [each for each in answer["cluster"] if each["path"] == "spec.maxTrialCount"]
    assert too_few["wanted"] == "Max Trial Count: 9 > all possible search combinations: 8"
    assert cli.run("validate", path, "--strict", code=1)


QUICK = ("--minimize", "loss", "--max-trials", "2")


def test_a_name_that_nobody_chose_makes_way(cli):
    def run(space: str):
        done = cli.run("run", "--param", f"x={space}", *QUICK, "-o", "json", "--", "echo", "loss={x}")
        return done.json["name"], done.err

    assert run("float:0:1")[0] == "echo"
    name, said = run("float:0:2")
    assert name == "echo-2"
    assert "other studies are named echo: this one is echo-2" in said
    assert run("float:0:1")[0] == "echo"
    assert run("float:0:2")[0] == "echo-2"
    assert [study["name"] for study in cli.json("list")] == ["echo", "echo-2"]
    chosen = ("--name", "echo", *QUICK)
    assert "--name" in cli.run("run", "--param", "x=float:0:3", *chosen, "--", "echo", "loss={x}", code=2).err


def test_hints_name_the_store_that_was_asked_for(cli):
    cli.run("run", str(cli.write(maxTrialCount=1)), "--db", "other place.db")
    assert "`katib show study --db 'other place.db'`" in cli.run("explain", "study", "--db", "other place.db").out
    assert "`katib show study`" in cli.run("explain", "study", "--db", "other place.db", "-o", "json").out
    missing = cli.run("show", "nothing", "--db", "other place.db", code=2)
    assert "`katib list --db 'other place.db'`" in missing.err


def test_who_has_no_store_has_no_studies(cli):
    listed = cli.run("list", "-o", "json")
    assert listed.json == []
    assert "there is no store" in listed.err
    assert not (cli.folder / "katib.db").exists()


def test_a_deleted_folder_is_said(cli):
    gone = cli.folder / "gone"
    gone.mkdir()
    script = f"cd '{gone}' && rmdir '{gone}' && '{sys.executable}' -m katib list"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env=cli.env)
    assert done.returncode == 2
    assert "was deleted" in done.stderr
    assert "Traceback" not in done.stderr


def test_deleting_without_a_terminal_takes_a_yes(cli):
    cli.run("run", str(cli.write(maxTrialCount=1)))
    assert "--yes" in cli.run("delete", "study", code=2).err
    assert len(cli.json("list")) == 1
    cli.run("delete", "study", "--yes")
    assert cli.json("list") == []


def test_a_missing_program_is_found_before_the_first_trial(cli):
    done = cli.run("run", "--param", "x=a,b", *QUICK, "--", "no-such-program", "{x}", code=2)
    assert "no-such-program" in done.err
    assert "install it" in done.err
    assert not (cli.folder / "katib-runs").exists()
    fine = cli.run("run", "--param", "x=true,false", *QUICK, "--", "{x}", code=1)
    assert "metric" in fine.err.lower(), "a program that a parameter names is looked for when it is started"


def test_a_failed_run_says_why_and_where_to_look(cli):
    script = "printf '\\033[31mERR \\033[2Jbad\\033[0m\\n'; exit 3"
    done = cli.run("run", "--param", "x=float:0:1", *QUICK, "--name", "bad", "--", "sh", "-c", script, "{x}", code=1)
    assert "exited with code 3" in done.out
    assert "ERR bad" in done.out
    assert "\x1b" not in done.out + done.err
    assert "`katib explain bad`" in done.out
    assert cli.json("show", "bad")["last_failure"]["ordinal"] == 2
    explained = cli.run("explain", "bad").out
    assert "ERR bad" in explained
    assert "its last log lines" not in explained, "they are in the reason"
    assert "\x1b" not in explained


def test_running_a_finished_study_again_says_that_nothing_was_run(cli):
    path = str(cli.write(maxTrialCount=1))
    cli.run("run", path)
    again = cli.run("run", path)
    assert "nothing was run" in again.err
    assert "katib resume study --max-trials N" in again.err


def test_an_experiment_comes_from_standard_input(cli):
    text = cli.write(maxTrialCount=1).read_text()
    cli.run("validate", "-", stdin=text)
    cli.run("run", "-", stdin=text)


def test_the_faults_of_settings_come_with_all_others(cli):
    path = cli.write(algorithm={"algorithmName": "tpe", "algorithmSettings": [{"name": "gama", "value": "1"}]}, extra=1)
    said = cli.run("validate", str(path), code=2).out
    assert "gama" in said
    assert "spec.extra" in said


def test_set_adds_an_item(cli):
    path = str(cli.write(maxTrialCount=1, algorithm="tpe"))
    setting = "spec.algorithm.algorithmSettings[0]"
    cli.run("run", path, "--set", f"{setting}.name=n_startup_trials", "--set", f"{setting}.value=3")
    too_far = cli.run("run", path, "--set", "spec.algorithm.algorithmSettings[1].name=x", "--name", "b", code=2)
    assert "[0] adds one" in too_far.err


def test_a_value_does_not_act_on_the_terminal(cli):
    path = cli.write(
        parameters=[{"name": "x", "parameterType": "categorical", "feasibleSpace": {"list": ["a\nb", "c\x1b[31m"]}}],
        script='case "$0" in c*) echo loss=0;; *) echo loss=1;; esac',
        maxTrialCount=2,
    )
    cli.run("run", str(path))
    printed = cli.run("trials", "study").out + cli.run("show", "study").out
    assert "`katib show study -o json` has the command line" in printed
    trial = f"study/{cli.json('show', 'study')['best']['ordinal']}"
    assert f"`katib show {trial} -o json` has the command line" in cli.run("show", trial).out
    assert "\x1b" in cli.json("show", "study")["command"]
    assert len(cli.run("trials", "study").out.splitlines()) == 3
    assert "\x1b" not in printed
    assert "a\\nb" in printed


def test_printing_an_experiment_warns_of_what_a_shell_would_read(cli):
    words = ("run", "--print-yaml", "--param", "x=a,b", *QUICK, "--", "sh", "-c", "echo loss={x}")
    done = cli.run(*words)
    assert "note:" in done.err
    assert done.out.startswith("apiVersion")
