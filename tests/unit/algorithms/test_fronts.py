"""Fronts, crowding, crossover and mutation: hand-worked numbers, and laws against the definition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.evolution.variation import crossed, mutated
from algorithms.fronts import best, crowding, fronts, survivors
from algorithms.scale import to_unit
from katib.core.pareto import dominates

A, B, C, D, E = (1.0, 5.0), (2.0, 3.0), (4.0, 1.0), (3.0, 4.0), (5.0, 5.0)


def test_fronts_by_hand():
    """D is dominated by B only, E by all but A; an equal of B is beside it."""
    points = [E, A, B, D, C, B]
    assert [sorted(front) for front in fronts(points, 6)] == [[1, 2, 4, 5], [3], [0]]
    assert [sorted(front) for front in fronts(points, 5)] == [[1, 2, 4, 5], [3]]
    assert [sorted(front) for front in fronts(points, 1)] == [[1, 2, 4, 5]]


def test_crowding_by_hand():
    """(1, 6) has (4 - 0) / 10 and (10 - 3) / 10 of room, (4, 3) has (10 - 1) / 10 and (6 - 0) / 10."""
    front = [(4.0, 3.0), (0.0, 10.0), (10.0, 0.0), (1.0, 6.0)]
    assert crowding(front) == pytest.approx([1.5, math.inf, math.inf, 1.1])
    assert crowding([(1.0, 1.0)] * 3) == [0.0, 0.0, 0.0]
    assert crowding([]) == []


def test_the_best_are_those_of_the_first_fronts_with_the_most_room():
    points = [(0.0, 10.0), (1.0, 6.0), (4.0, 3.0), (10.0, 0.0), (11.0, 11.0)]
    assert [each.position for each in best(points, 3)] == [0, 3, 2]
    assert [(each.position, each.front) for each in best(points, 9)] == [(0, 0), (3, 0), (2, 0), (1, 0), (4, 1)]


def test_with_one_objective_the_best_are_the_lowest_and_the_earlier_of_equals():
    points = [(3.0,), (1.0,), (2.0,), (1.0,)]
    assert [each.position for each in best(points, 3)] == [1, 3, 2]


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(*[st.integers(0, 4).map(float)] * width), min_size=1, max_size=25)
    ),
    st.integers(1, 25),
)
def test_fronts_are_what_peeling_gives(points, enough):
    left, peeled = set(range(len(points))), []
    while left and sum(map(len, peeled)) < enough:
        front = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        peeled.append(front)
        left -= front
    assert [set(front) for front in fronts(points, enough)] == peeled


@given(st.lists(st.tuples(*[st.integers(0, 9).map(float)] * 2), min_size=1, max_size=40), st.integers(1, 9))
def test_survivors_are_as_many_as_wanted_and_none_dominates_one_of_them_that_it_met(points, number):
    found = [each.position for each in survivors(points, number)]
    assert len(set(found)) == len(found) == min(number, len(points))
    best_of_all = set(fronts(points, 1)[0])
    assert len(best_of_all & set(found)) == min(number, len(best_of_all))
    assert survivors(points, len(points)) == best(points, len(points))


def test_objectives_are_scaled_to_what_they_have():
    points = [(1.0, -1e308, 7.0), (3.0, 1e308, 7.0), (2.0, 0.5e308, 7.0)]
    assert to_unit(points) == [(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.5, 0.75, 0.0)]
    assert to_unit([]) == []


@given(st.lists(st.tuples(*[st.floats(-1.7e308, 1.7e308)] * 2), min_size=1, max_size=8))
def test_crowding_of_the_largest_floats_is_a_number(points):
    assert all(distance >= 0 for distance in crowding(points))


@pytest.mark.parametrize(
    ("u", "upper", "child"),
    [
        # Room 0.4 on both sides: alpha = 2 - (1 + 0.8 / 0.2)^-2 = 1.96. u = 0.5 < 1 / 1.96: spread = 0.98^(1/2).
        (0.5, False, 0.401005),
        (0.5, True, 0.598995),
        # spread = (1 / (2 - 0.9 * 1.96))^(1/2) = 2.058471.
        (0.9, False, 0.294153),
        (0.9, True, 0.705847),
        # spread = (1 / 0.04)^(1/2) = 5: the bound.
        (1.0, False, 0.0),
        (1.0, True, 1.0),
        (0.0, False, 0.5),
    ],
)
def test_crossover_by_hand(u, upper, child):
    assert crossed(0.4, 0.6, u, upper=upper, index=1) == pytest.approx(child, abs=1e-6)
    assert crossed(0.6, 0.4, u, upper=upper, index=1) == pytest.approx(child, abs=1e-6)


def test_the_bound_on_its_own_side_is_what_counts():
    """Room 0.1 below and 0.7 above: alpha is 2 - 2^-2 = 1.75 and 2 - 8^-2 = 1.984375; u = 1 reaches the bound."""
    assert crossed(0.1, 0.3, 0.9, upper=False, index=1) == pytest.approx(0.2 - 0.1 / math.sqrt(2 - 0.9 * 1.75))
    assert crossed(0.1, 0.3, 0.9, upper=True, index=1) == pytest.approx(0.2 + 0.1 / math.sqrt(2 - 0.9 * 1.984375))
    assert crossed(0.3, 0.3, 0.9, upper=True) == 0.3


@pytest.mark.parametrize(
    ("u", "child"),
    # (0.5 + 0.5 * 0.5^2)^(1/2) = 0.790569.
    [(0.25, 0.5 - 0.209431), (0.75, 0.5 + 0.209431), (0.5, 0.5), (0.0, 0.0), (1.0, 1.0)],
)
def test_mutation_by_hand(u, child):
    assert mutated(0.5, u, index=1) == pytest.approx(child, abs=1e-6)


def test_one_of_few_values_becomes_another():
    assert mutated(0.5, 0.49, least=1 / 3) == pytest.approx(1 / 6)
    assert mutated(0.5, 0.51, least=1 / 3) == pytest.approx(5 / 6)
    assert mutated(0.5, 0.01, least=1 / 1000) == mutated(0.5, 0.01)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1, exclude_max=True), st.booleans(), st.floats(0, 1))
def test_children_stay_between_the_bounds(one, other, u, upper, least):
    assert 0 <= crossed(one, other, u, upper=upper) <= 1
    assert 0 <= mutated(one, u, least=least) <= 1
