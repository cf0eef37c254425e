"""What the store suite's parts share: the fixtures, and short words for what a study's owner does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from katib.core.observation import MetricPoint
from katib.core.study import Study
from katib.core.trial import Reason, Transition, Trial, TrialState
from katib.stores.contract import NAME_LIMIT, Changes, NewStudy, Store, TrialFilter, TrialPoints
from katib.testing import builders as make

NOW = make.NOW
EVERYTHING = TrialFilter(states=frozenset(TrialState))
"""Advice too."""


@dataclass(frozen=True, kw_only=True)
class StoreAbilities:
    """What not every store can do.

    Attributes:
        shared_between_handles: another handle, in this process or another one, sees the same studies.
    """

    shared_between_handles: bool


def new_study(name: str = "digits", uid: str = "", **fields: Any) -> NewStudy:
    """A study to create."""
    sane: dict[str, Any] = {"document": {}, "effective": {}, "objective": make.objective(), "budget": make.budget()}
    return NewStudy(name=name, uid=uid or f"uid-of-{name}"[:NAME_LIMIT], **{**sane, **fields})


def move(
    ordinal: int,
    source: TrialState,
    target: TrialState,
    *,
    attempt: int = 1,
    reason: Reason = Reason.STARTED,
    **fields: Any,
) -> Transition:
    """A move of a trial in its first attempt."""
    return Transition(ordinal=ordinal, source=source, attempt=attempt, target=target, reason=reason, **fields)


def points(*values: float, metric: str = "loss", first: int = 0, steps: bool = False) -> tuple[MetricPoint, ...]:
    """Values reported one after the other."""
    return tuple(
        MetricPoint(metric=metric, value=value, text=repr(value), seq=seq, step=seq if steps else None, time=NOW + seq)
        for seq, value in enumerate(values, start=first)
    )


def emptied(store: Store) -> Store:
    """The store, after all studies and tokens in it are deleted. Whoever uses a database that others use after one
    another empties it before: what the last one left is nobody's who comes later.
    """
    for study in store.list_studies():
        store.delete_study(study.name)
    for token in store.tokens():
        store.delete_token(token.id)
    return store


class Owned:
    """A study with its lease, and short words for what its owner does."""

    def __init__(self, store: Store, name: str = "digits", **fields: Any) -> None:
        self.store = store
        self.study = store.create_study(new_study(name, **fields), now=NOW)
        self.uid = self.study.uid
        self.lease = store.acquire(name, "me", now=NOW, seconds=60)

    def commit(self, now: float = NOW, **changes: Any) -> tuple[Transition, ...]:
        return self.store.commit(self.lease, Changes(**changes), now=now).skipped

    def advise(self, *ordinals: int) -> None:
        self.commit(advice=[make.advice(ordinal) for ordinal in ordinals])

    def run(self, *ordinals: int) -> None:
        """Advise, create and start trials."""
        self.advise(*ordinals)
        self.commit(transitions=[move(ordinal, TrialState.ADVISED, TrialState.PENDING) for ordinal in ordinals])
        self.commit(transitions=[move(ordinal, TrialState.PENDING, TrialState.RUNNING) for ordinal in ordinals])

    def finish(self, ordinal: int, value: float | None, *further: float) -> None:
        target = TrialState.SUCCEEDED if value is not None else TrialState.FAILED
        assert not self.commit(
            transitions=[move(ordinal, TrialState.RUNNING, target, value=value, further_values=further)]
        )

    def append(self, ordinal: int, *given: MetricPoint, attempt: int = 1) -> int:
        batch = [TrialPoints(trial=self.trial(ordinal).name, attempt=attempt, points=given)]
        return self.store.append_observations(self.uid, batch, now=NOW)

    def trial(self, ordinal: int) -> Trial:
        which = TrialFilter(ordinals=frozenset({ordinal}), states=frozenset(TrialState))
        (found,) = self.store.trials(self.uid, which)
        return found

    def stored(self, **which: Any) -> list[MetricPoint]:
        return [observation.point for observation in self.store.observations(self.uid, **which)]

    def again(self) -> Study:
        return self.store.get_study(self.study.name)


class StoreCases:
    """The fixtures of every part of the suite."""

    __test__ = False
    abilities: ClassVar[StoreAbilities]

    @pytest.fixture
    def open_again(self) -> Iterator[Callable[[], Store]]:
        """A function that opens the store, which is empty at first."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_again: Callable[[], Store]) -> Store:
        return open_again()

    @pytest.fixture
    def owned(self, store: Store) -> Owned:
        return Owned(store)
