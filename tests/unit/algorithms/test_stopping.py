"""Early stopping algorithms by numbers worked out by hand."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.stopping.asha import Asha, rungs
from algorithms.stopping.medianstop import MedianStop
from algorithms.stopping.patience import Patience
from algorithms.stopping.threshold import Line, Threshold, parse_lines
from katib.core.curves import Record
from katib.core.observation import MetricPoint
from katib.core.stopping import Comparison
from katib.core.trial import TrialState
from katib.errors import InvalidInput
from katib.testing.early_stopping import stopping_config

NAN = math.nan


class Told:
    """A study that is told of curves, as {step: value} or a list of values at steps 1, 2 …"""

    def __init__(self, kind, *, maximize=False, **settings):
        self.config = stopping_config(
            kind.__name__.lower(), {name: str(value) for name, value in settings.items()}, maximize=maximize
        )
        self.judge = kind(self.config)
        self.record = Record(objective=self.config.objective, metrics=self.judge.metrics)
        self.next = 1

    def run(self, values, *, metric="loss", ordinal=None):
        """A trial reports these; the first verdict, or None."""
        ordinal = ordinal or self.next
        self.next = max(self.next, ordinal) + 1
        curve = self.record.curve(ordinal, 1)
        steps = values if isinstance(values, dict) else dict(enumerate(values, start=1))
        points = [
            MetricPoint(metric=metric, value=value, text=str(value), seq=step, step=step)
            for step, value in steps.items()
        ]
        for report in self.record.add(curve, points):
            stop = self.judge.should_stop(curve, report, self.record)
            if stop is not None:
                return stop
        return None

    def finished(self, *curves, state=TrialState.SUCCEEDED):
        """Trials that ran to their end."""
        for curve in curves:
            ordinal = self.next
            self.run(curve, ordinal=ordinal)
            self.record.finish(ordinal, state)
        return self


# The median


def test_the_median_is_a_median_and_not_a_mean():
    """Running averages at step 2 are 1, 2 and 100: their median is 2, their mean 34."""
    told = Told(MedianStop, start_step=2).finished([1, 1], [2, 2], [100, 100])
    stop = told.run([9, 3])
    assert (stop.value, stop.comparison, stop.threshold, stop.step) == (3, Comparison.GREATER, 2, 2)
    assert stop.message == (
        "medianstop: the best loss by step 2, 3, is worse than 2, "
        "the median of the running averages of 3 trials up to that step"
    )


def test_an_even_number_has_its_median_between_the_middle_two():
    told = Told(MedianStop, start_step=1).finished([1], [2], [4], [50])
    assert told.run([3.0]) is None
    assert told.run([3.01]).threshold == 3


def test_it_compares_the_best_so_far_with_running_averages():
    """At step 3 the averages are (4+2+0)/3 = 2 for each; the trial's best is 1 although its last value is 9."""
    told = Told(MedianStop, start_step=3).finished(*[[4, 2, 0]] * 3)
    assert told.run([1, 9, 9]) is None
    assert told.run([2, 9, 9]) is None, "no worse than the median"
    assert told.run([2.1, 9, 9]).value == 2.1


def test_maximize():
    told = Told(MedianStop, maximize=True, start_step=1).finished([0.5], [0.6], [0.7])
    assert told.run([0.6]) is None
    stop = told.run([0.59])
    assert (stop.value, stop.comparison, stop.threshold) == (0.59, Comparison.LESS, 0.6)


@pytest.mark.parametrize(("finished", "stops"), [(0, False), (1, False), (2, False), (3, True), (4, True)])
def test_three_trials_are_required(finished, stops):
    told = Told(MedianStop, start_step=1).finished(*[[1]] * finished)
    assert (told.run([2]) is not None) is stops


@pytest.mark.parametrize(("step", "stops"), [(3, False), (4, True), (5, True)])
def test_nothing_is_stopped_before_the_fourth_step(step, stops):
    told = Told(MedianStop).finished(*[[1] * 9] * 3)
    assert (told.run({step: 2}) is not None) is stops


def test_each_step_from_the_first_one_on_is_judged():
    told = Told(MedianStop, start_step=2).finished(*[[5, 5, 1, 1]] * 3)
    assert told.run([4, 4, 4, 4]).step == 3, "the averages are 5, 5, 3.67 and 3"
    assert told.run([3.5, 4, 4, 4]).step == 4


def test_only_trials_that_reached_the_step_count_at_it():
    told = Told(MedianStop, start_step=1).finished([1, 1], [1, 1], [1])
    assert told.run({1: 2}).threshold == 1
    assert told.run({2: 2}) is None


def test_those_that_were_stopped_early_count_as_far_as_they_came():
    told = Told(MedianStop, start_step=1, min_trials_required=2)
    told.finished([1, 1]).finished([7], state=TrialState.EARLY_STOPPED)
    assert told.run({1: 5}).threshold == 4
    assert told.run({2: 5}) is None


@pytest.mark.parametrize(
    "state", [TrialState.FAILED, TrialState.KILLED, TrialState.METRICS_UNAVAILABLE], ids=lambda state: state.value
)
def test_those_that_came_to_nothing_do_not_count(state):
    told = Told(MedianStop, start_step=1).finished([1], [1]).finished([1], state=state)
    assert told.run([2]) is None


def test_reports_at_other_steps_are_compared_at_the_last_one_before():
    told = Told(MedianStop, start_step=1).finished(*[{10: 4, 20: 2}] * 3)
    assert told.run({15: 4}) is None
    assert told.run({15: 4.1}).threshold == 4
    assert told.run({20: 3.1}).threshold == 3


def test_what_is_no_number_is_left_out_of_averages_and_worse_than_any_median():
    told = Told(MedianStop, start_step=2).finished(*[[NAN, 2, 4]] * 3)
    assert told.run({2: 2.5}).threshold == 2
    assert told.run([NAN, NAN]).step == 2
    assert told.run([NAN, 1, NAN]) is None


def test_huge_values_have_a_median():
    told = Told(MedianStop, start_step=1, min_trials_required=2).finished([1.7e308], [1.5e308])
    assert told.run([1.65e308]).threshold == pytest.approx(1.6e308)


@given(
    st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=6), min_size=3, max_size=9),
    st.lists(st.floats(-100, 100), min_size=1, max_size=6),
)
def test_it_is_the_papers_rule_word_by_word(others, values):
    told = Told(MedianStop, start_step=1, min_trials_required=1)
    for other in others:
        told.record.finish(told.next - 1, TrialState.FAILED)
        curve = told.record.curve(told.next, 1)
        points = (MetricPoint(metric="loss", value=v, text="", seq=k, step=k) for k, v in enumerate(other, start=1))
        list(told.record.add(curve, points))
        told.record.finish(told.next, TrialState.SUCCEEDED)
        told.next += 1
    expected = None
    for step in range(1, len(values) + 1):
        averages = [statistics.fmean(other[:step]) for other in others if len(other) >= step]
        if averages and min(values[:step]) > statistics.median(averages) + 1e-9:
            expected = step
            break
        if averages and min(values[:step]) > statistics.median(averages) - 1e-9:
            return  # too close to tell apart from rounding
    stop = told.run(values)
    assert (stop.step if stop else None) == expected


# Successive halving


@pytest.mark.parametrize(
    ("first", "eta", "last", "steps"),
    [
        (1, 2, 20, [1, 2, 4, 8, 16]),
        (1, 3, 81, [1, 3, 9, 27]),
        (1, 4, 65, [1, 4, 16, 64]),
        (5, 3, 100, [5, 15, 45]),
        (1, 1.5, 8, [1, 2, 3, 4, 6]),
        (10, 3, 10, []),
    ],
)
def test_rungs(first, eta, last, steps):
    """For eta 1.5 they are 1, 1.5, 2.25, 3.375, 5.06 and 7.59, rounded up."""
    assert rungs(first, eta, last) == steps


def test_one_in_three_passes_the_first_rung():
    """n at the rung   its value   floor(n/3)   passes
    1                  5           0            yes, there are fewer than 3
    2                  9           0            yes
    3                  6           1            no: 5 is the best
    4                  4           1            yes: it is the best
    5                  4.5         1            no
    6                  4.5         2            no: 4 and 4.5 are; it ties with the second best, so yes
    7                  4.6         2            no
    """
    told = Told(Asha)
    stops = [told.run([value]) for value in (5, 9, 6, 4, 4.5, 4.5, 4.6)]
    assert [stop is None for stop in stops] == [True, True, False, True, False, True, False]
    assert (stops[2].value, stops[2].threshold, stops[2].step) == (6, 5, 1)
    assert (stops[6].value, stops[6].threshold) == (4.6, 4.5)
    assert stops[6].message == (
        "asha: at step 1, rung 1, loss is 4.6: not among the best 2 of 7 trials there, which have 4.5 or better"
    )


def test_between_rungs_nothing_is_judged():
    told = Told(Asha).finished(*[[1] * 9] * 8)
    assert told.run({1: 1, 2: 99, 3: 1, 4: 99, 8: 99}) is None
    assert told.run({1: 1, 2: 99, 3: 1, 4: 99, 8: 99, 9: 2}).step == 9


def test_a_rung_that_was_stepped_over_is_judged_at_the_next_report():
    told = Told(Asha, min_resource=4).finished(*[{5: 1, 10: 1, 15: 1}] * 5)
    stop = told.run({3: 9, 5: 2})
    assert (stop.step, stop.value) == (5, 2)
    assert "rung 4" in stop.message


def test_a_report_beyond_several_rungs_is_judged_at_the_highest():
    told = Told(Asha).finished(*[[1] * 9] * 5)
    assert "rung 9" in told.run({10: 2}).message


def test_asha_maximize():
    told = Told(Asha, maximize=True, eta=2)
    assert [told.run([value]) is None for value in (0.5, 0.6, 0.4, 0.55)] == [True, True, False, True]
    assert told.run([0.5]).threshold == 0.55


def test_what_became_of_a_trial_that_came_to_a_rung_is_no_matter():
    told = Told(Asha, eta=2).finished([1], state=TrialState.FAILED)
    assert told.run([2]).threshold == 1


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_what_is_no_number_is_last_at_its_rung(bad):
    told = Told(Asha, eta=2)
    assert told.run([bad]) is None, "it is the first one"
    assert told.run([3]) is None
    assert told.run([bad]) is not None


def test_there_is_no_rung_where_trials_end():
    told = Told(Asha, eta=2, max_resource=4).finished(*[[1, 1, 1, 1]] * 4)
    assert told.run({1: 1, 2: 1, 4: 9}) is None


# Lines


def test_lines_are_read():
    assert parse_lines(" loss > 2@10;a b=0.5 ; acc<-1e-3 @ 0;") == (
        Line(metric="loss", comparison=Comparison.GREATER, value=2, start_step=10),
        Line(metric="a b", comparison=Comparison.EQUAL, value=0.5),
        Line(metric="acc", comparison=Comparison.LESS, value=-0.001),
    )


@pytest.mark.parametrize(("values", "stops_at"), [([2, 2.5], None), ([2, 3, 2.6], 3), ([2, 3, 2.5], None)])
def test_a_line_is_crossed_from_its_step_on(values, stops_at):
    stop = Told(Threshold, value=2.5, start_step=3).run(values)
    assert (stop.step if stop else None) == stops_at


def test_the_usual_side_is_the_bad_one():
    assert Told(Threshold, value=1).run([2]).comparison is Comparison.GREATER
    assert Told(Threshold, value=1, maximize=True).run([0.5]).comparison is Comparison.LESS
    assert Told(Threshold, value=1, comparison="less").run([2]) is None


def test_one_of_several_lines_is_enough_and_other_metrics_have_them_too():
    told = Told(Threshold, rules="loss>5@2; other=1")
    assert told.judge.metrics == {"loss", "other"}
    assert told.run([9, 4]) is None
    assert told.run([9, 6]).step == 2
    stop = told.run([0, 1], metric="other")
    assert (stop.metric, stop.value, stop.threshold, stop.comparison) == ("other", 1, 1, Comparison.EQUAL)


def test_nan_crosses_its_own_line_only():
    assert Told(Threshold, rules="loss>1; loss<1; loss=1").run([NAN]) is None
    assert Told(Threshold, rules="loss=nan").run([1, NAN]).step == 2


# Patience


@pytest.mark.parametrize(
    ("values", "stops_at"),
    [
        ([3, 2, 1, 1, 1], 5),
        ([3, 2, 1, 1, 0.9, 1, 1], 7),
        ([1, 2], None),
        ([1, 2, 2], 3),
        ([NAN, NAN, NAN], 3),
        ([NAN, 2, NAN, NAN], 4),
        ([3, 2, 1], None),
    ],
)
def test_two_steps_without_improvement(values, stops_at):
    stop = Told(Patience, patience=2).run(values)
    assert (stop.step if stop else None) == stops_at


def test_an_improvement_is_more_than_min_delta():
    told = Told(Patience, patience=2, min_delta=0.5)
    assert told.run([3, 2.5, 2.4, 1.8]) is None
    stop = told.run([3, 2.6, 2.5])
    assert (stop.step, stop.value, stop.threshold) == (3, 2.5, 2.5)
    assert stop.message == "patience: loss has not improved by more than 0.5 on 3 since step 1, 2 steps ago"


def test_steps_count_and_not_reports():
    assert Told(Patience, patience=20).run({10: 1, 20: 2, 29: 2}) is None
    assert Told(Patience, patience=20).run({10: 1, 20: 2, 30: 2}).step == 30


def test_patience_maximize():
    assert Told(Patience, patience=2, maximize=True).run([1, 2, 2, 1.5]).threshold == 2


def test_a_report_that_comes_late_is_put_in_its_place():
    told = Told(Patience, patience=3)
    assert told.run({1: 5, 2: 5, 4: 5, 3: 1}).step == 4
    told = Told(Patience, patience=3)
    assert told.run({1: 5, 2: 5, 3: 1, 5: 5}) is None


# Settings


@pytest.mark.parametrize(
    ("kind", "settings", "wanted"),
    [
        (MedianStop, {"min_trials_required": 0}, "min_trials_required must be greater than zero (>0)"),
        (MedianStop, {"start_step": 0}, "start_step must be greater or equal than one (>=1)"),
        (MedianStop, {"min_trials_required": "x"}, "failed to validate min_trials_required(x): invalid literal"),
        (MedianStop, {"x": 1}, "unknown setting x for algorithm medianstop"),
        (MedianStop, {"shadow": "yes"}, "failed to validate shadow(yes): it is neither true nor false"),
        (Asha, {"eta": 1}, "eta must be a number > 1"),
        (
            Asha,
            {"eta": 2, "reduction_factor": 2},
            "only one of eta and reduction_factor may be set, which mean the same",
        ),
        (Asha, {"min_resource": 0}, "min_resource must be an integer > 0"),
        (Threshold, {}, "value must be set, or rules"),
        (Threshold, {"rules": "loss"}, "'loss' is not METRIC<VALUE, METRIC>VALUE or METRIC=VALUE"),
        (Threshold, {"rules": "los>1"}, "a line must be for a metric that is collected: loss, other"),
        (Threshold, {"metric": "a", "value": 1}, "a line must be for a metric that is collected: loss, other"),
        (Threshold, {"rules": "loss>nan"}, "'loss>nan' is never crossed"),
        (Threshold, {"value": "nan"}, "value must be a number: nothing is more or less than nan"),
        (Threshold, {"rules": "loss>1@9999999999"}, "'loss>1@9999999999' begins after step 2147483647"),
        (MedianStop, {"start_step": 2**31}, "start_step must be an integer from 1 to 2147483647"),
        (Threshold, {"comparison": "greater", "rules": "loss>1"}, "goes with value"),
        (Threshold, {"comparison": "more", "value": 1}, "comparison must be less, greater or equal"),
        (Patience, {"patience": 0}, "patience must be an integer > 0"),
        (Patience, {"min_delta": -1}, "min_delta must be a number >= 0"),
    ],
)
def test_settings_are_refused_with_their_names(kind, settings, wanted):
    with pytest.raises(InvalidInput) as raised:
        Told(kind, **settings)
    (fault,) = raised.value.faults
    assert wanted in fault.wanted
    assert fault.path.startswith("spec.earlyStopping.algorithmSettings.")


# Rules in Katib's form


def rules_of(told):
    return [(rule.name, rule.value, rule.comparison, rule.start_step) for rule in told.judge.rules((), told.record)]


def test_the_median_as_a_rule_is_that_of_the_first_step_judged():
    """Averages of the first two values are 2, 3 and 50; of three they would be others."""
    told = Told(MedianStop, start_step=2).finished([1, 3, 99], [2, 4, 99])
    assert rules_of(told) == []
    told.finished([0, 100, 99])
    assert rules_of(told) == [("loss", 3, Comparison.GREATER, 2)]
    told = Told(MedianStop, maximize=True, start_step=1, min_trials_required=1).finished([7])
    assert rules_of(told) == [("loss", 7, Comparison.LESS, 1)]


def test_a_line_as_a_rule():
    assert rules_of(Told(Threshold, value=3)) == [("loss", 3, Comparison.GREATER, 0)]
    assert rules_of(Told(Threshold, rules="other<0.5@4")) == [("other", 0.5, Comparison.LESS, 4)]


@pytest.mark.parametrize("lines", ["loss>1; other<2", "loss=nan", "loss>inf"])
def test_lines_that_rules_cannot_say(lines):
    with pytest.raises(InvalidInput, match="over Katib's API"):
        rules_of(Told(Threshold, rules=lines))
