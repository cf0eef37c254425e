"""Studies that their clients run, through the service over real stores and the algorithms' worker."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from katib.core.study import StudyReason, StudyStatus
from katib.core.trial import Reason, TrialState
from katib.errors import InvalidInput, NotFound, StudyClosed
from katib.service.desk import Desk
from katib.service.lending import Lender
from katib.service.studies import Studies
from katib.service.values import final_points
from katib.spec.prepare import prepare
from katib.stores.contract import Store, Wish
from katib.stores.memory import MemoryStore
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.suggestion.contract import SuggestionService
from katib.testing.clock import A_MONDAY
from katib.testing.servers import Server
from katib.testing.stores import emptied


class Clock:
    def __init__(self) -> None:
        self.now = A_MONDAY

    def __call__(self) -> float:
        return self.now


def document(name: str = "clients", **spec: object) -> dict[str, object]:
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "parameters": [
                {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}},
                {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
                {"name": "size", "parameterType": "discrete", "feasibleSpace": {"list": ["1", "2.5"]}},
            ],
            **spec,
        },
    }


@pytest.fixture(scope="module")
def suggestions() -> Iterator[SuggestionService]:
    service = open_suggestions()
    yield service
    service.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def handle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store once more, as another process would."""
    opened: list[Store] = []

    def handle() -> Store:
        if request.param == "memory":
            return opened[0] if opened else MemoryStore()
        if request.param == "sqlite":
            return open_store(tmp_path / "katib.db")
        server: Server = request.getfixturevalue("postgresql")
        return open_store(server.url)

    def kept() -> Store:
        opened.append(handle())
        return opened[-1] if len(opened) > 1 else emptied(opened[-1])

    yield kept
    for store in opened:
        store.close()


@pytest.fixture
def store(handle: Callable[[], Store]) -> Store:
    return handle()


@pytest.fixture
def lender(store: Store, suggestions: SuggestionService, clock: Clock) -> Lender:
    return Lender(store, suggestions, now=clock, seconds=60.0)


def create(lender: Lender, name: str = "clients", **spec: object) -> str:
    studies = Studies(lender.store, now=lambda: A_MONDAY)
    return studies.create_for_clients(prepare(document(name, **spec), by_clients=True)).study.name


def test_a_study_is_carried_to_its_end(lender: Lender) -> None:
    name = create(lender, maxTrialCount=3)
    first, second = lender.suggest(name, "a", 2)
    assert [trial.state for trial in (first, second)] == [TrialState.RUNNING] * 2
    assert first.assignment != second.assignment
    assert first.loan is not None and first.loan.client == "a"
    lender.complete(name, 1, {"loss": 0.5})
    (third,) = lender.suggest(name, "b", 5)
    assert third.ordinal == 3
    assert lender.suggest(name, "c", 1) == []
    lender.complete(name, 2, {"loss": 0.25, "accuracy": 1})
    done = lender.complete(name, 3, {"loss": math.nan})
    assert (done.state, done.reason, done.value) == (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None)
    study = lender.store.get_study(name)
    assert (study.condition.status, study.condition.reason) == (StudyStatus.SUCCEEDED, StudyReason.MAX_TRIALS)
    assert (study.summary.best_ordinal, study.summary.best_value) == (2, 0.25)
    with pytest.raises(StudyClosed, match="has ended"):
        lender.suggest(name, "a")


def test_a_client_that_asks_again_gets_its_open_trials_back(lender: Lender) -> None:
    name = create(lender)
    first = lender.suggest(name, "a", 2)
    assert lender.suggest(name, "a", 2) == first
    assert lender.suggest(name, "a", 1) == first[:1]
    assert [trial.ordinal for trial in lender.suggest(name, "a", 3)] == [1, 2, 3]
    assert [trial.ordinal for trial in lender.suggest(name, "a", 2, afresh=True)] == [4, 5]
    assert [trial.ordinal for trial in lender.suggest(name, "b", 1)] == [6]


def test_a_client_may_ask_for_more_than_is_left_in_stock(store: Store, suggestions: SuggestionService) -> None:
    """Of three answers kept ahead two are left."""
    lender = Lender(store, suggestions, now=lambda: A_MONDAY, stock=3)
    name = create(lender)
    lender.suggest(name, "a", 2, afresh=True)
    assert [trial.ordinal for trial in lender.suggest(name, "a", 4, afresh=True)] == [3, 4, 5, 6]


def test_a_lost_trial_goes_out_again_at_no_cost(lender: Lender, clock: Clock) -> None:
    """T7 of a client that is gone for good, T8 of one that comes back too late."""
    name = create(lender, maxTrialCount=1)
    (first,) = lender.suggest(name, "a")
    clock.now += 59
    lender.renew(name, 1, "a")
    clock.now += 59
    assert lender.suggest(name, "b") == []
    clock.now += 1
    (again,) = lender.suggest(name, "b")
    assert (again.ordinal, again.attempt, again.losses, again.failures) == (1, 2, 1, 0)
    assert again.assignment == first.assignment
    lender.renew(name, 1, "a")
    assert lender.suggest(name, "a") == []
    lender.complete(name, 1, {"loss": 1.0})
    late = lender.complete(name, 1, {"loss": 0.0})
    assert (late.state, late.value) == (TrialState.SUCCEEDED, 1.0)
    assert "LateReport" in [event.reason for event in lender.store.events(late_uid(lender, name))]


def late_uid(lender: Lender, name: str) -> str:
    return lender.store.get_study(name).uid


def test_the_late_report_of_an_open_trial_counts(lender: Lender, clock: Clock) -> None:
    """T8 of a client that comes back in time."""
    name = create(lender)
    lender.suggest(name, "a")
    clock.now += 61
    lender.suggest(name, "b")
    assert lender.complete(name, 1, {"loss": 0.5}).value == 0.5


def test_a_trial_that_loses_everybody_ends(lender: Lender, clock: Clock) -> None:
    name = create(lender, maxTrialCount=1)
    for number in range(11):
        assert len(lender.suggest(name, f"client-{number}")) == 1
        clock.now += 61
    assert lender.suggest(name, "last") == []
    study = lender.store.get_study(name)
    assert study.condition.reason is StudyReason.NONE_SUCCEEDED


def test_bad_outcomes_are_typed(lender: Lender) -> None:
    name = create(lender)
    lender.suggest(name, "a", 4)
    assert lender.fail(name, 1, "too wide", infeasible=True).reason is Reason.INFEASIBLE
    assert lender.fail(name, 2, "out of memory").reason is Reason.REPORTED_FAILED
    assert lender.abandon(name, 3).state is TrialState.KILLED
    with pytest.raises(InvalidInput, match=r"metrics\.loss"):
        lender.complete(name, 4, {"accuracy": 1.0})
    with pytest.raises(NotFound):
        lender.complete(name, 5, {"loss": 1.0})
    with pytest.raises(NotFound):
        lender.suggest("none", "a")
    with pytest.raises(InvalidInput, match=r"client[\s\S]*count"):
        lender.suggest(name, "", -1)


def test_a_report_lends_a_trial_for_as_long_again_as_it_was_lent(lender: Lender, clock: Clock) -> None:
    """And not for the hour of who names no length: a worker that dies is to be noticed in time."""
    name = create(lender)
    lender.suggest(name, "a", seconds=600)
    for minute in range(9):
        clock.now += 60
        lender.measure(name, 1, final_points({"loss": 1.0}, step=minute, now=clock.now))
    trial = lender.renew(name, 1, "a")
    assert trial.loan is not None
    assert (trial.loan.until, trial.loan.seconds) == (clock.now + 600, 600)
    clock.now += 599
    assert [trial.ordinal for trial in lender.suggest(name, "b")] == [2]
    clock.now += 1
    assert [trial.ordinal for trial in lender.suggest(name, "c")] == [1]


def test_what_was_reported_last_is_the_value_of_who_gives_none(lender: Lender) -> None:
    name = create(lender)
    lender.suggest(name, "a")
    for step, loss in enumerate((0.5, 0.25, 0.75)):
        lender.report(name, 1, final_points({"loss": loss}, step=step, now=A_MONDAY + step))
    assert lender.complete(name, 1).value == 0.25, "of a minimised metric the least counts, as in an Experiment"


def test_trials_by_hand(lender: Lender) -> None:
    name = create(lender)
    known = lender.add_trial(name, {"x": 1, "kind": "a", "size": 2.5}, metrics={"loss": 3})
    assert (known.state, known.value, known.assignment) == (
        TrialState.SUCCEEDED,
        3.0,
        {"x": 1.0, "kind": "a", "size": "2.5"},
    )
    asked = lender.add_trial(name, {"x": 0.5, "kind": "b", "size": "1"})
    assert asked.state is TrialState.PENDING
    assert [trial.ordinal for trial in lender.suggest(name, "a", 1)] == [asked.ordinal]
    with pytest.raises(InvalidInput) as caught:
        lender.add_trial(name, {"x": 2, "kind": "c", "y": 1})
    assert {fault.path for fault in caught.value.faults} == {"parameters.x", "parameters.kind", "parameters.y"}


def test_a_stopped_study_gives_out_nothing_until_it_is_resumed(lender: Lender) -> None:
    name = create(lender)
    lender.suggest(name, "a")
    lender.store.wish(name, Wish(stop=True), now=A_MONDAY)
    with pytest.raises(StudyClosed, match="is stopped"):
        lender.suggest(name, "a")
    lender.complete(name, 1, {"loss": 1.0})
    assert lender.store.get_study(name).condition.status is StudyStatus.STOPPED
    lender.store.wish(name, Wish(stop=False), now=A_MONDAY)
    assert len(lender.suggest(name, "a")) == 1


def test_a_finite_space_ends_the_study(lender: Lender) -> None:
    one = [{"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}}]
    name = create(lender, parameters=one)
    assert len(lender.suggest(name, "a", 5)) == 2
    lender.complete(name, 1, {"loss": 1.0})
    lender.complete(name, 2, {"loss": 1.0})
    assert lender.store.get_study(name).condition.reason is StudyReason.SPACE_EXHAUSTED


def test_a_study_whose_time_is_over_begins_nothing(
    lender: Lender, suggestions: SuggestionService, clock: Clock
) -> None:
    name = create(lender, maxTrialCount=10)
    desk = Desk(lender.store, suggestions, now=clock)
    desk.lender = lender
    desk.change_budget(name, {"max_seconds": 100.0})
    lender.suggest(name, "a", 2)
    waiting = lender.add_trial(name, {"x": 1, "kind": "a", "size": 1}).ordinal
    clock.now += 50
    lender.renew(name, 1, "a")
    clock.now += 49
    lender.complete(name, 2, {"loss": 1.0})
    assert [trial.ordinal for trial in lender.suggest(name, "b")] == [waiting]
    clock.now += 1
    assert lender.suggest(name, "c") == []
    assert [trial.ordinal for trial in lender.suggest(name, "a")] == [1], "what runs may end"
    lender.complete(name, 1, {"loss": 0.5})
    clock.now += 60
    # The client of the other one is gone, and nobody gets it again.
    assert lender.suggest(name, "c") == []
    study = lender.store.get_study(name)
    assert study.condition.reason is StudyReason.TIME_OVER
    assert (study.summary.best_value, study.summary.count(TrialState.KILLED)) == (0.5, 1)
    with pytest.raises(InvalidInput, match="max_seconds"):
        desk.change_budget(name, {"parallel": 3})
    assert desk.change_budget(name, {"max_seconds": None}).condition.status is StudyStatus.RUNNING
    assert len(lender.suggest(name, "c")) == 1


def test_a_study_that_gets_no_better_ends(lender: Lender, suggestions: SuggestionService, clock: Clock) -> None:
    name = create(lender)
    desk = Desk(lender.store, suggestions, now=clock)
    desk.lender = lender
    desk.change_budget(name, {"max_stale": 3})
    lender.suggest(name, "a", 5)
    for ordinal, loss in ((1, 2.0), (3, 2.0), (4, 3.0), (2, 1.0)):
        lender.complete(name, ordinal, {"loss": loss})
    # Trial 2 is the best by now, and only 3 and 4 came after it.
    assert [trial.ordinal for trial in lender.suggest(name, "b")] == [6]
    lender.fail(name, 5, "out of memory")
    assert lender.suggest(name, "c") == []
    assert lender.store.get_study(name).condition.status is StudyStatus.RUNNING, "trial 6 may be better"
    lender.complete(name, 6, {"loss": 9.0})
    assert lender.store.get_study(name).condition.reason is StudyReason.NO_IMPROVEMENT
    assert desk.change_budget(name, {"max_stale": 5}).condition.status is StudyStatus.RUNNING
    assert len(lender.suggest(name, "c")) == 1


@pytest.mark.parametrize("number", [100, pytest.param(1000, marks=pytest.mark.large)])
def test_sixty_four_clients_get_exactly_what_there_is(
    lender: Lender, handle: Callable[[], Store], suggestions: SuggestionService, clock: Clock, number: int
) -> None:
    """Through two services with a store of their own, as two servers on one database have. There are as many points as
    trials, so that a point that went out twice would leave another one out.
    """
    points = {"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": str(number)}}
    name = create(lender, maxTrialCount=number, parallelTrialCount=4, parameters=[points])
    uid = late_uid(lender, name)
    services = [lender, Lender(handle(), suggestions, now=clock, seconds=60.0)]

    def client(number: int) -> tuple[list[int], int]:
        done: list[int] = []
        most, service = 0, services[number % 2]
        while True:
            try:
                trials = service.suggest(name, f"client-{number}", 2)
            except StudyClosed:
                return done, most
            if not trials:
                return done, most
            most = max(most, len(service.store.view(uid, advice=0).unfinished))
            for trial in trials:
                service.complete(name, trial.ordinal, {"loss": float(trial.ordinal)})
                done.append(trial.ordinal)

    with ThreadPoolExecutor(64) as threads:
        ended = list(threads.map(client, range(64)))
    trials = lender.store.trials(uid)
    ordinals = list(range(1, number + 1))
    assert sorted(ordinal for done, _ in ended for ordinal in done) == ordinals
    assert [trial.ordinal for trial in trials] == ordinals
    assert sorted(trial.assignment["x"] for trial in trials) == ordinals
    assert max(most for _, most in ended) <= 4
    study = lender.store.get_study(name)
    assert (study.condition.reason, study.summary.best_value) == (StudyReason.MAX_TRIALS, 1.0)
