"""What of a long record a model is told."""

from hypothesis import given
from hypothesis import strategies as st

from algorithms.recall import Valued, recalled, told_beside


@st.composite
def records(draw: st.DrawFn) -> list[Valued]:
    values = draw(st.lists(st.integers(-3, 3), max_size=30))
    return [(ordinal, {}, (float(value),)) for ordinal, value in enumerate(values, start=1)]


def test_the_more_points_are_drawn_the_fewer_trials_they_are_compared_with() -> None:
    assert [told_beside(each, most=2000) for each in (1, 24, 1000, 2000, 10_000)] == [2000, 2000, 2000, 1000, 200]


def test_the_best_and_the_latest() -> None:
    values = [5.0, 1.0, 4.0, 1.0, 3.0, 9.0, 8.0]
    valued = [(ordinal, {}, (value,)) for ordinal, value in enumerate(values, start=1)]
    assert [each[0] for each in recalled(valued, most=4, best=2)] == [2, 4, 6, 7]
    assert [each[0] for each in recalled(valued, most=4, best=1)] == [2, 5, 6, 7]
    assert [each[0] for each in recalled(valued, most=2, best=2)] == [2, 4]


@given(records(), st.integers(0, 5), st.integers(0, 10))
def test_never_more_than_wanted_and_never_without_the_best(valued: list[Valued], best: int, more: int) -> None:
    most = best + more
    told = recalled(valued, most=most, best=best)
    assert len(told) == min(len(valued), most)
    assert told == [each for each in valued if each in told], "in the order of the record"
    worst_first = sorted((each[2] for each in valued), reverse=True)
    assert sorted(each[2] for each in told)[:best] == worst_first[::-1][:best]


def test_with_several_objectives_the_best_are_on_the_first_fronts() -> None:
    """2 and 5 dominate all others and not each other; 1 is the best of the rest."""
    points = [(3.0, 3.0), (1.0, 2.0), (9.0, 9.0), (5.0, 4.0), (2.0, 1.0), (8.0, 8.0), (7.0, 7.0)]
    valued = [(ordinal, {}, point) for ordinal, point in enumerate(points, start=1)]
    assert [each[0] for each in recalled(valued, most=4, best=2)] == [2, 5, 6, 7]
    assert [each[0] for each in recalled(valued, most=4, best=3)] == [1, 2, 5, 7]
    assert [each[0] for each in recalled(valued, most=2, best=0)] == [6, 7]
