"""Rules in Katib's form, and the curves that early stopping compares."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.core.curves import Curve, Record, Series
from katib.core.objective import Direction, Objective
from katib.core.observation import MetricPoint
from katib.core.stopping import Comparison, Report, StopRule, stopped_by_rules
from katib.core.trial import TrialState

NAN = math.nan
LOSS = Objective(metric="loss", direction=Direction.MINIMIZE, additional=("other",))
ACCURACY = Objective(metric="accuracy", direction=Direction.MAXIMIZE)


def greater(value, *, name="loss", start=0):
    return StopRule(name=name, value=value, comparison=Comparison.GREATER, start_step=start)


def less(value, *, name="accuracy", start=0):
    return StopRule(name=name, value=value, comparison=Comparison.LESS, start_step=start)


def reports(*values, metric="loss"):
    return [Report(metric=metric, value=value, step=10 * n, number=n) for n, value in enumerate(values, start=1)]


def stopped(rules, told, objective=LOSS):
    """The report at which the rules stop an attempt; None when they do not."""
    stop = stopped_by_rules(rules, told, objective, rule="theirs")
    return None if stop is None else stop.step // 10


# Katib's rules


@pytest.mark.parametrize(
    ("comparison", "value", "holds"),
    [
        (Comparison.LESS, 0.9, True),
        (Comparison.LESS, 1.0, False),
        (Comparison.GREATER, 1.1, True),
        (Comparison.GREATER, 1.0, False),
        (Comparison.EQUAL, 1.0, True),
        (Comparison.EQUAL, 1.1, False),
        (Comparison.LESS, NAN, False),
        (Comparison.GREATER, NAN, False),
        (Comparison.EQUAL, NAN, False),
    ],
)
def test_comparisons_are_strict(comparison, value, holds):
    assert comparison.holds(value, 1.0) is holds


def test_without_a_start_step_each_report_is_tested():
    assert stopped([greater(5, name="other")], reports(1, 4, 6, 1, metric="other")) == 3


def test_a_start_step_tests_the_one_report_at_which_it_is_reached():
    rule = greater(5, name="other", start=2)
    assert stopped([rule], reports(9, 6, 1, metric="other")) == 2
    assert stopped([rule], reports(9, 1, 9, metric="other")) is None, "it is never tested again"


def test_of_the_objective_the_best_so_far_is_tested():
    assert stopped([greater(5, start=3)], reports(1, 9, 9)) is None
    assert stopped([greater(5, start=3)], reports(6, 9, 9)) == 3
    assert stopped([less(0.5, start=2)], reports(0.9, 0.1, metric="accuracy"), ACCURACY) is None
    assert stopped([less(0.5, start=2)], reports(0.4, 0.3, metric="accuracy"), ACCURACY) == 2


def test_of_other_metrics_the_current_value_is_tested():
    assert stopped([greater(5, name="other")], reports(1, 6, metric="other")) == 2


def test_every_rule_must_be_met_once_not_at_the_same_time():
    rules = [greater(5, name="other"), less(1, name="other")]
    assert stopped(rules, reports(6, 3, 0.5, metric="other")) == 3
    assert stopped(rules, reports(6, 3, 7, metric="other")) is None


def test_start_steps_of_one_metric_are_counted_apart():
    rules = [greater(5, name="other", start=2), greater(5, name="other", start=4)]
    assert stopped(rules, reports(0, 6, 0, 6, metric="other")) == 4


def test_rules_of_several_metrics_count_their_own_reports():
    rules = [greater(5, name="other", start=1), greater(5, start=2)]
    told = [reports(7, 7)[0], reports(9, metric="other")[0], reports(7, 7)[1]]
    assert stopped(rules, told) == 2


def test_without_rules_nothing_stops():
    assert stopped([], reports(1, 2, 3)) is None


def test_nan_meets_no_rule_and_is_no_best():
    assert stopped([greater(5)], reports(NAN, NAN)) is None
    assert stopped([greater(5)], reports(NAN, 6)) == 2


def test_the_verdict_names_what_was_compared():
    stop = stopped_by_rules([greater(5, start=2)], reports(9, 7), LOSS, rule="theirs")
    assert (stop.rule, stop.metric, stop.value, stop.comparison, stop.threshold, stop.step) == (
        "theirs",
        "loss",
        7,
        Comparison.GREATER,
        5,
        20,
    )
    assert stop.message == "theirs: the best loss so far, 7 at step 20, is greater than 5"


# Curves


def point(value, *, step=None, seq=0, metric="loss"):
    return MetricPoint(metric=metric, value=value, text="as reported", seq=seq, step=step)


def curve():
    return Curve(ordinal=1, attempt=1, objective=LOSS)


steps_and_values = st.lists(
    st.tuples(st.integers(-5, 12), st.floats(-9, 9) | st.sampled_from((NAN, math.inf, -math.inf)))
)


@given(steps_and_values, st.randoms())
def test_a_series_is_the_same_in_whatever_order_its_reports_came(told, random):
    told = list({step: (step, value) for step, value in told}.values())
    one, other = Series(), Series()
    for each in told:
        one.add(*each)
    random.shuffle(told)
    for each in told:
        other.add(*each)
    assert list(one.steps) == sorted(step for step, _ in told) == list(other.steps)
    for kept in ("values", "means", "bests"):
        assert repr(list(getattr(one, kept))) == repr(list(getattr(other, kept)))


@given(steps_and_values)
def test_means_and_bests_are_of_the_finite_values_so_far(told):
    series = Series(Direction.MAXIMIZE)
    for each in told:
        series.add(*each)
    for index in range(len(series)):
        finite = [value for value in series.values[: index + 1] if math.isfinite(value)]
        if finite:
            assert series.means[index] == pytest.approx(sum(finite) / len(finite), abs=1e-9)
            assert series.bests[index] == max(finite)
        else:
            assert math.isnan(series.means[index])
            assert math.isnan(series.bests[index])


def test_the_first_report_of_a_step_stands_as_in_the_store():
    line = curve()
    assert line.add(point(1.0, step=3)) is not None
    assert line.add(point(2.0, step=3, seq=7)) is None
    assert list(line.of("loss").values) == [1.0]


def test_without_steps_the_number_of_the_report_is_the_step():
    line = curve()
    told = [line.add(point(value, seq=seq)) for seq, value in ((10, 5.0), (20, 4.0), (10, 5.0), (30, 3.0))]
    assert [None if each is None else (each.step, each.number) for each in told] == [(1, 1), (2, 2), None, (3, 3)]


def test_what_is_no_number_is_no_report():
    assert curve().add(point(None)) is None


def test_a_point_without_a_step_among_others_comes_after_them():
    line = curve()
    line.add(point(1.0, step=100))
    assert line.add(point(2.0, seq=4)).step == 101


def test_looking_up_a_step():
    series = Series()
    for step in (10, 20, 30):
        series.add(step, 0.0)
    assert [series.last_upto(step) for step in (9, 10, 19, 30, 99)] == [-1, 0, 0, 2, 2]
    assert [series.first_from(step) for step in (0, 10, 11, 30, 31)] == [0, 0, 1, 2, -1]


def record():
    return Record(objective=LOSS, metrics=frozenset({"loss"}))


def test_a_record_keeps_what_matters():
    known = record()
    line = known.curve(1, 1)
    assert [each.metric for each in known.add(line, [point(1.0, metric="other"), point(2.0)])] == ["loss"]


def test_a_report_is_yielded_when_the_curve_ends_with_it():
    known = record()
    line = known.curve(1, 1)
    points = [point(float(step), step=step) for step in (1, 2, 3)]
    assert [len(line.of("loss")) for _report in known.add(line, points)] == [1, 2, 3]


def test_a_new_attempt_begins_anew_and_an_old_one_is_over():
    known = record()
    list(known.add(known.curve(1, 1), [point(1.0)]))
    assert known.curve(1, 2).series == {}
    assert known.curve(1, 1) is None
    assert known.curve(1, 2) is known.curve(1, 2)


def test_a_finished_trial_stays_finished():
    known = record()
    list(known.add(known.curve(1, 1), [point(1.0)]))
    assert known.finish(1, TrialState.SUCCEEDED).state is TrialState.SUCCEEDED
    assert known.finish(1, TrialState.FAILED) is None
    assert known.curve(1, 2) is None
    assert (len(known.finished), known.running) == (1, {})


def test_a_trial_that_reported_nothing_leaves_no_curve():
    known = record()
    known.curve(1, 1)
    assert known.finish(1, TrialState.SUCCEEDED) is None
    assert known.finish(2, TrialState.SUCCEEDED) is None
    assert known.finished == []
