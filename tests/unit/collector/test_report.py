"""katib.report, inside and outside a trial, and the line from it to the points."""

import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import katib
from katib.errors import InvalidInput, KatibError
from katib.reporting import report
from metrics_collector.sources import open_sources

PUSH = {"collector": {"kind": "Push"}}


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """The environment of a trial, and how to read what it reported."""
    path = tmp_path / "reports.jsonl"
    monkeypatch.setenv("KATIB_REPORT_TO", f"file:{path}")

    def points(*metrics):
        source = open_sources(PUSH, metrics=metrics or ("loss",), log=tmp_path / "log", reports=path)
        found = source.drain()
        source.close()
        return found

    return points


def test_outside_a_trial_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv("KATIB_REPORT_TO", raising=False)
    monkeypatch.chdir(tmp_path)
    report(loss=0.5, step=3)
    assert list(tmp_path.iterdir()) == []


def test_values_steps_and_times_arrive(trial):
    report(loss=0.5, step=3)
    report(acc=1, loss=0.25, step=4)
    report(loss=2)
    points = trial("loss", "acc")
    assert [(p.metric, p.value, p.step, p.seq) for p in points] == [
        ("loss", 0.5, 3, 0),
        ("loss", 0.25, 4, 1),
        ("acc", 1.0, 4, 2),
        ("loss", 2.0, None, 3),
    ]
    assert all(p.time > 1.7e9 for p in points)


def test_names_that_are_no_identifiers(trial):
    report({"val/loss": 0.1, "step": 7}, step=1, loss=0.2)
    assert [(p.metric, p.value, p.step) for p in trial("val/loss", "step", "loss")] == [
        ("val/loss", 0.1, 1),
        ("step", 7.0, 1),
        ("loss", 0.2, 1),
    ]


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), np.array([0.5])[0], np.float16(0.5), "0.5", True])
def test_whatever_float_takes_is_a_value(trial, value):
    report(loss=value, step=np.int64(3))
    [point] = trial()
    assert (point.value, point.step) == (float(value), 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinities_are_values(trial, value):
    report(loss=value)
    [point] = trial()
    assert str(point.value) == str(value)


@pytest.mark.parametrize("value", [None, "abc", [1], {}, object(), 1j, 10**400, np.array([1, 2])])
def test_what_is_no_number_is_refused_and_nothing_is_written(trial, value):
    with pytest.raises(InvalidInput, match="loss: a number"):
        report(acc=1, loss=value)
    assert trial("acc", "loss") == []


@pytest.mark.parametrize("step", [-1, 1.5, "3", 10**18])
def test_a_step_is_an_integer_from_0(trial, step):
    with pytest.raises(InvalidInput, match="step: an integer >= 0"):
        report(loss=1, step=step)


def test_a_report_without_metrics_is_refused():
    with pytest.raises(InvalidInput, match="at least one metric"):
        report(step=3)


@pytest.mark.parametrize("destination", ["unix:/x", "grpc://host:1", "file:relative", "/plain", "https://x"])
def test_a_destination_of_another_kind_is_refused_with_its_text(monkeypatch, destination):
    monkeypatch.setenv("KATIB_REPORT_TO", destination)
    with pytest.raises(InvalidInput, match="file:/absolute/path") as caught:
        report(loss=1)
    assert destination in str(caught.value)


def test_a_report_that_cannot_be_written_says_why(monkeypatch):
    monkeypatch.setenv("KATIB_REPORT_TO", "file:/dev/full")
    with pytest.raises(KatibError, match="No space left"):
        report(loss=1)
    monkeypatch.setenv("KATIB_REPORT_TO", "file:/nowhere/at/all")
    with pytest.raises(KatibError, match="/nowhere/at/all: No such file"):
        report(loss=1)


@given(st.floats(), st.none() | st.integers(0, 10**18 - 1), st.text(max_size=20))
def test_every_value_step_and_name_comes_back(tmp_path_factory, value, step, name):
    path = tmp_path_factory.mktemp("reports") / "reports.jsonl"
    os.environ["KATIB_REPORT_TO"] = f"file:{path}"
    try:
        report({name: value}, step=step)
    finally:
        del os.environ["KATIB_REPORT_TO"]
    [point] = open_sources(PUSH, metrics=(name,), log=path, reports=path).drain()
    assert point.step == step
    assert point.value == value or (math.isnan(point.value) and math.isnan(value))


def test_processes_and_threads_that_report_at_once_lose_nothing(trial):
    script = (
        "import sys, katib\nfor n in range(200): katib.report({'loss': n, 'x' * 500: 1}, step=int(sys.argv[1]) + n)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, str(k * 1000)]) for k in range(3)]
    threads = [
        threading.Thread(target=lambda k=k: [report(loss=n, step=k * 1000 + n) for n in range(200)]) for k in (3, 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0, 0]
    found = {p.step: p.value for p in trial()}
    assert found == {k * 1000 + n: float(n) for k in range(5) for n in range(200)}


def test_kill_9_loses_nothing_that_was_reported(trial):
    script = "import katib, os\nkatib.report(loss=0.5)\nos.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert [p.value for p in trial()] == [0.5]


@pytest.mark.parametrize(
    "statements",
    [
        "import katib; katib.report(loss=1); katib.report(loss=2)",
        "from katib import report; report(loss=1); report(loss=2)",
        "from katib.reporting import report; report(loss=1); import katib; katib.report(loss=2)",
        "import katib.reporting; katib.report(loss=1); katib.reporting.report(loss=2)",
    ],
)
def test_every_way_to_import_it_works_twice_and_loads_the_standard_library_only(trial, statements):
    check = "; import sys; print([m for m in sys.modules if m.split('.')[0] not in sys.stdlib_module_names])"
    done = subprocess.run([sys.executable, "-c", statements + check], capture_output=True, text=True, check=True)
    foreign = {
        name for name in eval(done.stdout) if not name.startswith(("_distutils_hack", "__editable__", "sitecustomize"))
    }
    assert foreign <= {"__main__", "katib", "katib.reporting", "katib.errors"}
    assert [p.value for p in trial()] == [1.0, 2.0]


def test_the_package_gives_the_function(trial):
    katib.report(loss=0.5)
    assert [p.value for p in trial()] == [0.5]
