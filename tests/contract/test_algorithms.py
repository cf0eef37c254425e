"""Every algorithm that ships keeps the contract in this process; a worker and the wire change nothing of its answers."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from katib.config import ServeSettings, SuggestionSettings
from katib.core.advice import Abilities
from katib.core.stopping import StoppingAbilities
from katib.server.serving import SuggestionServer, open_service
from katib.suggestion.contract import SuggestionService
from katib.suggestion.describe import abilities_in_words, abilities_of, describe
from katib.suggestion.grpc import GrpcSuggestions
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.pool import WorkerPool
from katib.suggestion.reference import DOCS, pages
from katib.suggestion.registry import Registry
from katib.testing.algorithms import SPACES, AlgorithmContract, CallContract

FOREIGN = Path(__file__).parent / "foreign"
EXTRA = {"corners": "corners:Corners"}


@pytest.fixture(scope="module", autouse=True)
def foreign() -> Iterator[None]:
    """An algorithm of somebody else can be imported."""
    sys.path.insert(0, str(FOREIGN))
    yield
    sys.path.remove(str(FOREIGN))


@pytest.fixture(scope="module")
def pool(foreign: None) -> Iterator[WorkerPool]:
    pool = WorkerPool(SuggestionSettings(extra=EXTRA))
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def wire(foreign: None) -> Iterator[GrpcSuggestions]:
    """A server as `katib suggestion serve` starts it, and a client of it."""
    settings = ServeSettings(port=0, workers=1, quick_workers=1)
    server = SuggestionServer(open_service(settings, SuggestionSettings(extra=EXTRA)), settings)
    server.start()
    client = GrpcSuggestions(server.address)
    yield client
    client.close()
    server.stop(grace=0)


WAYS = ("in process", "worker", "over the wire")


class Shipped(AlgorithmContract):
    """Every law in this process, and in the other ways of calling those that these can break."""

    every_law_in_every_way: ClassVar[bool] = False

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        law = metafunc.function.__name__
        everywhere = self.every_law_in_every_way or hasattr(CallContract, law)
        metafunc.parametrize("service", WAYS if everywhere else WAYS[:1], indirect=True)

    @pytest.fixture
    def service(self, request: pytest.FixtureRequest) -> SuggestionService:
        if request.param == "in process":
            return LocalSuggestions(Registry(EXTRA))
        service: SuggestionService = request.getfixturevalue({"worker": "pool", "over the wire": "wire"}[request.param])
        return service

    @pytest.fixture
    def fresh(self) -> SuggestionService:
        # Whatever the way, the answers are the same.
        return LocalSuggestions(Registry(EXTRA))


class EveryWay(Shipped):
    """One that answers at once: by these every kind of space, record and label goes every way."""

    every_law_in_every_way = True


class TestRandom(EveryWay):
    algorithm = "random"


class TestGrid(Shipped):
    algorithm = "grid"


class TestSobol(Shipped):
    algorithm = "sobol"


class TestTpe(Shipped):
    algorithm = "tpe"
    settings: ClassVar[dict[str, str]] = {"n_startup_trials": "5", "n_ei_candidates": "8"}
    steps = 16


class TestMultivariateTpe(Shipped):
    algorithm = "multivariate-tpe"
    settings: ClassVar[dict[str, str]] = {"n_startup_trials": "5", "n_ei_candidates": "8"}
    steps = 16


NUMERIC = {name: each for name, each in SPACES.items() if name not in ("discrete", "categorical")}


class TestAnneal(Shipped):
    algorithm = "anneal"


class TestHyperoptTpe(Shipped):
    algorithm = "hyperopt-tpe"


class TestBayesianOptimization(Shipped):
    algorithm = "bayesianoptimization"
    settings: ClassVar[dict[str, str]] = {"n_initial_points": "24", "acq_optimizer": "sampling"}


class TestCmaEs(Shipped):
    algorithm = "cmaes"
    spaces = NUMERIC


class TestCmaEsWithRestarts(TestCmaEs):
    settings: ClassVar[dict[str, str]] = {"restart_strategy": "bipop", "sigma": "0.05"}


class TestHyperband(EveryWay):
    algorithm = "hyperband"
    settings: ClassVar[dict[str, str]] = {"r_l": "9", "resource_name": "epochs"}


class TestBohb(Shipped):
    algorithm = "bohb"
    settings: ClassVar[dict[str, str]] = {
        "r_l": "9",
        "resource_name": "epochs",
        "min_points_in_model": "3",
        "num_samples": "8",
    }


class TestAsha(Shipped):
    algorithm = "asha"
    settings: ClassVar[dict[str, str]] = {"resource_name": "epochs"}


class TestGp(Shipped):
    algorithm = "gp"
    # Its model is slow beside the others: the last answers of a record are enough.
    settings: ClassVar[dict[str, str]] = {"n_startup_trials": "20"}


class TestCatCma(Shipped):
    algorithm = "catcma"


class TestAuto(Shipped):
    algorithm = "auto"
    # It takes gp, whose model is slow beside the others and used after eight trials.
    steps = 16


class TestNsgaTwo(EveryWay):
    algorithm = "nsga2"
    settings: ClassVar[dict[str, str]] = {"population_size": "8"}


class TestPbt(EveryWay):
    algorithm = "pbt"
    settings: ClassVar[dict[str, str]] = {
        "n_population": "5",
        "truncation_threshold": "0.4",
        "resample_probability": "0.2",
    }


class TestOneOfSomebodyElse(EveryWay):
    algorithm = "corners"


def test_every_installed_algorithm_is_tested() -> None:
    tested = {
        each.algorithm for each in (*Shipped.__subclasses__(), *EveryWay.__subclasses__()) if each is not EveryWay
    }
    assert set(Registry().names) <= tested


def test_the_page_shows_the_algorithm_that_is_tested() -> None:
    code = (FOREIGN / "corners.py").read_text().partition('"""\n\n')[2]
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text()
    assert f"```python\n{code}```" in page


@pytest.mark.parametrize("algorithm", Registry().names)
def test_every_algorithm_says_what_it_does_and_what_a_trial_tells_it(algorithm: str) -> None:
    described = describe(Registry(), algorithm)
    assert described.summary
    assert bool(described.trials) != described.abilities.oblivious


def test_every_ability_is_explained() -> None:
    for kind in (Abilities, StoppingAbilities):
        assert abilities_in_words(kind).keys() == abilities_of(kind()).keys()


def test_the_pages_say_what_the_algorithms_declare() -> None:
    found = {str(each.relative_to(DOCS)): each.read_text() for each in DOCS.rglob("*.md")}
    assert found == pages(), "python -m katib.suggestion.reference"
