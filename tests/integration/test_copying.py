"""Studies that begin with known results, in a process that dies in the middle and is asked again."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from katib.service import copying
from katib.service.desk import Desk
from katib.stores.contract import Changes, Committed, Lease, NewStudy, Wish
from katib.stores.memory import MemoryStore
from katib.suggestion.contract import SuggestionService
from katib.suggestion.local import LocalSuggestions

SPEC: dict[str, Any] = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "maxTrialCount": 2,
    "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
}
KNOWN = [({"x": number / 4}, {"loss": float(number), "seconds": 1.0}) for number in (3, 1, 2)]


class Killed(BaseException):
    """What the process dies of."""


class Dying(MemoryStore):
    """A store whose process is killed after so many writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes

    def _count(self) -> None:
        if not self.writes:
            raise Killed
        self.writes -= 1

    def create_study(self, new: NewStudy, *, now: float) -> Any:
        self._count()
        return super().create_study(new, now=now)

    def wish(self, name: str, wish: Wish, *, now: float) -> Any:
        self._count()
        return super().wish(name, wish, now=now)

    def commit(self, lease: Lease, changes: Changes, *, now: float) -> Committed:
        self._count()
        return super().commit(lease, changes, now=now)


@pytest.fixture(scope="module")
def suggestions() -> Iterator[SuggestionService]:
    service = LocalSuggestions()
    yield service
    service.close()


@pytest.mark.parametrize("writes", range(6))
def test_an_import_that_was_killed_is_continued_by_asking_again(writes: int, suggestions: SuggestionService) -> None:
    store = Dying(writes)
    with contextlib.suppress(Killed):
        copying.begin(Desk(store, suggestions), "known", SPEC, KNOWN)
    store.writes = -1
    desk = Desk(store, suggestions)
    for _ in range(2):
        copied = copying.begin(desk, "known", SPEC, KNOWN)
        assert (copied.copied, copied.skipped, copied.study.budget.max_trials) == (3, 0, 5)
    trials = store.trials(copied.study.uid)
    assert [(trial.assignment, trial.value) for trial in trials] == [(point, found["loss"]) for point, found in KNOWN]
    assert copied.study.summary.best_ordinal == 2
    assert len(desk.lender.suggest("known", "a", 9)) == 2


def test_what_clients_run_meanwhile_is_no_matter(suggestions: SuggestionService) -> None:
    store = Dying(1)
    with pytest.raises(Killed):
        copying.begin(Desk(store, suggestions), "known", SPEC, KNOWN)
    store.writes = -1
    desk = Desk(store, suggestions)
    assert len(desk.lender.suggest("known", "a")) == 1
    assert copying.begin(desk, "known", SPEC, KNOWN).copied == 3
    assert [trial.value for trial in store.trials(desk.study("known").uid)] == [None, 3.0, 1.0, 2.0]


def test_a_study_that_was_there_is_left_as_it_is(suggestions: SuggestionService) -> None:
    desk = Desk(MemoryStore(), suggestions)
    desk.create("known", SPEC)
    copied = copying.begin(desk, "known", SPEC, KNOWN)
    assert (copied.created, copied.copied, copied.study.budget.max_trials) == (False, 0, 2)
