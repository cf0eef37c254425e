"""Hypervolumes: by hand, and by optuna's implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from katib.core.hypervolume import Hypervolume, hypervolume

GRID = st.integers(0, 5).map(lambda number: number / 4)


def test_a_front_of_two_objectives_by_hand():
    """Boxes of 3 * 1 and 1 * 3 up to (4, 4) share 1 * 1; a point between them adds the corner that they leave."""
    front = Hypervolume((4.0, 4.0))
    assert [front.add(point) for point in [(1.0, 3.0), (3.0, 1.0), (2.0, 2.0), (2.0, 3.5)]] == [3, 2, 1, 0]
    assert front.value == 6
    assert front.add((1.0, 1.0)) == 3


def test_what_is_no_better_than_the_reference_adds_nothing():
    front = Hypervolume((1.0, 1.0, 1.0))
    assert front.add((0.0, 0.0, 1.0)) == 0
    assert front.add((0.5, 0.5, 2.0)) == 0
    assert front.add((0.5, 0.5, 0.5)) == 0.125


@given(st.integers(1, 4).flatmap(lambda m: st.lists(st.tuples(*[GRID] * m), min_size=1, max_size=10)))
def test_it_is_optunas_in_whatever_order_points_come(points):
    reference = (1.0,) * len(points[0])
    inside = np.minimum(np.array(points), 1.0)
    wanted = pytest.approx(compute_hypervolume(inside, np.array(reference)))
    grown = Hypervolume(reference)
    assert sum(grown.add(point) for point in points) == wanted
    assert grown.value == wanted
    assert hypervolume(points[::-1], reference) == wanted
