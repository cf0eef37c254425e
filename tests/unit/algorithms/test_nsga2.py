"""NSGA-II: who may be a parent, what a child has of it, and that it waits for nobody."""

from dataclasses import replace

import pytest

from algorithms.base import ORIGIN_LABEL
from algorithms.evolution.nsga2 import NsgaTwo
from katib.core.advice import Advice
from katib.core.objective import Direction, Objective
from katib.core.trial import Reason, TrialState
from katib.testing.algorithms import categorical, double, integer, space, study_config, trial, when
from katib.testing.workers import FAILED, LOST, SUCCEEDED

F, G = (Objective(metric=name, direction=Direction.MINIMIZE) for name in "fg")
RUNNING = (TrialState.RUNNING, Reason.STARTED)
LINE = space(double("x", 0, 1))


def config(of=LINE, objective=F, further=(G,), **settings):
    settings = {name: str(value) for name, value in settings.items()}
    return study_config("nsga2", of, objective=objective, further_objectives=further, settings=settings)


def record(*rows):
    """Trials 1, 2, … from (assignment, end): values, or a state and reason."""
    trials = []
    for ordinal, (assignment, end) in enumerate(rows, start=1):
        valued = isinstance(end[0], float)
        outcome = (*SUCCEEDED, end[0]) if valued else (*end, None)
        made = trial(Advice(ordinal=ordinal, assignment=assignment), lambda _, outcome=outcome: outcome)
        trials.append(replace(made, further_values=end[1:] if valued else ()))
    return trials


def at(*rows):
    return record(*(({"x": x}, end) for x, end in rows))


def children(of, trials, number=40):
    """The next point, for so many ordinals."""
    first = len(trials) + 1
    return [NsgaTwo(of).suggest(trials, [k]).advice[0].assignment for k in range(first, first + number)]


MUTANTS = {"crossover_prob": 0, "mutation_prob": 1}
"""A child is one parent with every parameter moved a little."""


def parents(trials, of=None, among=None, **settings):
    """Which trials have children, when each child is near one parent."""
    of = of or config(**MUTANTS, **settings)
    points = among or {each.ordinal: each.assignment["x"] for each in trials}
    found = set()
    for child in children(of, trials):
        ordinal = min(points, key=lambda each: abs(points[each] - child["x"]))
        assert abs(points[ordinal] - child["x"]) < 0.15, "no child of anybody"
        found.add(ordinal)
    return found


SPREAD = (0.05, 0.35, 0.65, 0.95)


def test_the_best_have_children():
    """1 and 3 trade one objective for the other, 1 dominates 4, and 3 dominates 2."""
    ends = [(1.0, 4.0), (3.0, 3.0), (2.0, 2.0), (1.5, 9.0)]
    assert parents(at(*zip(SPREAD, ends, strict=True)), population_size=2) == {1, 3}


def test_each_objective_has_its_direction():
    ends = [(1.0, 4.0), (3.0, 3.0), (2.0, 2.0), (1.5, 9.0)]
    up = replace(G, direction=Direction.MAXIMIZE)
    of = config(further=(up,), population_size=2, **MUTANTS)
    assert parents(at(*zip(SPREAD, ends, strict=True)), of) == {1, 4}
    mirrored = [(f, -g) for f, g in ends]
    assert children(of, at(*zip(SPREAD, mirrored, strict=True))) == children(
        config(population_size=2, **MUTANTS), at(*zip(SPREAD, ends, strict=True))
    )


def test_of_one_front_the_ones_with_room_stay():
    """Of four on one front 2 is next to 1; 3 has more room."""
    ends = [(0.0, 10.0), (1.0, 9.0), (5.0, 5.0), (10.0, 0.0)]
    assert parents(at(*zip(SPREAD, ends, strict=True)), population_size=3) == {1, 3, 4}


def test_of_two_the_better_one_wins():
    """Each of two draws is either: three times of four the better one is among them."""
    made = children(config(population_size=2, **MUTANTS), at((0.2, (1.0, 1.0)), (0.8, (2.0, 2.0))), 80)
    assert 52 < sum(each["x"] < 0.5 for each in made) < 68


def test_with_one_objective_the_lowest_have_children():
    of = config(further=(), population_size=2, **MUTANTS)
    assert parents(at(*zip(SPREAD, [(4.0,), (1.0,), (3.0,), (2.0,)], strict=True)), of) == {2, 4}


def test_survivors_are_found_a_generation_at_a_time():
    """The first generation's best stay when the later ones are worse, and go when they are better."""
    first = [(0.05, (1.0, 1.0)), (0.35, (2.0, 0.5)), (0.65, (9.0, 9.0))]
    assert parents(at(*first, *[(0.95, (5.0, 5.0))] * 5), population_size=2) == {1, 2}
    assert 4 in parents(at(*first, (0.95, (0.0, 0.0))), population_size=2)


def test_what_failed_is_no_parent_and_counts_in_the_beginning():
    good = [(0.05, (1.0, 2.0)), (0.35, (2.0, 1.0))]
    with_failed = at(*good, (0.65, FAILED), (0.95, FAILED))
    assert parents(with_failed, population_size=4) == {1, 2}
    # Nothing is known but what was lost or runs: still random.
    for end in (LOST, RUNNING):
        scattered = children(config(population_size=4, **MUTANTS), at(*good, (0.65, end), (0.95, end)))
        assert any(min(abs(x - 0.65), abs(x - 0.95)) < 0.05 for x in (each["x"] for each in scattered))
    # One alone has nobody to compete with.
    alone = children(config(population_size=4, **MUTANTS), at(good[0], *[(0.9, FAILED)] * 3))
    assert max(each["x"] for each in alone) > 0.5


def test_it_begins_at_random_and_needs_no_values_for_that():
    of = config(population_size=20)
    first = NsgaTwo(of).suggest([], range(1, 31)).advice
    assert [each.assignment for each in first] == children(of, [], 30)
    known = [replace(trial(each), further_values=(1.0,)) for each in first]
    assert NsgaTwo(of).suggest(known[:19], [20]).advice[0] == first[19]
    assert NsgaTwo(of).suggest(known[:20], [21]).advice[0] != first[20]


TWO = space(double("x", 0, 1), double("lr", 1e-4, 1, law="logUniform"), categorical("c", "a", "b", "z"))


def test_a_child_without_mutation_is_between_or_around_its_parents():
    rows = [({"x": 0.3, "lr": 1e-3, "c": "a"}, (1.0, 2.0)), ({"x": 0.5, "lr": 1e-2, "c": "b"}, (2.0, 1.0))]
    made = children(config(TWO, population_size=2, crossover_prob=1, mutation_prob=0), record(*rows), 80)
    assert {each["c"] for each in made} == {"a", "b"}
    assert all(0.2 < each["x"] < 0.6 and 3e-4 < each["lr"] < 3e-2 for each in made)
    assert 20 < sum(each["x"] in (0.3, 0.5) for each in made) < 60, "half are crossed"
    crossed = {each["x"] for each in made if each["x"] not in (0.3, 0.5)}
    assert sum(x < 0.4 for x in crossed) > 10 < sum(x > 0.4 for x in crossed), "near either"


def test_mutation_reaches_every_item_of_a_list():
    rows = [({"x": 0.3, "lr": 1e-3, "c": "a"}, (1.0, 2.0)), ({"x": 0.5, "lr": 1e-2, "c": "a"}, (2.0, 1.0))]
    made = children(config(TWO, population_size=2, **MUTANTS), record(*rows))
    assert {each["c"] for each in made} == {"b", "z"}
    few = children(config(TWO, population_size=2), record(*rows), 120)
    # By default one of three parameters is mutated.
    assert 20 < sum(each["c"] != "a" for each in few) < 60


def test_a_child_has_what_is_active_for_it():
    of = space(
        categorical("kind", "adam", "sgd"),
        double("m", 0, 1, when=when("kind", "sgd")),
        double("b", 0, 1, when=when("kind", "adam")),
    )
    rows = [({"kind": "adam", "b": 0.2}, (1.0, 2.0)), ({"kind": "sgd", "m": 0.7}, (2.0, 1.0))]
    made = children(config(of, population_size=2, crossover_prob=1, mutation_prob=0.3), record(*rows), 60)
    assert all(of.contains(each) for each in made)
    # What only one parent has is that one's, and moved by mutation at most.
    assert all(abs(each["m"] - 0.7) < 0.2 for each in made if each["kind"] == "sgd")
    assert all(abs(each["b"] - 0.2) < 0.2 for each in made if each["kind"] == "adam")
    assert {each["kind"] for each in made} == {"adam", "sgd"}


def test_one_of_few_numbers_moves_to_its_neighbour():
    of = space(integer("n", 1, 5), double("x", 0, 1))
    rows = [({"n": 3, "x": 0.2}, (1.0, 2.0)), ({"n": 3, "x": 0.8}, (2.0, 1.0))]
    made = children(config(of, population_size=2, **MUTANTS), record(*rows))
    assert {each["n"] for each in made} >= {2, 4}
    assert 3 not in {each["n"] for each in made}


def test_a_used_child_is_bred_again_and_a_used_up_neighbourhood_left():
    of = space(integer("n", 0, 9))
    rows = [({"n": n}, (float(n), float(-n))) for n in (4, 5)]
    made = NsgaTwo(config(of, population_size=2, crossover_prob=0)).suggest(record(*rows), range(3, 11))
    assert sorted(each.assignment["n"] for each in made.advice) == [0, 1, 2, 3, 6, 7, 8, 9]
    assert made.advice[0].assignment["n"] in (3, 6)
    assert any(each.labels.get(ORIGIN_LABEL) == "random" for each in made.advice)


def test_what_is_not_in_the_space_any_more_is_no_parent():
    trials = at((0.2, (1.0, 2.0)), (0.4, (2.0, 1.0)), (7.0, (0.0, 3.0)))
    assert parents(trials, among={1: 0.2, 2: 0.4}, population_size=3) == {1, 2}


@pytest.mark.parametrize(
    ("setting", "given", "wanted"),
    [
        ("population_size", "1", "population_size must be an integer >= 2"),
        ("crossover_prob", "1.1", "crossover_prob must be a number from 0 to 1"),
        ("mutation_prob", "-0.1", "mutation_prob must be a number from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_faults(setting, given, wanted):
    [fault] = NsgaTwo.validate(config(**{setting: given}))
    assert (fault.wanted, fault.given) == (wanted, given)
