"""Algorithms that crash, hang or talk nonsense: the failure is told, the study goes on."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from katib.config import SuggestionSettings
from katib.core.advice import FALLBACK_LABEL, Abilities, Advice, AdviceReply
from katib.errors import AlgorithmFailed, AlgorithmUnknown, InvalidInput, SuggestionError
from katib.suggestion.contract import SuggestionService
from katib.suggestion.fallback import ResilientSuggestions
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.pool import WorkerPool
from katib.suggestion.registry import Registry
from katib.testing.algorithms import categorical, double, drive, integer, space, study_config

FOREIGN = Path(__file__).parents[1] / "contract" / "foreign"
EXTRA = {
    "exits": "broken:Exits",
    "segfaults": "broken:Segfaults",
    "hangs": "broken:Hangs",
    "hangs-in-c": "broken:HangsInC",
    "raises": "broken:Raises",
    "exits-politely": "broken:ExitsPolitely",
    "crashes-once": "broken:CrashesOnce",
    "outsider": "broken:Outsider",
    "numpy": "broken:Numpy",
    "needy": "broken:Needy",
    "torn": "broken:NoSuchClass",
    "lost": "no_such_package:Search",
}
SPACE = space(double("x", 0, 1), integer("n", 1, 9, step=2))
SMALL = space(categorical("c", "a", "b", "c"), integer("n", 1, 2))
SHORT = SuggestionSettings(deadline=1.5, workers=1, extra=EXTRA)


@pytest.fixture(autouse=True)
def foreign() -> Iterator[None]:
    sys.path.insert(0, str(FOREIGN))
    yield
    sys.path.remove(str(FOREIGN))


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(SuggestionSettings(workers=1, extra=EXTRA))
    yield pool
    pool.close()


@pytest.fixture
def impatient() -> Iterator[WorkerPool]:
    """A pool that waits for a second and a half."""
    pool = WorkerPool(SHORT)
    yield pool
    pool.close()


def failure(service: SuggestionService, algorithm: str, trials: int = 3, **changes: object) -> AlgorithmFailed:
    config = study_config(algorithm, SPACE, **changes)
    record, _ = drive(LocalSuggestions(), study_config("random", SPACE), steps=trials)
    with pytest.raises(AlgorithmFailed) as caught:
        service.suggest(config, record[:trials], [trials + 1])
    return caught.value


@pytest.mark.parametrize(
    ("algorithm", "why", "said"),
    [
        ("exits", "crashed", "algorithm 'exits': its worker process ended with code 7"),
        ("segfaults", "crashed", "was ended by signal 11 (SIGSEGV)"),
        ("segfaults", "crashed", "about to read address 0"),
        ("segfaults", "crashed", "broken.py"),
        ("exits-politely", "crashed", "I give up"),
        ("raises", "error", "algorithm 'raises' raised ZeroDivisionError: no variance in the history"),
        ("raises", "error", "broken.py"),
    ],
)
def test_a_crash_is_an_error_that_says_how_it_ended(pool: WorkerPool, algorithm: str, why: str, said: str) -> None:
    error = failure(pool, algorithm)
    assert said in str(error)
    assert error.why == why
    assert error.retriable


@pytest.mark.parametrize("algorithm", ["hangs", "hangs-in-c"])
def test_a_hang_ends_at_the_deadline_and_says_where(impatient: WorkerPool, algorithm: str) -> None:
    error = failure(impatient, algorithm)
    assert error.why == "timeout"
    assert f"algorithm {algorithm!r} did not answer in time" in str(error)
    assert "in suggest" in str(error), "the place in the algorithm's own code"


@pytest.mark.parametrize("algorithm", ["exits", "hangs", "raises"])
def test_the_pool_serves_the_next_study_after_a_failure(impatient: WorkerPool, algorithm: str) -> None:
    failure(impatient, algorithm)
    config = study_config("random", SPACE, uid="another")
    assert impatient.suggest(config, [], [1, 2]) == LocalSuggestions().suggest(config, [], [1, 2])


@pytest.mark.parametrize("algorithm", ["exits", "segfaults", "hangs", "hangs-in-c", "raises"])
def test_a_study_goes_on_with_labelled_points(impatient: WorkerPool, algorithm: str) -> None:
    service = ResilientSuggestions(impatient, SHORT)
    trials, last = drive(service, study_config(algorithm, SPACE), steps=12)
    assert len({SPACE.key(trial.assignment) for trial in trials}) == 12
    assert all(SPACE.contains(trial.assignment) for trial in trials)
    assert trials[-1].labels[FALLBACK_LABEL] in ("crashed", "timeout", "error")
    assert f"algorithm {algorithm!r}" in last.failure
    answered_itself = [trial for trial in trials if FALLBACK_LABEL not in trial.labels]
    assert len(answered_itself) == (3 if algorithm in ("exits", "hangs") else 0)


def test_the_fallback_ends_when_the_space_is_used_up(pool: WorkerPool) -> None:
    trials, last = drive(ResilientSuggestions(pool), study_config("raises", SMALL), steps=50, batch=4)
    assert len({SMALL.key(trial.assignment) for trial in trials}) == len(trials) == 6
    assert "every point" in last.exhausted


def test_the_fallback_is_a_function_of_the_record(pool: WorkerPool) -> None:
    config = study_config("raises", SPACE)
    trials, _ = drive(ResilientSuggestions(pool), config, steps=5)
    again = ResilientSuggestions(pool).suggest(config, trials[:3], [4, 5])
    assert [each.assignment for each in again.advice] == [trial.assignment for trial in trials[3:]]


def test_one_crash_is_forgiven(pool: WorkerPool, tmp_path: Path) -> None:
    config = study_config("crashes-once", SPACE, settings={"memory": str(tmp_path / "memory")})
    reply = ResilientSuggestions(pool).suggest(config, [], [1])
    assert not reply.failure
    assert not reply.advice[0].labels


class Counting:
    """A service that fails when told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.failing = True

    def suggest(self, config: object, trials: object, ordinals: object) -> AdviceReply:
        self.asked += 1
        if self.failing:
            raise AlgorithmFailed("it failed", why="crashed")
        return AdviceReply(advice=(Advice(ordinal=1, assignment={"x": 0.5, "n": 1}),))

    def abilities(self, algorithm: str) -> Abilities:
        return Abilities()

    def validate(self, config: object) -> tuple[()]:
        return ()

    settings = validate

    def close(self) -> None:
        pass


def test_an_algorithm_that_failed_rests_and_is_tried_again() -> None:
    time, service = [0.0], Counting()
    resilient = ResilientSuggestions(service, SuggestionSettings(rest=60.0), now=lambda: time[0])
    config = study_config("any", SPACE)
    assert resilient.suggest(config, [], [1]).failure == "it failed"
    assert service.asked == 2, "once more with a fresh worker"
    time[0] = 59.0
    assert resilient.suggest(config, [], [1]).failure == "it failed"
    assert service.asked == 2, "it rests"
    resilient.suggest(study_config("any", SPACE, uid="another"), [], [1])
    assert service.asked == 4, "the rest is the study's own"
    time[0], service.failing = 61.0, False
    assert resilient.suggest(config, [], [1]).failure == ""
    assert service.asked == 5


def test_a_failure_that_took_long_is_not_tried_twice() -> None:
    time, service = [0.0], Counting()

    def now() -> float:
        time[0] += 20.0
        return time[0]

    resilient = ResilientSuggestions(service, SuggestionSettings(deadline=40.0), now=now)
    assert resilient.suggest(study_config("any", SPACE), [], [1]).failure == "it failed"
    assert service.asked == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("outside", "x may not be 99.0"),
        ("off the step", "n may not be 2"),
        ("text", "x is a number, got the text '0.5'"),
        ("float for int", "'float' object cannot be interpreted as an integer"),
        ("nan", "x may not be nan"),
        ("a parameter less", "its parameters are not x, n"),
        ("wrong ordinal", "it was asked for ordinals [4] and answered for [5]"),
        ("nothing", "it answered nothing, and did not say that it is exhausted"),
        ("no reply", "an AdviceReply was expected, got None"),
    ],
)
def test_nonsense_is_refused(pool: WorkerPool, answer: str, said: str) -> None:
    for service in (pool, LocalSuggestions(Registry(EXTRA))):
        error = failure(service, "outsider", settings={"answer": answer})
        assert said in str(error)
        assert error.why == "nonsense"


def test_numbers_of_numpy_become_plain(pool: WorkerPool) -> None:
    assignment = pool.suggest(study_config("numpy", SPACE), [], [1]).advice[0].assignment
    assert [(name, type(value)) for name, value in assignment.items()] == [("x", float), ("n", int)]


def test_a_missing_package_is_a_fault_that_says_what_to_install(pool: WorkerPool) -> None:
    (fault,) = pool.validate(study_config("needy", SPACE))
    assert "no_such_module" in fault.wanted
    assert "json" not in fault.wanted
    assert fault.hint == "pip install 'needy[all]'"
    with pytest.raises(InvalidInput, match="no_such_module"):
        pool.suggest(study_config("needy", SPACE), [], [1])


def test_an_unknown_algorithm_is_answered_with_what_there_is(pool: WorkerPool) -> None:
    for service in (pool, ResilientSuggestions(pool)):
        with pytest.raises(AlgorithmUnknown, match=r"'radnom'.*did you mean 'random'.*grid.*sobol.*tpe"):
            service.suggest(study_config("radnom", SPACE), [], [1])
    with pytest.raises(AlgorithmUnknown):
        pool.abilities("radnom")


@pytest.mark.parametrize("algorithm", ["torn", "lost"])
def test_a_class_that_does_not_load_is_named(pool: WorkerPool, algorithm: str) -> None:
    with pytest.raises(SuggestionError, match=f"algorithm '{algorithm}' is .*which cannot be loaded") as caught:
        pool.validate(study_config(algorithm, SPACE))
    assert not isinstance(caught.value, AlgorithmFailed)


def test_wrong_settings_are_the_users_and_leave_the_worker_well(pool: WorkerPool) -> None:
    with pytest.raises(InvalidInput, match="unknown setting depth for algorithm random") as caught:
        ResilientSuggestions(pool).suggest(study_config("random", SPACE, settings={"depth": "3"}), [], [1])
    assert len(caught.value.faults) == 1
