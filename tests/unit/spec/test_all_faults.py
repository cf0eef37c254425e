"""Whatever is wrong with an experiment is told at once: its form, its search algorithm, its early stopping."""

from typing import Any

import pytest

from katib.errors import InvalidInput
from katib.service.checks import checked
from katib.spec.loading import load_text
from katib.suggestion.local import LocalSuggestions
from katib.testing.experiments import experiment_document

WRONG = {
    "spec.algorithm": {
        "algorithmName": "tpe",
        "algorithmSettings": [{"name": "gamma", "value": "2"}, {"name": "n_ei_candidates", "value": "0"}],
    },
    "spec.earlyStopping": {
        "algorithmName": "medianstop",
        "algorithmSettings": [{"name": "start_step", "value": "0"}],
    },
}
SETTINGS = [
    "spec.algorithm.algorithmSettings.gamma",
    "spec.algorithm.algorithmSettings.n_ei_candidates",
    "spec.earlyStopping.algorithmSettings.start_step",
]


def faults(changes: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        checked(experiment_document(changes), LocalSuggestions())
    return [fault.path for fault in raised.value.faults]


def test_algorithm_and_early_stopping_are_told_together() -> None:
    assert faults(WRONG) == SETTINGS


def test_settings_are_told_beside_a_space_that_cannot_be_searched() -> None:
    bounds = {"min": "3", "max": "1"}
    assert faults({**WRONG, "spec.parameters[0].feasibleSpace": bounds})[1:] == SETTINGS
    assert faults({**WRONG, "spec.objective.type": "best"})[1:] == SETTINGS


@pytest.mark.parametrize("name", LocalSuggestions()._registry.names)
def test_nothing_is_said_of_a_space_that_is_not_known(name: str) -> None:
    """It would be about what was left out."""
    needed = {
        "hyperband": {"r_l": "9", "resource_name": "x"},
        "bohb": {"r_l": "9", "resource_name": "x"},
        "asha": {"resource_name": "x"},
        "pbt": {"n_population": "5", "truncation_threshold": "0.2"},
    }
    settings = [{"name": each, "value": text} for each, text in needed.get(name, {}).items()]
    wrong = {
        "spec.algorithm": {"algorithmName": name, "algorithmSettings": settings},
        "spec.parameters[0].feasibleSpace": {"min": "3", "max": "1"},
    }
    (fault,) = faults(wrong)
    assert fault.startswith("spec.parameters[0].feasibleSpace")


def test_the_line_of_a_setting_is_that_of_its_name() -> None:
    text = """
apiVersion: kubeflow.org/v1beta1
kind: Experiment
spec:
  algorithm:
    algorithmName: tpe
    algorithmSettings:
      - {name: random_state, value: "1"}
      - {name: gamma, value: "2"}
"""
    with pytest.raises(InvalidInput) as raised:
        checked(load_text(text, source="a.yaml"), LocalSuggestions())
    assert [fault.line for fault in raised.value.faults if fault.path.endswith(".gamma")] == [9]
