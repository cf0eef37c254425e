"""Dominated trials, by curves written out by hand: `error` is minimised, `gain` is maximised."""

import math
from dataclasses import replace

import pytest

from algorithms.stopping.dominated import Dominated
from algorithms.stopping.threshold import Threshold
from katib.core.curves import Record
from katib.core.objective import Direction, Objective, Strategy
from katib.core.observation import MetricPoint
from katib.core.stopping import Comparison
from katib.core.trial import TrialState
from katib.suggestion.early_stopping.grpc import GrpcEarlyStopping
from katib.suggestion.early_stopping.local import LocalEarlyStopping
from katib.testing.early_stopping import stopping_config

NAN, INF = math.nan, math.inf
ERROR = Objective(metric="error", direction=Direction.MINIMIZE)
GAIN = Objective(metric="gain", direction=Direction.MAXIMIZE)


def several(name="dominated", objectives=(ERROR, GAIN), **settings):
    given = {key: str(value) for key, value in settings.items()}
    return replace(stopping_config(name, given), objective=objectives[0], further_objectives=tuple(objectives[1:]))


class Told:
    """A study that is told of curves, as lists of (error, gain) at steps 1, 2 …; None for what is not reported."""

    def __init__(self, objectives=(ERROR, GAIN), **settings):
        self.config = several(objectives=objectives, **{"start_step": 1, **settings})
        self.judge = Dominated(self.config)
        self.record = Record(
            objective=objectives[0], further=self.config.further_objectives, metrics=self.judge.metrics
        )
        self.next = 0

    def run(self, *values):
        """A trial reports these; the first verdict, or None."""
        self.next += 1
        curve = self.record.curve(self.next, 1)
        points = [
            MetricPoint(metric=objective.metric, value=value, text=str(value), seq=step, step=step)
            for step, reported in enumerate(values, start=1)
            for objective, value in zip(self.config.objectives, reported, strict=True)
            if value is not None
        ]
        verdicts = (self.judge.should_stop(curve, report, self.record) for report in self.record.add(curve, points))
        return next((stop for stop in verdicts if stop is not None), None)

    def finished(self, *curves, state=TrialState.SUCCEEDED):
        for curve in curves:
            self.run(*curve)
            self.record.finish(self.next, state)
        return self


def test_a_trial_that_enough_others_dominate_is_stopped_and_the_record_says_why():
    told = Told().finished([(0.3, 5)], [(0.2, 7)], [(0.4, 6)], [(0.1, 1)])
    stop = told.run((0.5, 4))
    assert (stop.rule, stop.value, stop.comparison, stop.threshold) == ("dominated", 3, Comparison.GREATER, 3)
    assert (stop.metric, stop.step) == ("gain", 1)
    assert stop.message == (
        "dominated: at step 1, error 0.5, gain 4 is dominated by 3 of the 4 others that came there, "
        "and 3 are enough; one is trial 2, with error 0.2, gain 7"
    )


@pytest.mark.parametrize(
    ("standing", "stops"),
    [((0.5, 4), True), ((0.5, 8), False), ((0.05, 4), False), ((0.3, 5), False), ((0.31, 5), True), ((0.3, 4.9), True)],
    ids=["behind in both", "leads in gain", "leads in error", "the same", "behind in error", "behind in gain"],
)
def test_who_leads_in_one_objective_goes_on(standing, stops):
    told = Told().finished(*[[(0.3, 5)]] * 3)
    assert (told.run(standing) is not None) is stops


@pytest.mark.parametrize(("others", "stops"), [(2, False), (3, True)])
def test_three_must_dominate_it(others, stops):
    told = Told().finished(*[[(0.3, 5)]] * others)
    assert (told.run((0.5, 4)) is not None) is stops


@pytest.mark.parametrize(("beyond", "stops"), [(9, True), (10, False)])
def test_they_must_be_a_quarter_of_those_that_came_to_the_step(beyond, stops):
    told = Told().finished(*[[(0.3, 5)]] * 3).finished(*[[(0.9, 0)]] * beyond)
    assert (told.run((0.5, 4)) is not None) is stops


def test_only_those_that_came_to_the_step_count_at_it():
    told = Told(dominating=2).finished([(0.3, 5), (0.1, 9)], [(0.3, 5), (0.1, 9)], [(0.1, 9)])
    assert told.run((0.2, 6), (0.2, 6)).step == 2


def test_those_that_run_count_and_those_that_failed_do_not():
    told = Told(dominating=1, share=0)
    told.finished([(0.3, 5)], state=TrialState.FAILED)
    assert told.run((0.5, 4)) is None
    assert told.run((0.6, 3)).message.endswith("one is trial 2, with error 0.5, gain 4")


def test_the_metric_strategy_says_what_a_trial_would_have():
    """The best so far by default: trial 4's error of 0.2 stays. By its latest it is dominated."""
    others = [[(0.3, 5), (0.3, 5)]] * 3
    curve = (0.2, 4), (0.9, 4)
    assert Told().finished(*others).run(*curve) is None
    latest = replace(ERROR, strategies={"error": Strategy.LATEST})
    assert Told((latest, GAIN)).finished(*others).run(*curve).step == 2
    greatest = replace(ERROR, strategies={"error": Strategy.MAX})
    assert Told((greatest, GAIN)).finished(*others).run(*curve).step == 2


def test_no_number_is_worse_than_any():
    told = Told().finished(*[[(INF, -1e9)]] * 3)
    assert told.run((NAN, -INF)).message.startswith("dominated: at step 1, error no number, gain no number is")
    assert told.run((1e300, -1e9)) is None


def test_it_waits_for_every_objective():
    told = Told(start_step=2).finished(*[[(0.3, 5)] * 5] * 3)
    assert told.run((0.5, None), (0.5, None), (0.5, None)) is None
    assert told.run((0.5, 4), (0.5, None), (0.5, 4)).step == 3


def test_threshold_draws_its_line_on_the_side_of_the_metrics_own_objective():
    judge = Threshold(several("threshold", metric="gain", value=3))
    record = Record(objective=ERROR, further=(GAIN,), metrics=judge.metrics)
    curve = record.curve(1, 1)
    point = MetricPoint(metric="gain", value=2.0, text="2", seq=1, step=1)
    (report,) = record.add(curve, [point])
    assert judge.should_stop(curve, report, record).comparison is Comparison.LESS


def test_early_stopping_that_looks_at_one_objective_is_refused_where_there_are_several():
    (fault,) = LocalEarlyStopping().validate(several("medianstop"))
    assert (fault.path, fault.given) == ("spec.earlyStopping.algorithmName", "medianstop")
    assert fault.wanted == "one that takes 2 objectives: a trial that is behind in one may lead in another"
    assert fault.hint == "early stopping that takes several: dominated, threshold"
    assert GrpcEarlyStopping("localhost:1").validate(several("theirs"))[0].wanted == fault.wanted
