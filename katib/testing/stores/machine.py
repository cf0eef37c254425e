"""Any store against the one in memory: the same calls in any order give the same answers and leave the same record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from katib.core.advice import Advice
from katib.core.metadata import MetadataItem
from katib.core.observation import MetricPoint, fold
from katib.core.study import Budget, Condition, StudyReason, StudyStatus
from katib.core.trial import ALLOWED, FINISHED, Reason, Transition, TrialState
from katib.errors import KatibError
from katib.stores.contract import (
    Changes,
    Committed,
    Event,
    Lease,
    NewStudy,
    Store,
    StudyView,
    TrialFilter,
    TrialPoints,
    Wish,
)
from katib.stores.memory import MemoryStore
from katib.testing import builders as make
from katib.testing.stores.base import EVERYTHING, NOW
from katib.testing.strategies import RULES, VERDICTS

ORDINALS = st.integers(1, 6)
ATTEMPTS = st.integers(1, 3)
TIMES = st.floats(0.0, 100.0).map(lambda seconds: NOW + seconds)
LABELS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
VALUES = st.floats(allow_nan=False, allow_infinity=False)
BASES = st.none() | st.integers(0, 2)
OWNERS = st.sampled_from(("a", "b"))

POINTS = st.builds(
    MetricPoint,
    metric=st.sampled_from(("loss", "Loss ", "é")),
    # nan is not equal to itself, so it has tests of its own.
    value=st.none() | st.floats(allow_nan=False),
    text=st.text(max_size=5),
    seq=st.integers(0, 5),
    step=st.none() | st.integers(0, 3),
    time=TIMES,
)
ADVICE = st.builds(
    Advice,
    ordinal=ORDINALS,
    assignment=st.dictionaries(st.text(max_size=2), VALUES | st.integers() | st.text(max_size=3), max_size=3),
    labels=LABELS,
)
EVENTS = st.builds(
    Event, time=TIMES, kind=st.just("Normal"), reason=st.sampled_from(("a", "b")), message=st.text(max_size=5)
)
ITEMS = st.builds(
    MetadataItem,
    ordinal=st.integers(0, 6),
    namespace=st.sampled_from(("", ":a", ":A ")),
    key=st.text(max_size=2),
    value=st.text(max_size=5) | st.binary(max_size=5),
)
CONDITIONS = st.builds(
    Condition,
    status=st.sampled_from(StudyStatus),
    reason=st.sampled_from(StudyReason),
    message=st.text(max_size=5),
    since=TIMES,
)
BUDGETS = st.builds(Budget, max_trials=st.none() | ORDINALS, parallel=ORDINALS, max_failed=st.none() | ORDINALS)
WISHES = st.builds(Wish, stop=st.none() | st.booleans(), budget=st.none() | BUDGETS, reopen=st.booleans())


@st.composite
def transitions(draw: st.DrawFn) -> Transition:
    """A move that the contract allows; whether it fits the trial is another matter."""
    source = draw(st.sampled_from(sorted(ALLOWED)))
    target = draw(st.sampled_from(sorted(ALLOWED[source])))
    attempt = draw(ATTEMPTS)
    return Transition(
        ordinal=draw(ORDINALS),
        source=source,
        attempt=attempt,
        target=target,
        reason=draw(st.sampled_from(Reason)),
        message=draw(st.text(max_size=5)),
        attempt_after=attempt + 1 if target is TrialState.PENDING and draw(st.booleans()) else None,
        failures=draw(st.none() | st.integers(0, 5)),
        losses=draw(st.none() | st.integers(0, 5)),
        value=draw(st.none() | VALUES) if target in FINISHED else None,
        rules=draw(st.sampled_from(RULES)),
        stopped_by=draw(st.sampled_from(VERDICTS)),
        started_at=draw(st.none() | TIMES),
        ended_at=draw(st.none() | TIMES),
        not_before=draw(TIMES),
    )


class StoreMachine(RuleBasedStateMachine):
    """Set `store` before running it; its study is a new one in each run."""

    store: Store
    _studies: Iterator[int] = count()

    @initialize(maximize=st.booleans(), several=st.booleans())
    def create(self, maximize: bool, several: bool) -> None:
        self.model = MemoryStore()
        self.name = f"study-{next(self._studies)}"
        self.uid = f"uid of {self.name}"
        self.objectives = [make.objective(maximize=maximize)]
        if several:
            self.objectives.append(make.objective(metric="latency"))
        self.leases: list[Lease] = []
        self.views: list[StudyView] = []
        new = NewStudy(
            name=self.name,
            uid=self.uid,
            document={},
            effective={},
            objective=self.objectives[0],
            budget=make.budget(),
            further_objectives=tuple(self.objectives[1:]),
        )
        self.both(lambda store: store.create_study(new, now=NOW))
        self.acquire(owner="a", now=NOW)

    @rule(owner=OWNERS, now=TIMES)
    def acquire(self, owner: str, now: float) -> None:
        lease = self.both(lambda store: store.acquire(self.name, owner, now=now, seconds=10.0))
        if isinstance(lease, Lease):
            self.leases.append(lease)

    @rule(now=TIMES, which=st.integers(0, 9))
    def renew(self, now: float, which: int) -> None:
        self.both(lambda store: store.renew(self.lease(which), now=now, seconds=10.0))

    @rule(which=st.integers(0, 20))
    def release(self, which: int) -> None:
        self.both(lambda store: store.release(self.lease(which)))

    @rule(wish=WISHES, now=TIMES)
    def wish(self, wish: Wish, now: float) -> None:
        self.both(lambda store: store.wish(self.name, wish, now=now))

    @rule()
    def look(self) -> None:
        """A view that may be old when something is decided on it."""
        self.views.append(self.model.view(self.uid))

    @rule(advice=st.lists(ADVICE, min_size=1, max_size=4), basis=BASES, now=TIMES)
    def advise(self, advice: list[Advice], basis: int | None, now: float) -> None:
        self.commit_with(now=now, basis=self.basis(basis), advice=advice)

    @rule(moves=st.lists(transitions(), min_size=1, max_size=3), basis=BASES, now=TIMES)
    def move(self, moves: list[Transition], basis: int | None, now: float) -> None:
        # A trial has a value for each objective or none.
        valued = [replace(each, further_values=(each.value or 0.0,) * (len(self.objectives) - 1)) for each in moves]
        moves = [each if each.value is None else with_all for each, with_all in zip(moves, valued, strict=True)]
        self.commit_with(now=now, basis=self.basis(basis), transitions=moves)

    @rule(data=st.data(), basis=BASES, now=TIMES)
    def move_on(self, data: st.DataObject, basis: int | None, now: float) -> None:
        """A move that fits, so that trials come to an end."""
        view = self.model.view(self.uid)
        trials = [*view.unfinished, *view.advised]
        if trials:
            trial = data.draw(st.sampled_from(trials))
            target = data.draw(st.sampled_from(sorted(ALLOWED[trial.state])))
            drawn = st.sampled_from((0.0, 0.5, -0.5))
            valued = target in FINISHED and data.draw(st.booleans())
            values = [data.draw(drawn) for _ in self.objectives] if valued else []
            fits = Transition(
                ordinal=trial.ordinal,
                source=trial.state,
                attempt=trial.attempt,
                target=target,
                reason=Reason.STARTED,
                value=values[0] if values else None,
                further_values=tuple(values[1:]),
            )
            self.commit_with(now=now, basis=self.basis(basis), transitions=[fits])

    @rule(
        condition=st.none() | CONDITIONS,
        exhausted=st.none() | st.text(max_size=3),
        overrides=st.none() | LABELS,
        events=st.lists(EVENTS, max_size=2),
        metadata=st.lists(ITEMS, max_size=3),
        basis=BASES,
        now=TIMES,
    )
    def tell(self, basis: int | None, now: float, **changes: Any) -> None:
        self.commit_with(now=now, basis=self.basis(basis), **changes)

    @rule(
        ordinal=ORDINALS,
        attempt=ATTEMPTS,
        points=st.lists(POINTS, max_size=5),
        committed=st.booleans(),
        basis=BASES,
        now=TIMES,
    )
    def observe(
        self, ordinal: int, attempt: int, points: list[MetricPoint], committed: bool, basis: int | None, now: float
    ) -> None:
        trials = self.model.trials(self.uid, TrialFilter(ordinals=frozenset({ordinal}), states=EVERYTHING.states))
        name = trials[0].name if trials else "unknown"
        batch = [TrialPoints(trial=name, attempt=attempt, points=tuple(points))] * 2
        if committed:
            self.commit_with(now=now, basis=self.basis(basis), observations=batch)
        else:
            self.both(lambda store: store.append_observations(self.uid, batch, now=now))

    @rule(removed=st.lists(ORDINALS, min_size=1, max_size=2), basis=BASES, now=TIMES)
    def remove(self, removed: list[int], basis: int | None, now: float) -> None:
        self.commit_with(now=now, basis=self.basis(basis), removed=removed)

    @invariant()
    def the_record_is_the_same(self) -> None:
        if not hasattr(self, "uid"):
            return
        for reading in (
            lambda store: store.view(self.uid),
            lambda store: store.trials(self.uid, EVERYTHING),
            lambda store: store.trials(self.uid, TrialFilter(after_revision=2, limit=3)),
            lambda store: store.observations(self.uid),
            lambda store: store.events(self.uid),
            lambda store: store.metadata(self.uid),
        ):
            self.both(reading)

    @invariant()
    def the_summary_is_exact(self) -> None:
        if not hasattr(self, "uid"):
            return
        summary = self.store.get_study(self.name).summary
        recount = make.recount(self.store.trials(self.uid, EVERYTHING), *self.objectives)
        # An ordinal stays spent when its trial is removed.
        assert summary.highest_ordinal >= recount.highest_ordinal
        recount = replace(recount, highest_ordinal=summary.highest_ordinal)
        assert {state: number for state, number in summary.counts.items() if number} == recount.counts
        # As texts: 0.0 and -0.0 are different values that are equal.
        assert repr(replace(summary, counts=recount.counts)) == repr(recount)

    @invariant()
    def metrics_are_the_fold_of_what_is_stored(self) -> None:
        if not hasattr(self, "uid"):
            return
        view = self.store.view(self.uid)
        for trial in (*view.unfinished, *view.advised):
            stored = self.store.observations(self.uid, ordinal=trial.ordinal, attempt=trial.attempt)
            numbers = {name: summary.latest_at for name, summary in trial.metrics.items()}
            folded = fold({}, (observation.point for observation in stored))
            assert numbers == {name: summary.latest_at for name, summary in folded.items()}

    def basis(self, which: int | None) -> StudyView | None:
        """None, the study as it is, or as it was at an earlier look."""
        if which is None:
            return None
        return self.model.view(self.uid) if which == 0 or len(self.views) < which else self.views[-which]

    def lease(self, which: int) -> Lease:
        """The newest lease mostly, an older one sometimes."""
        return self.leases[-2] if which == 0 and len(self.leases) > 1 else self.leases[-1]

    def commit_with(self, *, now: float, **changes: Any) -> None:
        done = self.both(lambda store: store.commit(self.leases[-1], Changes(**changes), now=now))
        if isinstance(done, Committed) and done.view is not None:
            assert done.view == self.model.view(self.uid)

    def both(self, call: Callable[[Store], object]) -> object:
        """Call the store and its model; they must answer alike."""
        answer, expected = _answer(call, self.store), _answer(call, self.model)
        assert answer == expected
        return answer


def _answer(call: Callable[[Store], object], store: Store) -> object:
    try:
        return call(store)
    except KatibError as error:
        return (type(error), str(error))
