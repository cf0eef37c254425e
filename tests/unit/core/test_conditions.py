"""Parameters that are active only for some values of others: the space's laws hold all the same."""

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from katib.core.space import SearchSpace
from katib.testing import strategies as some
from katib.testing.algorithms import SPACES, categorical, discrete, double, integer, space, when

NESTED = SPACES["nested conditional"]


def brute(of):
    """Every distinct assignment of a small space: all combinations of values, less what is inactive in each."""
    found = {}
    for values in itertools.product(*([each.at(i) for i in range(each.size)] for each in of.parameters)):
        every = dict(zip([each.name for each in of.parameters], values, strict=True))
        assignment = {each.name: every[each.name] for each in of.parameters if reached(of, each, every)}
        found[tuple(assignment.items())] = assignment
    return list(found.values())


def reached(of, parameter, every):
    condition = parameter.condition
    if condition is None:
        return True
    return every[condition.parameter] in condition.values and reached(of, of[condition.parameter], every)


def small(of):
    size = 1
    for parameter in of.parameters:
        size *= parameter.size or 10**6
    return size <= 3000


@given(some.conditional_spaces(max_parameters=4))
def test_positions_count_every_distinct_assignment_once(of):
    assume(small(of))
    every = brute(of)
    assert of.size == len(every)
    at = [of.at(index) for index in range(of.size)]
    assert [of.index(each) for each in at] == list(range(of.size))
    assert {of.key(each) for each in at} == {of.key(each) for each in every}
    assert all(list(each) == [parameter.name for parameter in of.active(each)] for each in at)


@given(some.conditional_spaces(), st.data())
def test_an_assignment_is_in_its_space_and_nothing_more_or_less_is(of, data):
    assignment = data.draw(some.assignments(of))
    assert of.contains(assignment)
    assert [each.name for each in of.active(assignment)] == list(assignment)
    for parameter in of.parameters:
        if parameter.name in assignment:
            less = {name: value for name, value in assignment.items() if name != parameter.name}
            assert not of.contains(less)
        else:
            more = {**assignment, parameter.name: parameter.at(0)}
            assert not of.contains(more)
            assert of.key(more) == of.key(assignment)


@given(some.conditional_spaces(), st.data())
def test_a_position_in_a_large_space_is_given_back(of, data):
    assume(of.size is not None)
    index = data.draw(st.integers(0, of.size - 1))
    assert of.index(of.at(index)) == index


def test_an_inactive_parent_makes_what_depends_on_it_inactive():
    assert [each.name for each in NESTED.active({"kind": "tree", "layers": "3", "units": 2})] == ["kind", "depth"]
    assert NESTED.contains({"kind": "tree", "depth": 3})
    assert NESTED.contains({"kind": "net", "layers": "1"})
    assert NESTED.contains({"dropout": 0.25, "kind": "net", "units": 2, "layers": "2"})
    assert not NESTED.contains({"kind": "tree", "depth": 3, "units": 1})
    assert not NESTED.contains({"kind": "net", "layers": "2"})


def test_what_depends_on_a_parameter_changes_before_that_parameter():
    of = space(integer("k", 1, 2, when=when("c", "b")), categorical("c", "a", "b", "d"), discrete("x", "1", "2"))
    assert [tuple(of.at(index).values()) for index in range(of.size)] == [
        ("a", "1"), ("a", "2"),
        (1, "b", "1"), (1, "b", "2"), (2, "b", "1"), (2, "b", "2"),
        ("d", "1"), ("d", "2"),
    ]  # fmt: skip


def test_a_billion_points_are_counted_exactly_and_never_listed():
    of = space(
        integer("n", 0, 999_999),
        integer("m", 0, 999_999, when=when("n", 0, 500_000)),
        integer("k", 1, 1000, when=when("m", 7)),
        integer("rest", 1, 1000),
    )
    assert of.size == 1000 * (999_998 + 2 * (999_999 + 1000))
    for index in (0, 7000, 7999, 10**9, 10**9 + 17, of.size - 1):
        assert of.index(of.at(index)) == index
    assert of.at(of.size - 1) == {"n": 999_999, "rest": 1000}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ((double("x", 0, 1, when=when("y", "a")),), "x depends on y, which is no parameter"),
        ((integer("x", 0, 1, when=when("x", 1)),), "the conditions of x go round in a circle"),
        (
            (integer("a", 0, 1, when=when("b", 1)), integer("b", 0, 1, when=when("a", 1)), integer("c", 0, 1)),
            "the conditions of a, b go round in a circle",
        ),
        ((integer("a", 0, 1), double("x", 0, 1, when=when("a", 2))), "x depends on a being 2, which it cannot be"),
        ((integer("a", 0, 1), double("x", 0, 1, when=when("a", "1"))), "x depends on a being '1', which it cannot be"),
        ((integer("a", 0, 1), double("x", 0, 1, when=when("a"))), "x depends on a, but on no value of it"),
    ],
)
def test_conditions_that_cannot_be(parameters, said):
    with pytest.raises(ValueError, match=said):
        SearchSpace(parameters=parameters)
