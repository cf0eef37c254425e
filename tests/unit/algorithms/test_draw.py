"""Drawing points that were not used: never one twice, down to the last, at any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.encode import Cube
from katib.core.space import SearchSpace
from katib.testing.algorithms import SMALL, SPACES, categorical, double, integer, space, when

LINE = space(integer("n", 0, 99_999))


def fill(of: SearchSpace, indices: range | list[int]) -> UsedPoints:
    used = UsedPoints(of)
    for index in indices:
        used.add(of.at(index))
    return used


def test_numbers_of_a_seed_are_the_same_for_ever() -> None:
    """A study must find the same points after an upgrade of Python or of katib."""
    assert uniforms("random/7/1/0", 3) == [0.24452901112836767, 0.7781559730702384, 0.10231288483515644]


@given(st.text(), st.integers(0, 50))
def test_numbers_are_in_the_unit_interval(seed: str, count: int) -> None:
    numbers = uniforms(seed, count)
    assert len(numbers) == count
    assert all(0 <= number < 1 for number in numbers)


def test_numbers_are_spread_evenly() -> None:
    numbers = uniforms("spread", 20_000)
    for tenth in range(10):
        share = sum(tenth / 10 <= number < (tenth + 1) / 10 for number in numbers) / len(numbers)
        assert share == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("name", SMALL)
def test_every_point_comes_once_and_then_none(name: str) -> None:
    of, cube, used = SMALL[name], Cube(SMALL[name]), UsedPoints(SMALL[name])
    points = set()
    while (point := draw_unused(cube, used, str(len(points)))) is not None:
        assert used.add(point)
        points.add(of.key(point))
    assert len(points) == of.size
    assert used.full


@pytest.mark.parametrize("last", [0, 1, 50_000, 99_999])
def test_the_last_of_a_hundred_thousand_points_is_found(last: int) -> None:
    used = fill(LINE, [index for index in range(100_000) if index != last])
    assert draw_unused(Cube(LINE), used, "any") == {"n": last}


def test_what_is_left_of_a_nearly_used_space_is_drawn_evenly() -> None:
    free = {7, 41_000, 41_001, 99_998}
    used = fill(LINE, [index for index in range(100_000) if index not in free])
    drawn = [draw_unused(Cube(LINE), used, str(number))["n"] for number in range(400)]
    assert set(drawn) == free
    assert all(60 < drawn.count(each) < 140 for each in free)


def test_a_billion_points_with_ten_thousand_used() -> None:
    huge = space(*(integer(name, 0, 999) for name in "abc"))
    cube, used = Cube(huge), UsedPoints(huge)
    for number in range(10_000):
        assert used.add(draw_unused(cube, used, str(number)))


def test_two_neighbouring_floats_are_two_points() -> None:
    of = space(double("x", 1.0, 1.0000000000000002))
    cube, used = Cube(of), UsedPoints(of)
    for number in range(2):
        assert used.add(draw_unused(cube, used, str(number)))
    assert draw_unused(cube, used, "2") is None


def test_rare_values_that_open_an_endless_branch_are_found_when_all_else_is_used() -> None:
    """One of 5,000 values makes x active: drawing by chance alone would take the space for used up."""
    of = space(integer("n", 1, 5000), categorical("c", "a", "b"), double("x", 0, 1, when=when("n", 77)))
    cube, used = Cube(of), UsedPoints(of)
    for n in range(1, 5001):
        for c in "ab":
            used.add({"n": n, "c": c})
    for number in range(20):
        point = draw_unused(cube, used, str(number))
        assert point is not None
        assert point["n"] == 77
        assert used.add(point)


def test_what_is_inactive_does_not_make_another_point() -> None:
    of = space(categorical("c", "a", "b"), double("x", 0, 1, when=when("c", "a")))
    used = UsedPoints(of)
    assert used.add({"c": "b"})
    assert not used.add({"c": "b", "x": 0.5})
    assert {"c": "b", "x": 0.25} in used
    assert not used.add({"c": "a"})
    assert len(used) == 1


def test_what_is_not_in_the_space_is_not_counted() -> None:
    of = space(categorical("c", "a", "b"))
    used = UsedPoints(of)
    assert not used.add({"c": "z"})
    assert not used.add({"other": "a"})
    assert len(used) == 0
    endless = UsedPoints(space(double("x", 0, 1)))
    assert not endless.add({"y": 0.5})


class Points(RuleBasedStateMachine):
    """Used points against a set."""

    space = space(integer("n", 0, 4), categorical("c", "a", "b", "c"))

    def __init__(self) -> None:
        super().__init__()
        self.used, self.model = UsedPoints(self.space), set()
        self.every = range(self.space.size or 0)

    @rule(u=st.floats(0, 1, exclude_max=True))
    def add(self, u: float) -> None:
        index = int(u * len(self.every))
        assert self.used.add(self.space.at(index)) == (index not in self.model)
        self.model.add(index)

    @rule(pick=st.randoms())
    def remove(self, pick: object) -> None:
        if self.model:
            index = pick.choice(sorted(self.model))
            self.used.remove(self.space.at(index))
            self.model.remove(index)

    @rule(u=st.floats(0, 1, exclude_max=True))
    def free(self, u: float) -> None:
        left = sorted(set(self.every) - self.model)
        if left:
            assert self.space.index(self.used.free(u)) == left[int(u * len(left))]

    @invariant()
    def agrees(self) -> None:
        left = sorted(set(self.every) - self.model)
        assert len(self.used) == len(self.model)
        assert self.used.full == (not left)
        assert self.used.first_free() == (left[0] if left else None)
        assert all((self.space.at(index) in self.used) == (index in self.model) for index in self.every)


class ConditionalPoints(Points):
    """The same where some parameters depend on others."""

    space = SPACES["small conditional"]


TestPoints = Points.TestCase
TestConditionalPoints = ConditionalPoints.TestCase
