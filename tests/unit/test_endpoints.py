"""A study goes on with the servers that it began with."""

from dataclasses import replace
from pathlib import Path

import pytest

from katib.config import EarlyStoppingSettings, Settings, SuggestionSettings
from katib.errors import AlgorithmFailed, AlreadyExists
from katib.service import endpoints
from katib.service.studies import Opened, Studies
from katib.spec.prepare import prepare
from katib.stores.memory import MemoryStore
from katib.testing import experiments

HERE, THERE = "127.0.0.1:7", "127.0.0.1:9"
GIVEN = Settings(
    suggestion=SuggestionSettings(endpoints={"tpe": HERE, "other": THERE}, connect=0.01),
    early_stopping=EarlyStoppingSettings(endpoints={"medianstop": THERE}, connect=0.01),
)


@pytest.fixture
def studies() -> Studies:
    return Studies(MemoryStore(), now=lambda: 1.7e9)


def begun(studies: Studies, settings: Settings) -> Opened:
    early = {"algorithmName": "medianstop"}
    prepared = prepare(
        experiments.experiment_document({"spec.algorithm.algorithmName": "tpe", "spec.earlyStopping": early})
    )
    servers = endpoints.remembered(prepared.effective, settings)
    return studies.create(prepared, run_root=Path("/none"), workdir=Path("/none"), servers=servers)


def test_a_study_remembers_the_servers_that_it_uses(studies: Studies) -> None:
    study = begun(studies, GIVEN).study
    found = endpoints.with_endpoints_of(study, Settings())
    assert (found.suggestion.endpoints, found.early_stopping.endpoints) == ({"tpe": HERE}, {"medianstop": THERE})


def test_one_that_is_given_counts_before_one_that_is_remembered(studies: Studies) -> None:
    study = begun(studies, GIVEN).study
    moved = replace(Settings(), suggestion=SuggestionSettings(endpoints={"tpe": THERE}))
    assert endpoints.with_endpoints_of(study, moved).suggestion.endpoints == {"tpe": THERE}


def test_an_installed_algorithm_does_not_go_on_where_a_server_began(studies: Studies) -> None:
    """Nobody would be told that `tpe` is another one now."""
    begun(studies, GIVEN)
    with pytest.raises(AlreadyExists, match=rf"who answers for tpe \(--algorithm-endpoint tpe={HERE}\)"):
        begun(studies, Settings())
    assert not begun(studies, GIVEN).created


def test_a_server_that_is_gone_is_missed_before_anything_goes_on(studies: Studies) -> None:
    study = begun(studies, GIVEN).study
    with pytest.raises(AlgorithmFailed, match=rf"{HERE} cannot be reached.*--algorithm-endpoint tpe=HOST:PORT"):
        endpoints.check_reached(
            study, endpoints.with_endpoints_of(study, replace(GIVEN, early_stopping=EarlyStoppingSettings()))
        )
    only_stopping = replace(GIVEN, suggestion=SuggestionSettings())
    with pytest.raises(AlgorithmFailed, match=rf"{THERE} cannot be reached.*--early-stopping-endpoint medianstop="):
        endpoints.check_reached(study, only_stopping)
