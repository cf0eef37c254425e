"""Random, grid and Sobol search."""

from statistics import mean

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from algorithms.sampling.grid import GridSearch
from algorithms.sampling.joe_kuo import BITS, DIMENSIONS
from algorithms.sampling.random_search import RandomSearch
from algorithms.sampling.sobol import SobolSearch, sobol
from katib.core.advice import CHOSEN_LABEL, Advice
from katib.core.space import Assignment
from katib.core.trial import Trial
from katib.suggestion.local import LocalSuggestions
from katib.testing import builders as make
from katib.testing.algorithms import SPACES, categorical, double, integer, space, study_config, trial


def record(*assignments: Assignment) -> list[Trial]:
    return [trial(Advice(ordinal=k, assignment=each)) for k, each in enumerate(assignments, start=1)]


@pytest.mark.parametrize("search", [RandomSearch, SobolSearch])
def test_a_point_depends_on_seed_and_ordinal_not_on_the_record(search: type[RandomSearch]) -> None:
    algorithm = search(study_config("any", SPACES["mixed"]))
    together = algorithm.suggest([], range(1, 6)).advice
    assert [algorithm.suggest([], [k]).advice[0] for k in range(1, 6)] == list(together)
    assert algorithm.suggest(record(*(each.assignment for each in together[:3])), [4, 5]).advice == together[3:]


@pytest.mark.parametrize("search", [RandomSearch, SobolSearch])
def test_without_a_seed_studies_differ(search: type[RandomSearch]) -> None:
    one, two = (search(study_config("any", SPACES["mixed"], uid=uid)).suggest([], [1]) for uid in ("a", "b"))
    assert one != two


def test_random_follows_the_distributions() -> None:
    of = space(double("lr", 1e-4, 1, law="logUniform"), double("x", 0, 1), categorical("c", "a", "b"))
    drawn = [each.assignment for each in RandomSearch(study_config("random", of)).suggest([], range(1, 2001)).advice]
    assert mean(each["lr"] < 1e-2 for each in drawn) == pytest.approx(0.5, abs=0.04)
    assert mean(each["x"] for each in drawn) == pytest.approx(0.5, abs=0.03)
    assert mean(each["c"] == "a" for each in drawn) == pytest.approx(0.5, abs=0.04)


def test_grid_goes_through_all_points_the_last_parameter_fastest() -> None:
    of = space(categorical("c", "b", "a"), double("x", 0.1, 0.3, step=0.1))
    reply = GridSearch(study_config("grid", of)).suggest([], range(1, 10))
    assert [tuple(each.assignment.values()) for each in reply.advice] == [
        ("b", 0.1), ("b", 0.2), ("b", 0.3), ("a", 0.1), ("a", 0.2), ("a", 0.3),
    ]  # fmt: skip
    assert reply.exhausted == "the search space has 6 points, and every one was suggested"


def test_grid_skips_points_on_record() -> None:
    of = space(integer("n", 0, 4))
    trials = record({"n": 3}, {"n": 0}, {"n": 77})
    assert [
        each.assignment["n"] for each in GridSearch(study_config("grid", of)).suggest(trials, [4, 5, 6]).advice
    ] == [
        1,
        2,
        4,
    ]


def test_grid_of_a_billion_points_is_not_made() -> None:
    reply = GridSearch(study_config("grid", SPACES["huge grid"])).suggest([], [1, 2])
    assert [tuple(each.assignment.values()) for each in reply.advice] == [(0, 0, 0), (0, 0, 1)]


@given(st.integers(0, 14), st.integers(1, 20))
def test_a_batch_is_so_many_single_requests(already: int, batch: int) -> None:
    of = space(integer("n", 0, 4), categorical("c", "a", "b", "c"))
    for search in (RandomSearch, GridSearch, SobolSearch):
        config = study_config("any", of)
        algorithm = search(config)
        start = [each.assignment for each in algorithm.suggest([], range(1, already + 1)).advice]
        together = algorithm.suggest(record(*start), range(already + 1, already + 1 + batch))
        one_by_one = list(start)
        for ordinal in range(already + 1, already + 1 + batch):
            reply = search(config).suggest(record(*one_by_one), [ordinal])
            one_by_one += [each.assignment for each in reply.advice]
        assert [each.assignment for each in together.advice] == one_by_one[already:]
        assert bool(together.exhausted) == (already + batch > 15)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 10, 40, 137, DIMENSIONS])
def test_sobol_is_scipys_sequence(dimensions: int) -> None:
    ours = numpy.array([sobol(index, dimensions) for index in range(512)]) * 2.0**-BITS
    theirs = qmc.Sobol(dimensions, scramble=False, bits=BITS).random(512)
    assert (ours == theirs).all()


def test_a_late_point_of_the_sequence_is_found_directly() -> None:
    engine = qmc.Sobol(5, scramble=False, bits=BITS).fast_forward(1_234_567)
    assert numpy.array(sobol(1_234_567, 5)) * 2.0**-BITS == pytest.approx(engine.random(1)[0], abs=0)


def test_sobol_search_covers_more_evenly_than_random() -> None:
    of = space(*(double(name, 0, 1) for name in "abcd"))

    def discrepancy(search: type[RandomSearch]) -> float:
        advice = search(study_config("any", of)).suggest([], range(1, 257)).advice
        return qmc.discrepancy([list(each.assignment.values()) for each in advice])

    assert discrepancy(SobolSearch) < discrepancy(RandomSearch) / 4


def test_sobol_takes_each_share_of_a_parameter_equally_often() -> None:
    of = space(integer("n", 0, 7), double("x", 0, 1))
    advice = SobolSearch(study_config("sobol", of)).suggest([], range(1, 65)).advice
    values = [each.assignment["n"] for each in advice]
    assert {values.count(n) for n in range(8)} == {8}


def test_auto_takes_an_algorithm_that_takes_the_objectives_there_are() -> None:
    several = study_config("auto", SPACES["mixed"], further_objectives=(make.objective(metric="size"),))
    (advice,) = LocalSuggestions().suggest(several, [], [1]).advice
    assert LocalSuggestions().abilities(advice.labels[CHOSEN_LABEL]).several_objectives
