"""The Pareto front: hand-worked points, and the laws that make it exact."""

from hypothesis import given
from hypothesis import strategies as st

from katib.core.objective import Direction, Objective, all_reached, metrics_of, values_of
from katib.core.pareto import FrontPoint, costs, dominates, with_point
from katib.testing import builders as make

LOW, HIGH = Direction.MINIMIZE, Direction.MAXIMIZE


def objectives(*directions):
    return [Objective(metric=f"m{index}", direction=direction) for index, direction in enumerate(directions)]


def front_of(points, given):
    front = ()
    for ordinal, values in points:
        front = with_point(front, FrontPoint(ordinal=ordinal, values=values), given)
    return front


def test_domination_needs_to_be_better_somewhere_and_worse_nowhere():
    assert dominates((1, 2), (1, 3))
    assert not dominates((1, 2), (1, 2))
    assert not dominates((1, 3), (2, 2))


def test_a_front_by_hand():
    points = [(1, (4.0, 1.0)), (2, (2.0, 2.0)), (3, (3.0, 3.0)), (4, (1.0, 4.0)), (5, (2.0, 2.0)), (6, (2.0, 1.0))]
    both_low = front_of(points, objectives(LOW, LOW))
    assert [point.ordinal for point in both_low] == [4, 6]
    low_and_high = front_of(points, objectives(LOW, HIGH))
    assert [point.ordinal for point in low_and_high] == [4]
    assert [point.ordinal for point in front_of(points, objectives(HIGH, HIGH))] == [1, 3, 4]


def test_of_equal_values_the_lowest_ordinal_is_on_the_front():
    assert front_of([(3, (1.0, -0.0)), (2, (1.0, 0.0)), (4, (1.0, 0.0))], objectives(LOW, LOW)) == (
        FrontPoint(ordinal=2, values=(1.0, 0.0)),
    )


numbers = st.sampled_from((-1.0, -0.0, 0.0, 0.5, 1.0))
directions = st.lists(st.sampled_from(Direction), min_size=2, max_size=3)


@given(st.data(), directions)
def test_the_front_is_what_nothing_dominates_in_whatever_order_trials_end(data, drawn):
    given_objectives = objectives(*drawn)
    values = data.draw(st.lists(st.tuples(*[numbers] * len(drawn)), max_size=8))
    points = list(enumerate(values, start=1))
    all_costs = {ordinal: costs(each, given_objectives) for ordinal, each in points}
    expected = {
        ordinal
        for ordinal, cost in all_costs.items()
        if not any(dominates(other, cost) for other in all_costs.values())
        and not any(other == cost and earlier < ordinal for earlier, other in all_costs.items())
    }
    front = front_of(data.draw(st.permutations(points)), given_objectives)
    assert [point.ordinal for point in front] == sorted(expected)


def test_values_are_all_or_none():
    both = {**make.metrics(0.5), **make.metrics(3.0, metric="latency")}
    wanted = [make.objective(), make.objective(metric="latency")]
    assert values_of(wanted, both) == (0.5, 3.0)
    assert values_of(wanted, make.metrics(0.5)) == ()
    assert values_of(wanted, {**both, **make.metrics(3.0, float("nan"), metric="latency")}) == ()


def test_metrics_are_those_of_the_objectives_first_and_each_once():
    one = Objective(metric="a", direction=LOW, additional=("c", "d"))
    two = Objective(metric="b", direction=LOW, additional=("d", "e"))
    assert metrics_of([one, two]) == ("a", "b", "c", "d", "e")


def test_goals_that_are_not_given_are_not_asked_for():
    loss, accuracy = make.objective(goal=0.5), make.objective(metric="accuracy", maximize=True)
    assert all_reached([loss, accuracy], (0.5, -9.0))
    assert not all_reached([loss, accuracy], (0.6, 9.0))
    assert not all_reached([accuracy, accuracy], (9.0, 9.0))
