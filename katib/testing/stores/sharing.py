"""Several threads and several handles at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from katib.core.study import Budget
from katib.core.trial import TrialState
from katib.errors import AlreadyExists, Conflict, KatibError, LeaseHeld
from katib.stores.contract import Changes, Store, TrialPoints, Wish
from katib.testing import builders as make
from katib.testing.stores.base import EVERYTHING, NOW, Owned, StoreCases, move, new_study, points

THREADS = 8


def at_once(*jobs: Callable[[], object]) -> list[object]:
    """Run `jobs` in threads that start together; what each returned or raised."""

    def outcome(job: Callable[[], object]) -> object:
        try:
            return job()
        except KatibError as error:
            return type(error)

    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        return list(pool.map(outcome, jobs))


class SharingCases(StoreCases):
    """Several threads and several handles at once."""

    def test_one_of_many_creates_a_study(self, open_again: Callable[[], Store]) -> None:
        stores = [open_again() for _ in range(THREADS)]
        done = at_once(
            *(
                lambda store=store, uid=str(number): store.create_study(new_study(uid=uid), now=NOW).uid
                for number, store in enumerate(stores)
            )
        )
        assert done.count(AlreadyExists) == THREADS - 1
        assert stores[0].get_study("digits").uid in done

    def test_one_of_many_becomes_the_owner(self, open_again: Callable[[], Store]) -> None:
        stores = [open_again() for _ in range(THREADS)]
        stores[0].create_study(new_study(), now=NOW)
        done = at_once(
            *(
                lambda store=store, owner=str(number): store.acquire("digits", owner, now=NOW, seconds=9).owner
                for number, store in enumerate(stores)
            )
        )
        assert done.count(LeaseHeld) == THREADS - 1
        assert stores[0].get_study("digits").owner in done
        assert stores[0].get_study("digits").term == 1

    def test_one_of_many_decisions_on_the_same_view_is_written(self, owned: Owned) -> None:
        seen = owned.store.view(owned.uid)
        done = at_once(
            *(
                lambda ordinal=ordinal: owned.commit(advice=[make.advice(ordinal)], basis=seen)
                for ordinal in range(1, THREADS + 1)
            )
        )
        assert done.count(Conflict) == THREADS - 1
        assert len(owned.store.view(owned.uid).advised) == 1

    def test_reports_wishes_and_commits_at_once_lose_nothing(
        self, owned: Owned, open_again: Callable[[], Store]
    ) -> None:
        each, half = 40, THREADS // 2
        owned.run(*range(1, half + 1))
        names = [trial.name for trial in owned.store.view(owned.uid).unfinished]

        def report(store: Store, reporter: int) -> None:
            for seq in range(each):
                # Two reporters tell of every trial the same.
                batch = [TrialPoints(trial=name, attempt=1, points=points(float(seq), first=seq)) for name in names]
                store.append_observations(owned.uid, batch if reporter % 2 else batch[::-1], now=NOW)

        def wish(store: Store) -> None:
            for number in range(each):
                store.wish("digits", Wish(budget=Budget(parallel=number + 100)), now=NOW)

        def commit() -> None:
            for number in range(each):
                owned.commit(advice=[make.advice(100 + number)])

        reporters = [lambda number=number: report(open_again(), number) for number in range(half)]
        assert at_once(*reporters, lambda: wish(open_again()), commit) == [None] * (half + 2)
        view = owned.store.view(owned.uid)
        assert len(view.advised) == view.study.summary.counts[TrialState.ADVISED] == each
        assert view.study.generation == 1 + each
        assert len(owned.stored()) == each * half
        assert [trial.metrics["loss"].max for trial in view.unfinished] == [float(each - 1)] * half
        every = owned.store.trials(owned.uid, EVERYTHING)
        assert make.recount(every, view.study.objective).best_ordinal == view.study.summary.best_ordinal

    def test_another_handle_sees_what_was_written(self, owned: Owned, open_again: Callable[[], Store]) -> None:
        other = open_again()
        assert (other is not owned.store) == self.abilities.shared_between_handles
        owned.run(1)
        seen = other.view(owned.uid)
        assert seen == owned.store.view(owned.uid)
        ended = [move(1, TrialState.RUNNING, TrialState.FAILED)]
        other.commit(owned.lease, Changes(transitions=ended), now=NOW)
        assert owned.store.view(owned.uid).unfinished == ()

    def test_a_study_made_anew_by_another_handle_is_not_taken_for_the_old_one(
        self, owned: Owned, open_again: Callable[[], Store]
    ) -> None:
        other = open_again()
        other.delete_study("digits")
        made = other.create_study(new_study(uid="another", document={"new": True}), now=NOW)
        assert owned.again() == made
        assert owned.store.view("another").study.document == {"new": True}
