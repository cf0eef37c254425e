"""The values that everything else is made of: spaces, observations, objectives, summaries, names."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from katib.core.names import SUFFIX_LENGTH, TRIAL_ALPHABET, trial_name
from katib.core.objective import Direction, Objective
from katib.core.observation import MetricPoint, MetricSummary, fold
from katib.core.space import Choice, ParameterType, Range, SearchSpace, as_number, as_text
from katib.core.study import Summary
from katib.core.trial import ALLOWED, FINISHED, UNFINISHED, TrialState
from katib.testing import builders as make
from katib.testing import strategies as some

# Search spaces


@given(some.spaces(), st.data())
def test_an_assignment_drawn_from_a_space_is_in_it_and_survives_as_text(space, data):
    assignment = data.draw(some.assignments(space))
    assert space.contains(assignment)
    back = {name: space[name].parse(as_text(value)) for name, value in assignment.items()}
    assert back == dict(assignment)
    assert space.key(back) == space.key(assignment)


@given(some.parameters(), st.data())
def test_every_grid_position_is_a_different_value_within_bounds(parameter, data):
    assume(parameter.size is not None)
    positions = sorted({0, parameter.size - 1, data.draw(st.integers(0, parameter.size - 1))})
    values = [parameter.at(position) for position in positions]
    assert len(set(values)) == len(positions)
    assert all(parameter.contains(value) for value in values)


@given(some.ranges())
def test_the_last_grid_position_is_the_last_step_below_the_upper_bound(parameter):
    assume(parameter.size is not None and parameter.low < parameter.high)
    last = float(parameter.at(parameter.size - 1))
    assert last <= parameter.high < last + parameter.grid_step * (1 + 1e-6)


@given(some.ranges(), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_the_nearest_value_is_allowed_and_no_step_is_closer(parameter, number):
    value = parameter.nearest(number)
    assert parameter.contains(value)
    clipped = min(max(number, parameter.low), parameter.high)
    if parameter.size is None:
        assert value == clipped
    else:
        position = round((float(value) - parameter.low) / (parameter.grid_step or 1.0))
        around = [each for each in (position - 1, position, position + 1) if 0 <= each < parameter.size]
        closest = min(abs(float(parameter.at(each)) - clipped) for each in around)
        assert math.isclose(abs(float(value) - clipped), closest, rel_tol=1e-6, abs_tol=1e-9)


def test_a_bound_of_seventeen_digits_is_on_the_grid():
    """Rounding to its decimals would give the number beside it, which is out of bounds."""
    low = 5.960464477539063e-08
    parameter = Range(name="x", type=ParameterType.DOUBLE, low=low, high=1.0, step=1.0)
    assert parameter.at(0) == low
    assert parameter.contains(low)
    assert parameter.index(low) == 0


def test_a_grid_is_counted_and_ordered_with_the_last_parameter_fastest():
    space = SearchSpace(
        parameters=(
            Range(name="x", type=ParameterType.DOUBLE, low=0.1, high=0.3, step=0.1),
            Choice(name="y", type=ParameterType.CATEGORICAL, values=("a", "b")),
        )
    )
    assert space.size == 6
    grid = [tuple(space.at(index).values()) for index in range(6)]
    assert grid == [(0.1, "a"), (0.1, "b"), (0.2, "a"), (0.2, "b"), (0.3, "a"), (0.3, "b")]


def test_a_continuous_space_has_no_grid():
    assert make.space().size is None
    with pytest.raises(ValueError, match="lr is continuous"):
        make.space().at(0)


@pytest.mark.parametrize("text", ["nan", "inf", "0.3", "-1", "", "one"])
def test_a_text_out_of_bounds_is_refused(text):
    with pytest.raises(ValueError):
        make.space()["lr"].parse(text)


@pytest.mark.parametrize(
    "assignment", [{}, {"lr": 0.05}, {"lr": 0.05, "optimizer": "lbfgs"}, {"lr": 1, "optimizer": "sgd"}]
)
def test_what_is_not_in_the_space(assignment):
    assert not make.space().contains(assignment)


@pytest.mark.parametrize(
    ("value", "number"), [("3", 3), ("-2", -2), ("0.5", 0.5), ("1e3", 1000.0), ("adam", "adam"), (0.5, 0.5), (7, 7)]
)
def test_texts_as_numbers(value, number):
    assert (as_number(value), type(as_number(value))) == (number, type(number))


# Observations


@given(st.lists(some.metric_points(), max_size=6), st.data())
def test_folding_twice_or_in_another_order_changes_nothing(points, data):
    """But for the malformed text: the one that came last is kept, for people."""
    one_per_place = list({(point.time, point.seq): point for point in points}.values())
    once = fold({}, one_per_place)
    again = fold(once, data.draw(st.permutations(one_per_place)))
    other = fold({}, data.draw(st.permutations(one_per_place)))
    assert numbers(once) == numbers(again) == numbers(other)


def numbers(metrics):
    return [(repr(each.min), repr(each.max), repr(each.latest), each.latest_at) for each in metrics.values()]


def test_only_finite_values_are_extremes_and_the_newest_is_the_latest():
    summary = make.metrics(0.5, float("-inf"), 0.25, float("nan"))["loss"]
    assert (summary.min, summary.max) == (0.25, 0.5)
    assert math.isnan(summary.latest)


def test_a_late_arrival_is_not_the_latest():
    early, late = (MetricPoint(metric="loss", value=value, text="", seq=seq) for seq, value in enumerate((1.0, 2.0)))
    summary = MetricSummary().with_point(late).with_point(early)
    assert (summary.latest, summary.min) == (2.0, 1.0)


def test_identity_is_by_step_and_else_by_sequence_number():
    point = MetricPoint(metric="loss", value=1.0, text="1", seq=3)
    assert point.identity == ("loss", 1, 3)
    assert MetricPoint(metric="loss", value=1.0, text="1", seq=3, step=3).identity == ("loss", 0, 3)


# Objectives and summaries


@given(st.sampled_from(Direction), st.floats(-1, 1), st.floats(-1, 1))
def test_better_is_a_strict_order(direction, a, b):
    objective = Objective(metric="loss", direction=direction)
    assert objective.better(a, b) + objective.better(b, a) + (a == b) == 1


@given(st.permutations([(1, 0.5), (2, 0.25), (3, 0.25), (4, 1.0), (5, None)]), st.sampled_from(Direction))
def test_the_best_does_not_depend_on_the_order_of_ends(ends, direction):
    summary = Summary()
    for ordinal, value in ends:
        values = () if value is None else (value,)
        summary = summary.with_values(ordinal, values, [Objective(metric="loss", direction=direction)])
    best = (2, 0.25) if direction is Direction.MINIMIZE else (4, 1.0)
    assert (summary.best_ordinal, summary.best_value) == best
    assert summary.front == ()


def test_a_summary_is_not_changed_by_a_move():
    before = make.summary(PENDING=1)
    after = before.moved(TrialState.PENDING, TrialState.RUNNING)
    assert (before.count(TrialState.PENDING), after.count(TrialState.PENDING)) == (1, 0)
    assert after.count(TrialState.RUNNING) == 1


def test_advice_is_not_created():
    assert make.summary(ADVISED=4, PENDING=1, KILLED=1).created == 2


# States and names


def test_every_state_is_open_or_closed():
    assert UNFINISHED | FINISHED | {TrialState.ADVISED} == set(TrialState)
    assert not set(ALLOWED) & FINISHED
    assert set(ALLOWED) == UNFINISHED | {TrialState.ADVISED}


def test_a_name_is_a_function_of_study_and_ordinal():
    names = {trial_name("digits", uid, ordinal) for uid in ("a", "b") for ordinal in range(1, 1001)}
    assert len(names) == 2000
    assert names == {trial_name("digits", uid, ordinal) for uid in ("a", "b") for ordinal in range(1, 1001)}
    suffixes = [name.removeprefix("digits-") for name in names]
    assert all(len(suffix) == SUFFIX_LENGTH and set(suffix) <= set(TRIAL_ALPHABET) for suffix in suffixes)


def test_a_name_never_changes_between_versions():
    assert make.trial(1).name == "digits-hbcfgzk5"
