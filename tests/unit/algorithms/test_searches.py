"""Random, grid and Sobol search."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from algorithms.auto import AutoSearch
from algorithms.base import PointByPoint
from algorithms.sampling.grid import GridSearch
from algorithms.sampling.joe_kuo import BITS, DIMENSIONS
from algorithms.sampling.random_search import RandomSearch
from algorithms.sampling.sobol import SobolSearch, sobol
from katib.core.advice import CHOSEN_LABEL, Advice
from katib.core.draw import UsedPoints
from katib.core.objective import Objective
from katib.core.space import Assignment
from katib.core.study import Budget
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


def taken(count: int = 1, start: int = 1, **changes: object) -> list[str]:
    """What auto says that it took, for so many suggestions from `start` on."""
    config = study_config("auto", SPACES["mixed"], **changes)
    reply = LocalSuggestions().suggest(config, [], range(start, start + count))
    return [each.labels[CHOSEN_LABEL] for each in reply.advice]


SEVERAL = (make.objective(metric="size"),)


@pytest.mark.parametrize(
    ("budget", "further", "start", "names"),
    [
        (Budget(max_trials=100, parallel=3), (), 299, ["gp", "gp", "catcma", "gp", "catcma"]),
        (Budget(max_trials=None, parallel=3), SEVERAL, 299, ["gp", "gp", "nsga2", "gp", "nsga2"]),
        # All at a time: nothing can be learned from. One fewer, and the last one can.
        (Budget(max_trials=40, parallel=40), (), 1, ["sobol"] * 5),
        (Budget(max_trials=40, parallel=39), (), 1, ["gp"] * 5),
        (Budget(max_trials=40, parallel=40), SEVERAL, 1, ["sobol"] * 5),
        # More at a time than the process keeps clear of.
        (Budget(max_trials=None, parallel=60), (), 1, ["gp"] * 5),
        (Budget(max_trials=None, parallel=61), (), 1, ["catcma", "gp", "catcma", "gp", "catcma"]),
        (Budget(max_trials=900, parallel=61), SEVERAL, 1, ["nsga2", "gp", "nsga2", "gp", "nsga2"]),
    ],
)
def test_auto_goes_by_budget_objectives_and_how_many_run(
    budget: Budget, further: tuple[Objective, ...], start: int, names: list[str]
) -> None:
    assert taken(5, start, budget=budget, further_objectives=further) == names


def test_auto_tries_all_points_of_a_space_that_the_budget_covers() -> None:
    config = study_config("auto", SPACES["discrete"], budget=Budget(max_trials=10, parallel=10))
    (advice,) = LocalSuggestions().suggest(config, [], [1]).advice
    assert advice.labels[CHOSEN_LABEL] == "grid"


def test_auto_takes_what_the_base_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algorithms.auto.find_spec", lambda _module: None)
    assert taken() == ["sobol"]
    assert taken(further_objectives=SEVERAL) == ["nsga2"]


def test_auto_without_a_budget_tries_no_grid() -> None:
    """There is always room for more than the points there are: it ends by itself, and learns until then."""
    config = study_config("auto", SPACES["discrete"], budget=Budget(max_trials=None, parallel=3))
    (advice,) = LocalSuggestions().suggest(config, [], [1]).advice
    assert advice.labels[CHOSEN_LABEL] == "gp"


@pytest.mark.parametrize(("parameters", "name"), [(DIMENSIONS, "sobol"), (DIMENSIONS + 1, "random")])
def test_auto_takes_random_for_more_parameters_than_sobol_has(parameters: int, name: str) -> None:
    of = space(*(double(f"x{k}", 0, 1) for k in range(parameters)))
    config = study_config("auto", of, budget=Budget(max_trials=2, parallel=2))
    (advice,) = AutoSearch(config).suggest([], [1]).advice
    assert advice.labels[CHOSEN_LABEL] == name


def test_auto_passes_on_labels_and_the_record_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(PointByPoint):
        """It says how many trials it was told."""

        requires = ()

        def prepare(self, trials: Sequence[Trial]) -> None:
            self.told = len(trials)

        def point(self, ordinal: int, used: UsedPoints) -> Advice:
            return Advice(ordinal=ordinal, assignment={"n": ordinal}, labels={"told": str(self.told)})

    monkeypatch.setattr("algorithms.auto.GpSearch", Counting)
    auto = AutoSearch(study_config("auto", space(integer("n", 1, 1000))))
    for length in (0, 2):
        (advice,) = auto.suggest(record(*({"n": 900 + k} for k in range(length))), [length + 1]).advice
        assert advice.labels == {"told": str(length), CHOSEN_LABEL: "gp"}


def test_what_auto_answers_is_what_the_one_it_took_would() -> None:
    config = study_config(
        "auto", SPACES["mixed"], budget=Budget(max_trials=400, parallel=61), further_objectives=SEVERAL
    )
    auto = LocalSuggestions().suggest(config, [], range(1, 7)).advice
    for each in auto[:2]:
        name = each.labels[CHOSEN_LABEL]
        (alone,) = LocalSuggestions().suggest(replace(config, algorithm=name), [], [each.ordinal]).advice
        assert alone.assignment == each.assignment
