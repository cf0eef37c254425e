"""Settings of algorithms: what is refused, in which words."""

import pytest

from algorithms.base import Algorithm
from algorithms.evolution.cma_es import CmaEsSearch
from algorithms.parzen.multivariate_tpe import MultivariateTpeSearch
from algorithms.parzen.tpe import TpeSearch
from algorithms.sampling.grid import GridSearch
from algorithms.sampling.joe_kuo import DIMENSIONS
from algorithms.sampling.random_search import RandomSearch
from algorithms.sampling.sobol import SobolSearch
from katib.errors import InvalidInput
from katib.suggestion.registry import Registry
from katib.testing.algorithms import SPACES, double, integer, space, study_config

NAMES = {
    "random": RandomSearch,
    "grid": GridSearch,
    "sobol": SobolSearch,
    "tpe": TpeSearch,
    "cmaes": CmaEsSearch,
    "multivariate-tpe": MultivariateTpeSearch,
}


def faults(algorithm: str, **settings: str) -> list[str]:
    return [
        fault.wanted
        for fault in NAMES[algorithm].validate(study_config(algorithm, SPACES["stepped"], settings=settings))
    ]


@pytest.mark.parametrize("algorithm", NAMES)
def test_the_entry_points_lead_to_the_classes(algorithm: str) -> None:
    assert Registry().find(algorithm) is NAMES[algorithm]


@pytest.mark.parametrize(
    ("algorithm", "settings", "said"),
    [
        ("random", {"random_state": "-1"}, "random_state should be great or equal than zero"),
        (
            "random",
            {"random_state": "x"},
            "failed to validate random_state(x): invalid literal for int() with base 10: 'x'",
        ),
        ("random", {"gamma": "0.5"}, "unknown setting gamma for algorithm random"),
        ("grid", {"random_state": "-1"}, "random_state should be great or equal than zero"),
        ("sobol", {"scramble": "1"}, "unknown setting scramble for algorithm sobol"),
        ("tpe", {"n_startup_trials": "-1"}, "n_startup_trials should be greate or equal than zero"),
        ("tpe", {"n_ei_candidates": "-1"}, "n_ei_candidates should be greate or equal than zero"),
        ("tpe", {"n_ei_candidates": "0"}, "n_ei_candidates must be an integer from 1 to 10000"),
        ("tpe", {"n_ei_candidates": "10001"}, "n_ei_candidates must be an integer from 1 to 10000"),
        ("tpe", {"n_EI_candidates": "0"}, "n_EI_candidates should be great than zero"),
        ("tpe", {"gamma": "1"}, "gamma should be in the range of (0, 1)"),
        ("tpe", {"gamma": "0"}, "gamma should be in the range of (0, 1)"),
        ("tpe", {"gamma": "nan"}, "gamma should be in the range of (0, 1)"),
        ("tpe", {"prior_weight": "0"}, "prior_weight should be great than zero"),
        ("tpe", {"prior_weight": "inf"}, "prior_weight should be great than zero"),
        ("cmaes", {"sigma": "-0.1"}, "sigma should be greate or equal than zero"),
        ("cmaes", {"sigma": "nan"}, "sigma should be greate or equal than zero"),
        ("cmaes", {"restart_strategy": "IPOP"}, "restart_strategy IPOP is not supported in CMAES optimization"),
        ("cmaes", {"popsize": "7"}, "unknown setting popsize for algorithm cmaes"),
        ("multivariate-tpe", {"n_startup_trials": "-1"}, "n_startup_trials should be greate or equal than zero"),
        ("multivariate-tpe", {"gamma": "0.2"}, "unknown setting gamma for algorithm multivariate-tpe"),
        (
            "tpe",
            {"prior_weight": "heavy"},
            "failed to validate prior_weight(heavy): could not convert string to float: 'heavy'",
        ),
        (
            "tpe",
            {"n_startup_trials": "2.5"},
            "failed to validate n_startup_trials(2.5): invalid literal for int() with base 10: '2.5'",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_katibs_words(algorithm: str, settings: dict[str, str], said: str) -> None:
    assert faults(algorithm, **settings) == [said]


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        ("random", {"random_state": "0"}),
        ("grid", {"random_state": "12"}),
        ("tpe", {"n_startup_trials": "0", "n_ei_candidates": "1", "random_state": "10"}),
        ("tpe", {"n_EI_candidates": "1", "gamma": "0.25", "prior_weight": "0.01"}),
    ],
)
def test_the_least_allowed_values_are_allowed(algorithm: str, settings: dict[str, str]) -> None:
    assert faults(algorithm, **settings) == []


def test_all_faults_come_at_once_each_with_its_place() -> None:
    settings = {"gamma": "7", "depth": "3", "random_state": "-4"}
    found = TpeSearch.validate(study_config("tpe", SPACES["mixed"], settings=settings))
    assert [fault.path.rpartition(".")[2] for fault in found] == ["gamma", "depth", "random_state"]
    assert [fault.given for fault in found] == ["7", "3", "-4"]
    assert "n_startup_trials" in found[1].hint


def test_an_instance_is_never_made_of_wrong_settings() -> None:
    with pytest.raises(InvalidInput, match="random_state should be great"):
        RandomSearch(study_config("random", SPACES["mixed"], settings={"random_state": "-1"}))


def test_grid_names_every_parameter_that_cannot_be_counted() -> None:
    of = space(double("lr", 0, 1), integer("n", 1, 3), double("x", 0, 1, step=0.5), double("y", 2, 3))
    found = GridSearch.validate(study_config("grid", of))
    assert [fault.path for fault in found] == [f"spec.parameters[{k}].feasibleSpace.step" for k in (0, 3)]
    assert found[0].wanted.startswith("failed to validate parameters(lr)")


@pytest.mark.parametrize(("parameters", "allowed"), [(DIMENSIONS, True), (DIMENSIONS + 1, False)])
def test_sobol_has_so_many_dimensions(parameters: int, allowed: bool) -> None:
    of = space(*(double(f"x{k}", 0, 1) for k in range(parameters)))
    assert (SobolSearch.validate(study_config("sobol", of)) == []) == allowed


def test_an_algorithm_without_settings_says_so() -> None:
    class Plain(Algorithm):
        def suggest(self, trials, ordinals):
            raise NotImplementedError

    (fault,) = Plain.validate(study_config("plain", SPACES["mixed"], settings={"a": "1"}))
    assert fault.hint == "it takes none"
