"""`katib.tune`: a Python function in worker processes."""

import gc
import os
import re
import subprocess
import sys
import textwrap
import threading

import pytest

import katib
from katib.errors import InvalidInput


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KATIB_DB", raising=False)


def test_it_finds_the_best_arguments():
    def fn(x, kind):
        for step in range(3):
            katib.report(loss=(x - 1) ** 2 + step, step=3 - step)
        return (x - 1) ** 2 + (kind == "bad")

    result = katib.tune(fn, {"x": "float:0:2", "kind": ["good", "bad"]}, max_trials=6, parallel=2, algorithm="random")
    assert (result.status, result.reason) == ("Succeeded", "ExperimentMaxTrialsReached")
    assert len(result.trials) == 6
    assert result.best.value == min(trial.value for trial in result.trials)
    assert result.front == (result.best,)
    assert result.best.parameters["kind"] in {"good", "bad"}
    frame = result.to_dataframe()
    assert list(frame["value"]) == [trial.value for trial in result.trials]
    assert {"param_x", "param_kind", "metric_loss"} <= set(frame.columns)


def test_several_objectives_have_a_front():
    def fn(n):
        return {"loss": n, "accuracy": 0.5 if n == 2 else n / 10, "time": 1}

    result = katib.tune(
        fn,
        {"n": [1, 2, 3, 4]},
        objectives={"accuracy": "maximize", "loss": "minimize"},
        goal={"accuracy": 0.9},
        algorithm="grid",
        max_trials=4,
        parallel=2,
        progress=False,
    )
    assert (result.status, result.reason) == ("Succeeded", "ExperimentMaxTrialsReached")
    assert result.objectives == ("accuracy", "loss")
    assert [(trial.parameters["n"], dict(trial.values)) for trial in result.front] == [
        (2, {"accuracy": 0.5, "loss": 2.0}),
        (1, {"accuracy": 0.1, "loss": 1.0}),
    ]
    assert result.best is None
    assert {trial.value for trial in result.trials} == {None}
    frame = result.to_dataframe()
    assert list(frame["value_accuracy"]) == [0.1, 0.5, 0.3, 0.4]
    assert "value" not in frame.columns


def test_a_number_is_no_answer_to_several_objectives():
    result = katib.tune(
        lambda x: x, {"x": [1]}, objectives={"a": "minimize", "b": "minimize"}, algorithm="grid", max_trials=1
    )
    assert "the function returned int; wanted a mapping with 'a', 'b'" in result.trials[0].message
    assert (result.front, result.best, dict(result.trials[0].values)) == ((), None, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objectives": {"a": "minimize"}, "objective": "a"}, "either objectives="),
        ({"objectives": {"a": "minimize"}, "direction": "minimize"}, "either objectives="),
        ({"objectives": {"a": "minimize", "b": "minimize"}, "goal": 0.5}, "metric -> goal, for some of a, b"),
        ({"objectives": {"a": "minimize", "b": "up"}}, "the objective b: `minimize` or `maximize`, got up"),
        ({"objectives": {}}, "at least one metric"),
        ({"objectives": ["a", "b"]}, "a mapping, metric -> `minimize` or `maximize`"),
        ({"objectives": {"a": "minimize", "b": "minimize"}, "goal": {"b": "low"}}, "a finite number, got b=low"),
        ({"objective": "a", "goal": {"b": 1}}, "a goal for an objective: a"),
    ],
)
def test_objectives_that_cannot_be_are_told(given, said):
    with pytest.raises(InvalidInput, match=re.escape(said)):
        katib.tune(len, {"x": "float:0:1"}, **given)


@pytest.mark.parametrize(
    ("pair", "said"), [((1, 8), '"int:1:8"'), ((0, 0.5), '"float:0:0.5", the two values are [0, 0.5]')]
)
def test_a_pair_of_numbers_could_be_a_range_or_two_values(pair, said):
    with pytest.raises(InvalidInput, match=re.escape(said)):
        katib.tune(lambda x: x, {"x": pair})


def test_what_to_know_before_it_runs_is_said(capsys):
    katib.tune(lambda n: n, {"n": [1, 2, 3]}, max_trials=1, algorithm="grid")
    assert capsys.readouterr().err.startswith("note: ")


def test_an_exception_fails_that_trial_only():
    def fn(n):
        if n == 2:
            raise RuntimeError("two is not allowed")
        return n

    result = katib.tune(fn, {"n": [1, 2, 3]}, max_trials=3, parallel=1, algorithm="grid")
    by_n = {trial.parameters["n"]: trial for trial in result.trials}
    assert by_n[2].status == "Failed"
    assert "two is not allowed" in by_n[2].message
    assert [by_n[n].value for n in (1, 3)] == [1.0, 3.0]
    assert result.best.parameters == {"n": 1}


def test_list_items_reach_the_function_as_they_are():
    seen = [None, (1, 2), "a b, c", True, 0.5]

    def fn(item):
        assert any(item == other and type(item) is type(other) for other in seen), repr(item)
        return {"loss": seen.index(item), "extra": 7}

    result = katib.tune(fn, {"item": seen}, max_trials=5, parallel=2, algorithm="grid")
    assert [trial.status for trial in result.trials] == ["Succeeded"] * 5
    assert result.best.parameters["item"] is None


def test_a_function_may_take_one_dictionary():
    result = katib.tune(lambda p: p["a"] * p["b"], {"a": "int:1:3", "b": "int:1:2"}, max_trials=6, algorithm="grid")
    assert result.best.parameters == {"a": 1, "b": 1}


def test_nothing_succeeding_is_no_exception():
    def fn(x):
        raise ValueError("never")

    result = katib.tune(fn, {"x": "float:0:1"}, max_trials=2, algorithm="random")
    assert (result.status, result.best) == ("Failed", None)


def test_a_name_continues_a_study():
    def fn(x):
        return x

    first = katib.tune(fn, {"x": "float:0:1"}, max_trials=2, parallel=2, name="mine", algorithm="random")
    again = katib.tune(fn, {"x": "float:0:1"}, max_trials=2, parallel=2, name="mine", algorithm="random")
    assert [trial.name for trial in again.trials] == [trial.name for trial in first.trials]


def test_what_is_wrong_is_said_before_anything_runs():
    with pytest.raises(InvalidInput) as caught:
        katib.tune(len, {"x": "float:1:0", "y": 7})
    assert "y" in str(caught.value)
    with pytest.raises(InvalidInput, match="`minimize` or `maximize`, got up"):
        katib.tune(len, {"x": "float:0:1"}, direction="up")


def test_a_notebooks_function(tmp_path):
    """A function of `__main__`, as in a notebook: no file that a worker could import it from."""
    code = textwrap.dedent(
        """
        import katib
        offset = 1
        def objective(x):
            katib.report(loss=x + offset, step=1)
            return x + offset
        result = katib.tune(objective, {"x": "int:1:2"}, max_trials=2, parallel=2, algorithm="grid", progress=False)
        print(result.best.value)
        """
    )
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2.0\n"
    assert done.stderr == ""


def test_what_the_function_returns_counts_whatever_it_reported():
    def fn(x):
        for step in range(3):
            katib.report(loss=step, step=step)
        return 10 + x

    result = katib.tune(fn, {"x": [1, 2]}, max_trials=2, algorithm="grid")
    assert [trial.value for trial in result.trials] == [11.0, 12.0]


def test_what_is_no_function_is_refused():
    with pytest.raises(InvalidInput, match="function"):
        katib.tune(3, {"x": "float:0:1"})


def test_without_progress_nothing_is_said_and_nothing_stays_open(capfd):
    result = katib.tune(lambda x: x * x, {"x": "float:-1:1"}, algorithm="random", max_trials=2, progress=False)
    assert len(result.trials) == 2
    assert capfd.readouterr().err == ""
    # A file that was left open is a warning now, and warnings are errors.
    gc.collect()


def test_faults_are_told_of_the_arguments():
    with pytest.raises(InvalidInput, match=r"tune has") as caught:
        katib.tune(lambda x: x, {"x": "flot:0:1"}, max_trials=1)
    assert [fault.path for fault in caught.value.faults] == ["parameters['x']"]
    with pytest.raises(InvalidInput) as caught:
        katib.tune(lambda x: x, {"x": "float:0:1"}, algorithm="none", max_trials=1)
    assert [fault.path for fault in caught.value.faults] == ["algorithm"]


@pytest.mark.parametrize(
    ("fn", "parameters", "said"),
    [
        (lambda x: x, {}, "parameters: at least one"),
        (lambda a, b: a + b, {"a": "float:0:1"}, r"fn: a function of a.*missing a required argument: 'b'"),
        (lambda a, b: a + b, {"a": "1,2", "b": "float:0:1@a=1"}, r"fn: .*'b'"),
    ],
)
def test_a_call_that_can_only_fail_is_refused(fn, parameters, said):
    with pytest.raises(InvalidInput, match=said):
        katib.tune(fn, parameters, max_trials=1)


def test_a_function_that_answers_nothing_or_is_given_a_dictionary_is_told_so(capfd):
    katib.tune(lambda x: None, {"x": "float:0:1"}, algorithm="random", max_trials=1)
    assert "returned None, and has not called katib.report(loss=…)" in capfd.readouterr().err
    katib.tune(lambda x: x * 2.5, {"y": "float:0:1"}, algorithm="random", max_trials=1)
    assert "does not name all of y" in capfd.readouterr().err


def test_what_cannot_be_sent_to_another_process_is_said():
    lock = threading.Lock()

    def locked(x):
        with lock:
            return x

    with pytest.raises(InvalidInput, match=r"locked.*lock"):
        katib.tune(locked, {"x": "float:0:1"}, max_trials=1)
