"""What a run that ended amounts to: a value, or a typed reason why there is none."""

from dataclasses import replace

import pytest

from katib.core.objective import Direction, Objective, Strategy
from katib.core.outcome import failure, outcome
from katib.core.trial import Reason, TrialState
from katib.testing import builders as make

NAN, INF = float("nan"), float("inf")


def result(*values, objective=None, run=None):
    metrics = make.metrics(*values) if values else {}
    return outcome([objective or make.objective()], metrics, run or make.exited(0))


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ((), Reason.METRIC_NOT_FOUND, "no metric 'loss'"),
        (("abc",), Reason.METRIC_MALFORMED, "'abc'"),
        ((0.5, NAN), Reason.DIVERGED, "ended as nan; finite values before it were from 0.5 to 0.5"),
        ((0.5, 0.25, INF), Reason.DIVERGED, "ended as inf; finite values before it were from 0.25 to 0.5"),
        ((-INF,), Reason.DIVERGED, "ended as -inf"),
        ((NAN, "abc"), Reason.DIVERGED, "'abc'"),
    ],
)
def test_no_value(values, reason, words):
    said = result(*values)
    assert (said.state, said.reason, said.values) == (TrialState.METRICS_UNAVAILABLE, reason, ())
    assert words in said.message


def test_after_nan_a_number_is_a_value_again():
    assert result(0.5, NAN, 0.75).values == (0.5,)


@pytest.mark.parametrize(
    ("direction", "strategy", "value"),
    [
        (Direction.MINIMIZE, None, 0.25),
        (Direction.MAXIMIZE, None, 1.0),
        (Direction.MINIMIZE, Strategy.LATEST, 0.5),
        (Direction.MINIMIZE, Strategy.MAX, 1.0),
        (Direction.MAXIMIZE, Strategy.MIN, 0.25),
    ],
)
def test_the_strategy_chooses_the_value(direction, strategy, value):
    strategies = {} if strategy is None else {"loss": strategy}
    said = result(1.0, 0.25, 0.5, objective=Objective(metric="loss", direction=direction, strategies=strategies))
    assert (said.state, said.values) == (TrialState.SUCCEEDED, (value,))
    assert repr(value) in said.message


def test_a_malformed_value_beside_a_good_one_is_mentioned():
    said = result(0.5, "0,25")
    assert said.values == (0.5,)
    assert "'0,25'" in said.message


def test_another_metric_is_not_the_objective():
    said = outcome([make.objective()], make.metrics(0.5, metric="accuracy"), make.exited(0))
    assert said.reason is Reason.METRIC_NOT_FOUND


def test_several_objectives_have_a_value_each():
    latency = Objective(metric="latency", direction=Direction.MAXIMIZE, strategies={"latency": Strategy.LATEST})
    both = {**make.metrics(0.5, 0.25), **make.metrics(7, 3, metric="latency")}
    said = outcome([make.objective(), latency], both, make.exited(0))
    assert (said.state, said.values) == (TrialState.SUCCEEDED, (0.25, 3.0))
    assert said.message == "loss is 0.25 (min); latency is 3.0 (latest)"


@pytest.mark.parametrize(
    ("latency", "reason", "words"),
    [
        ((), Reason.METRIC_NOT_FOUND, "no metric 'latency'"),
        ((1.0, NAN), Reason.DIVERGED, "latency ended as nan"),
        (("fast",), Reason.METRIC_MALFORMED, "latency was reported, but never as a number"),
    ],
)
def test_without_the_value_of_one_objective_a_trial_has_none(latency, reason, words):
    metrics = {**make.metrics(0.5), **(make.metrics(*latency, metric="latency") if latency else {})}
    said = outcome([make.objective(), make.objective(metric="latency")], metrics, make.exited(0))
    assert (said.state, said.reason, said.values) == (TrialState.METRICS_UNAVAILABLE, reason, ())
    assert words in said.message


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (make.exited(0), "the run printed nothing"),
        (make.exited(0, tail="epoch 3\nbye"), "last lines:\nepoch 3\nbye"),
        (make.exited(0, drained=False), "the collector did not finish in time"),
    ],
)
def test_a_missing_metric_says_what_was_seen(run, words):
    assert words in result(run=run).message


@pytest.mark.parametrize(
    ("run", "reason", "words"),
    [
        (make.exited(1), Reason.EXIT_CODE, "exited with code 1"),
        (make.exited(1, tail="Traceback"), Reason.EXIT_CODE, "exited with code 1; last lines:\nTraceback"),
        (make.exited(1, tail="  \n"), Reason.EXIT_CODE, "exited with code 1"),
        (make.exited(None), Reason.EXIT_CODE, "ended without an exit code"),
        (make.exited(None, signal=11), Reason.SIGNAL, "ended by signal 11"),
        (make.exited(None, signal=9), Reason.SIGNAL, "ended by signal 9 (often the kernel's, when memory runs out)"),
    ],
)
def test_failures(run, reason, words):
    assert failure(run) == (reason, words)


def test_what_is_known_of_the_machine_is_said_with_a_failure():
    _reason, message = failure(replace(make.exited(1), trouble="the disk is full", tail="bye"))
    assert message == "exited with code 1; the disk is full; last lines:\nbye"
