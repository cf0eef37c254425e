"""The unit cube: values in range, on the step, of the right type, as likely as their distribution says."""

import math
from collections import Counter
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.core.encode import NEUTRAL, Cube, axis
from katib.core.space import Choice, Distribution, ParameterType, Range, SearchSpace
from katib.testing import strategies as some
from katib.testing.algorithms import SPACES, categorical, discrete, double, integer, space

unit = st.floats(0, 1)
laws = st.sampled_from(list(Distribution))


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    law = draw(laws)
    positive = law in (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL)
    if draw(st.booleans()):
        low = draw(st.integers(1 if positive else -1000, 1000))
        high = low + draw(st.integers(0, 100_000))
        return integer("p", low, high, draw(st.none() | st.integers(1, 500)), law)
    low = draw(st.integers(1 if positive else -1000, 1000)) / draw(st.sampled_from([1, 8, 10, 1000]))
    high = low + draw(st.integers(0, 5000)) / draw(st.sampled_from([1, 8, 10, 1000]))
    step = draw(st.none() | st.sampled_from([0.001, 0.1, 0.25, 1.0, 7.5]))
    return double("p", low, high, step, law)


choices = st.lists(st.integers(-99, 99).map(str), min_size=1, max_size=9, unique=True).flatmap(
    lambda values: st.sampled_from([discrete("p", *values), categorical("p", *values)])
)


@given(ranges() | choices, unit)
def test_every_coordinate_is_an_allowed_value_of_the_right_type(parameter: Range | Choice, u: float) -> None:
    assert parameter.contains(axis(parameter).decode(u))


@given(ranges() | choices, unit)
def test_a_value_has_a_coordinate_that_gives_it_back(parameter: Range | Choice, u: float) -> None:
    along = axis(parameter)
    value = along.decode(u)
    back = along.decode(along.encode(value))
    if isinstance(value, str) or parameter.size is not None:
        assert back == value
    else:
        assert math.isclose(back, value, rel_tol=1e-6, abs_tol=1e-6 * (parameter.high - parameter.low))


@given(ranges(), unit, unit)
def test_greater_coordinates_are_greater_values(parameter: Range, u: float, v: float) -> None:
    along = axis(parameter)
    assert along.decode(min(u, v)) <= along.decode(max(u, v))


@given(ranges())
def test_the_ends_can_be_reached(parameter: Range) -> None:
    along = axis(parameter)
    assert along.decode(0.0) == pytest.approx(parameter.low)
    last = parameter.high if parameter.size is None else parameter.at(parameter.size - 1)
    assert along.decode(1.0) == pytest.approx(last)


@given(ranges())
def test_every_allowed_value_can_be_reached(parameter: Range) -> None:
    size = parameter.size
    if size is None or size > 300:
        return
    along = axis(parameter)
    for position in range(size):
        assert along.decode(along.encode(parameter.at(position))) == parameter.at(position)


def shares(parameter: Range | Choice, draws: int = 20_000) -> dict[object, float]:
    """How often each value comes, for evenly spread coordinates."""
    along = axis(parameter)
    counts = Counter(along.decode((k + 0.5) / draws) for k in range(draws))
    return {value: count / draws for value, count in counts.items()}


@pytest.mark.parametrize(
    "parameter",
    [
        double("x", 0, 0.9, step=0.1),
        double("x", 0.05, 1.0, step=0.3),
        integer("n", -2, 4),
        integer("n", 8, 128, step=8),
        discrete("d", "3", "20", "-1"),
        categorical("c", "a", "b", "c", "d", "e"),
    ],
)
def test_uniform_values_are_equally_likely_the_ends_included(parameter: Range | Choice) -> None:
    found = shares(parameter)
    assert len(found) == parameter.size
    assert all(share == pytest.approx(1 / len(found), abs=2e-4) for share in found.values())


@pytest.mark.parametrize("size", [2, 4, 8, 64])
def test_coordinates_on_an_edge_belong_to_the_upper_value(size: int) -> None:
    """Sobol points lie on such edges: with another rule two would share a value and one be left out."""
    along = axis(integer("n", 0, size - 1))
    assert [along.decode(k / size) for k in range(size)] == list(range(size))


def test_logarithms_are_uniform_per_decade() -> None:
    along = axis(double("lr", 1e-4, 1e-1, law="logUniform"))
    assert [along.decode(k / 3) for k in range(4)] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])


def test_integers_on_a_logarithm_are_as_likely_as_the_logarithm_says() -> None:
    found = shares(integer("n", 1, 100, law="logUniform"))
    assert len(found) == 100
    width = math.log(100.5 / 0.5)
    for n in (1, 2, 3, 50, 100):
        assert found[n] == pytest.approx(math.log((n + 0.5) / (n - 0.5)) / width, abs=2e-4)


def test_a_step_wider_than_the_low_end_keeps_its_logarithm() -> None:
    found = shares(double("x", 0.1, 10.1, step=5, law="logUniform"))
    assert set(found) == {0.1, 5.1, 10.1}
    assert found[0.1] > found[5.1] > found[10.1]


def test_normal_is_around_the_middle_with_a_sixth_of_the_range_as_deviation() -> None:
    along, bell = axis(double("x", 2, 14, law="normal")), NormalDist(8, 2)
    assert along.decode(0.5) == pytest.approx(8)
    inside = bell.cdf(14) - bell.cdf(2)
    for number in (5.0, 7.0, 10.0):
        assert along.encode(number) == pytest.approx((bell.cdf(number) - bell.cdf(2)) / inside)


def test_log_normal_is_normal_in_the_logarithm() -> None:
    along = axis(double("x", 1e-2, 1e2, law="logNormal"))
    assert along.decode(0.5) == pytest.approx(1.0)
    deviation = (math.log(1e2) - math.log(1e-2)) / 6
    bell = NormalDist()
    above = (bell.cdf(1) - bell.cdf(-3)) / (bell.cdf(3) - bell.cdf(-3))
    assert along.decode(above) == pytest.approx(math.exp(deviation))


def test_discrete_values_lie_in_numeric_order_and_keep_their_text() -> None:
    along = axis(discrete("batch", "128", "16", "1e3", "64"))
    assert [along.decode(u) for u in (0.1, 0.3, 0.6, 0.9)] == ["16", "64", "128", "1e3"]


def test_categorical_values_keep_the_users_order() -> None:
    along = axis(categorical("c", "b", "a"))
    assert [along.decode(0.2), along.decode(0.7)] == ["b", "a"]


def test_a_range_as_wide_as_floats_go() -> None:
    along = axis(double("x", -1.7e308, 1.7e308))
    assert along.decode(0.0) == -1.7e308
    assert along.decode(0.5) == 0.0
    assert along.encode(0.0) == pytest.approx(0.5)
    axis(double("x", -1.7e308, 1.7e308, law="normal")).decode(0.3)


def test_a_text_that_is_not_in_the_list_has_no_coordinate() -> None:
    with pytest.raises(ValueError, match="'d' is not one of a, b"):
        axis(categorical("c", "a", "b")).encode("d")
    with pytest.raises(ValueError, match="is not a number"):
        axis(double("x", 0, 1)).encode("0.5")


@pytest.mark.parametrize("name", SPACES)
@given(data=st.data())
def test_a_cube_is_its_axes(name: str, data: st.DataObject) -> None:
    of = SPACES[name]
    cube = Cube(of)
    assignment = cube.decode([data.draw(unit) for _ in cube.axes])
    assert of.contains(assignment)
    assert cube.encode(assignment) == [
        along.encode(assignment[parameter.name]) if parameter.name in assignment else NEUTRAL
        for along, parameter in zip(cube.axes, of.parameters, strict=True)
    ]


def points(of: SearchSpace) -> st.SearchStrategy[list[float]]:
    return st.lists(unit, min_size=len(of.parameters), max_size=len(of.parameters))


@given(some.conditional_spaces().flatmap(lambda of: st.tuples(st.just(of), points(of))))
def test_a_conditional_point_encodes_to_one_that_gives_it_back(drawn: tuple[SearchSpace, list[float]]) -> None:
    of, point = drawn
    cube = Cube(of)
    assignment = cube.decode(point)
    assert of.contains(assignment)
    back = cube.decode(cube.encode(assignment))
    assert list(back) == list(assignment)
    for name, value in assignment.items():
        assert back[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6, abs=1e-3))
    assert cube.encode(back) == pytest.approx(cube.encode(assignment), abs=1e-6)


@given(some.conditional_spaces().flatmap(lambda of: st.tuples(st.just(of), points(of), points(of))))
def test_coordinates_of_what_is_inactive_change_nothing(drawn: tuple[SearchSpace, list[float], list[float]]) -> None:
    of, point, other = drawn
    cube = Cube(of)
    assignment = cube.decode(point)
    mixed = [
        u if parameter.name in assignment else v for parameter, u, v in zip(of.parameters, point, other, strict=True)
    ]
    assert cube.decode(mixed) == assignment


def test_a_point_has_as_many_coordinates_as_the_space_has_parameters() -> None:
    with pytest.raises(ValueError, match="expected 2 coordinates, got 3"):
        Cube(SPACES["continuous"]).decode([0.5, 0.5, 0.5])


@given(st.sampled_from([each for each in SPACES.values() if each.size is not None]), st.floats(0, 1, exclude_max=True))
def test_a_position_in_the_grid_gives_the_point_back(of: object, share: float) -> None:
    index = int(share * of.size)
    assert of.index(of.at(index)) == index


def test_what_is_no_point_of_the_grid_has_no_position() -> None:
    of = space(integer("n", 1, 9, step=2), categorical("c", "a"))
    for wrong in (
        {"n": 2, "c": "a"},
        {"n": 1, "c": "b"},
        {"n": 1},
        {"n": float("inf"), "c": "a"},
        {"n": "1", "c": "a"},
    ):
        with pytest.raises(ValueError):
            of.index(wrong)
    assert ParameterType.INT is of["n"].type
