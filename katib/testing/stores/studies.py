"""Studies, wishes and leases."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from katib.core.objective import Objective, Strategy
from katib.core.study import Budget, StudyReason, StudyStatus
from katib.errors import AlreadyExists, Conflict, LeaseHeld, NotFound, Stale
from katib.stores.contract import NAME_LIMIT, Changes, Event, Lease, Store, StudyFilter, Wish
from katib.testing import builders as make
from katib.testing.stores.base import NOW, Owned, StoreCases, new_study, points


class StudyCases(StoreCases):
    """Studies, wishes and leases."""

    # --- Studies

    def test_a_new_study_is_created_and_comes_back_as_it_was_given(self, store: Store) -> None:
        document = {"spec": {"a": [1, 2.5, None, True, "ä\0\ud800"], "b": {}}}
        objective = Objective(
            metric="loss",
            direction=make.objective().direction,
            goal=0.1,
            additional=("accuracy", "f1"),
            strategies={"loss": Strategy.LATEST},
        )
        budget = Budget(max_trials=None, parallel=7, max_failed=0)
        further = (make.objective(maximize=True, metric="size", goal=7.0), replace(objective, metric="latency"))
        given = new_study(
            document=document,
            effective={"x": 1e-7},
            objective=objective,
            budget=budget,
            run_dir="/r/ü",
            further_objectives=further,
        )
        study = store.create_study(given, now=NOW)
        assert study == store.get_study("digits") == store.list_studies()[0] == store.view(study.uid).study
        assert (study.document, study.effective, study.objectives) == (document, {"x": 1e-7}, (objective, *further))
        assert (study.budget, study.run_dir, study.created_at) == (budget, "/r/ü", NOW)
        assert (study.condition.status, study.condition.reason) == (StudyStatus.CREATED, StudyReason.CREATED)
        assert (study.generation, study.revision, study.term, study.owner) == (1, 0, 0, "")

    def test_a_name_or_uid_is_taken_once(self, store: Store) -> None:
        store.create_study(new_study("a", "1"), now=NOW)
        for name, uid in (("a", "2"), ("b", "1")):
            with pytest.raises(AlreadyExists):
                store.create_study(new_study(name, uid), now=NOW)
        assert [study.uid for study in store.list_studies()] == ["1"]

    def test_names_that_differ_in_anything_are_different(self, store: Store) -> None:
        names = ["a", "A", "á", "a ", "b", "ß", "ss", "x" * NAME_LIMIT]
        for number, name in enumerate(names):
            store.create_study(new_study(name), now=NOW + number)
        assert [study.name for study in store.list_studies()] == names
        for name in names:
            same = [other for other in names if other.startswith(name)]
            assert [study.name for study in store.list_studies(StudyFilter(prefix=name))] == same
            having = [other for other in names if name in other]
            assert [study.name for study in store.list_studies(StudyFilter(contains=name))] == having
        assert [store.get_study(name).name for name in names] == names

    def test_studies_are_listed_in_pages(self, store: Store) -> None:
        """By (created_at, uid), wherever the study after which it goes on is by now."""
        for number, uid in enumerate("cabed"):
            store.create_study(new_study(f"%{uid}_", uid), now=NOW + number // 3 / 7)
        order = ["a", "b", "c", "d", "e"]

        def listed(**which: Any) -> list[str]:
            return [study.uid for study in store.list_studies(StudyFilter(**which))]

        assert listed() == order
        places = {study.uid: (study.created_at, study.uid) for study in store.list_studies()}
        for number, uid in enumerate(order):
            assert listed(after=places[uid], limit=2) == order[number + 1 : number + 3]
        store.delete_study("%c_")
        assert listed(after=places["c"], limit=1) == ["d"]
        assert listed(uid="b") == ["b"]
        assert (listed(contains="%"), listed(contains="%%"), listed(prefix="%e_")) == (["a", "b", "d", "e"], [], ["e"])
        owned = store.acquire("%d_", "me", now=NOW, seconds=60)
        store.commit(owned, Changes(condition=make.condition()), now=NOW)
        running = frozenset({StudyStatus.RUNNING})
        assert listed(statuses=running) == ["d"]
        assert listed(statuses=running | {StudyStatus.CREATED}, after=places["a"], limit=9) == ["b", "d", "e"]
        assert listed(statuses=frozenset()) == []

    def test_what_is_too_long_is_refused_before_anything_is_written(self, store: Store) -> None:
        with pytest.raises(ValueError, match=str(NAME_LIMIT)):
            store.create_study(new_study("x" * (NAME_LIMIT + 1)), now=NOW)
        assert store.list_studies() == []

    def test_a_missing_study_is_said_by_name(self, store: Store) -> None:
        lease = Lease(study="no", uid="no", owner="me", term=1)
        calls: Sequence[Callable[[], Any]] = (
            lambda: store.get_study("no"),
            lambda: store.delete_study("no"),
            lambda: store.wish("no", Wish(stop=True), now=NOW),
            lambda: store.acquire("no", "me", now=NOW, seconds=1),
            lambda: store.renew(lease, now=NOW, seconds=1),
            lambda: store.view("no"),
            lambda: store.commit(lease, Changes(), now=NOW),
            lambda: store.append_observations("no", [], now=NOW),
            lambda: store.trials("no"),
            lambda: store.observations("no"),
            lambda: store.events("no"),
        )
        for call in calls:
            with pytest.raises(NotFound, match="'no'"):
                call()
        store.release(lease)

    def test_deleting_a_study_removes_all_of_it_and_nothing_else(self, store: Store) -> None:
        gone, kept = Owned(store, "gone"), Owned(store, "kept")
        for owned in (gone, kept):
            owned.run(1)
            owned.append(1, *points(0.5))
            owned.commit(events=[Event(time=NOW, kind="Normal", reason="r", message="m")])
        store.delete_study("gone")
        assert [study.name for study in store.list_studies()] == ["kept"]
        assert len(kept.stored()) == len(store.trials(kept.uid)) == len(store.events(kept.uid)) == 1
        new = Owned(store, "gone", uid="another")
        assert (store.trials(new.uid), store.observations(new.uid), store.events(new.uid)) == ([], [], [])
        with pytest.raises(NotFound):
            gone.commit()

    def test_what_is_returned_and_what_was_passed_can_be_changed_without_harm(self, store: Store) -> None:
        document: dict[str, Any] = {"spec": {"list": [1]}}
        owned = Owned(store, document=document, effective=document)
        owned.run(1)
        owned.advise(2)
        owned.append(1, *points(0.5))
        document["spec"]["list"].append(2)
        before = store.view(owned.uid)
        spoiled = store.view(owned.uid)
        spoiled.study.document["spec"]["list"].append(3)
        spoiled.study.effective["spec"].clear()
        for mapping in (
            spoiled.study.summary.counts,
            spoiled.study.overrides,
            spoiled.study.objective.strategies,
            *(part for trial in spoiled.unfinished + spoiled.advised for part in (trial.assignment, trial.labels)),
            spoiled.unfinished[0].metrics,
        ):
            mapping["loss"] = "spoiled"  # type: ignore[index]
        assert store.view(owned.uid) == before
        assert before.study.document == {"spec": {"list": [1]}}

    # --- Wishes

    def test_a_wish_that_changes_nothing_writes_nothing(self, owned: Owned) -> None:
        before = owned.again()
        for wish in (Wish(), Wish(stop=False), Wish(budget=before.budget), Wish(reopen=True)):
            assert owned.store.wish("digits", wish, now=NOW + 1) == before
        assert owned.again() == before

    def test_a_budget_and_a_stop_are_wished(self, owned: Owned) -> None:
        before = owned.again()
        study = owned.store.wish("digits", Wish(stop=True, budget=Budget(parallel=9)), now=NOW)
        assert study == owned.again()
        assert (study.stop_requested, study.budget.parallel) == (True, 9)
        assert (study.generation, study.revision) == (2, before.revision + 1)

    def test_a_wish_may_name_the_generation_it_was_made_of(self, owned: Owned) -> None:
        seen = owned.study.generation
        assert owned.store.wish("digits", Wish(stop=True, generation=seen), now=NOW).generation == seen + 1
        before = owned.study
        with pytest.raises(Conflict, match="generation"):
            owned.store.wish("digits", Wish(stop=False, generation=seen), now=NOW)
        assert owned.study == before

    def test_a_stopped_study_goes_on_when_it_is_wished(self, owned: Owned) -> None:
        owned.store.wish("digits", Wish(stop=True), now=NOW)
        owned.commit(condition=make.condition(StudyStatus.STOPPED))
        assert owned.again().ended_at == NOW
        study = owned.store.wish("digits", Wish(stop=False), now=NOW + 5)
        assert (study.stop_requested, study.ended_at) == (False, None)
        assert (study.condition.status, study.condition.reason) == (StudyStatus.RUNNING, StudyReason.RESTARTING)
        assert study.condition.since == NOW + 5

    def test_a_concluded_study_is_reopened_only_by_name(self, owned: Owned) -> None:
        owned.commit(condition=make.condition(StudyStatus.SUCCEEDED), exhausted="all points were tried")
        study = owned.store.wish("digits", Wish(stop=True), now=NOW)
        assert not study.stop_requested, "there is nothing left to stop"
        study = owned.store.wish("digits", Wish(stop=False, budget=Budget(max_trials=99)), now=NOW)
        assert study.condition.concluded
        study = owned.store.wish("digits", Wish(reopen=True), now=NOW + 5)
        assert (study.condition.status, study.condition.reason) == (StudyStatus.RUNNING, StudyReason.RESTARTING)
        assert (study.exhausted, study.ended_at, study.budget.max_trials) == ("", None, 99)
        assert study.generation == 3

    # --- Leases

    def test_a_lease_keeps_others_away_until_it_ends(self, store: Store) -> None:
        store.create_study(new_study(), now=NOW)
        first = store.acquire("digits", "a", now=NOW, seconds=10)
        with pytest.raises(LeaseHeld, match="a"):
            store.acquire("digits", "b", now=NOW + 9.9, seconds=10)
        second = store.acquire("digits", "b", now=NOW + 10, seconds=10)
        assert (first.term, second.term) == (1, 2)
        with pytest.raises(Stale):
            store.renew(first, now=NOW + 11, seconds=10)
        with pytest.raises(Stale):
            store.commit(first, Changes(condition=make.condition()), now=NOW + 11)
        store.release(first)
        assert (store.get_study("digits").owner, store.get_study("digits").lease_until) == ("b", NOW + 20)

    def test_a_lease_that_ended_is_good_until_somebody_else_takes_it(self, owned: Owned) -> None:
        owned.commit(now=NOW + 1000, condition=make.condition())
        owned.store.renew(owned.lease, now=NOW + 1000, seconds=10)
        with pytest.raises(LeaseHeld):
            owned.store.acquire("digits", "other", now=NOW + 1005, seconds=10)

    def test_the_owner_itself_acquires_again_with_a_new_term(self, owned: Owned) -> None:
        again = owned.store.acquire("digits", "me", now=NOW + 1, seconds=10)
        assert again.term == owned.lease.term + 1
        with pytest.raises(Stale):
            owned.commit()

    def test_a_dead_owner_is_not_waited_for(self, owned: Owned) -> None:
        with pytest.raises(LeaseHeld):
            owned.store.acquire("digits", "other", now=NOW, seconds=10, dead="somebody else")
        lease = owned.store.acquire("digits", "other", now=NOW, seconds=10, dead="me")
        assert (lease.owner, lease.term) == ("other", 2)

    def test_a_released_study_is_free_and_its_lease_stale(self, owned: Owned) -> None:
        owned.store.release(owned.lease)
        owned.store.release(owned.lease)
        with pytest.raises(Stale):
            owned.commit()
        with pytest.raises(Stale):
            owned.store.renew(owned.lease, now=NOW, seconds=10)
        assert owned.store.acquire("digits", "other", now=NOW, seconds=10).term == 2

    def test_leases_leave_revision_and_generation_alone(self, owned: Owned) -> None:
        before = owned.again()
        owned.store.renew(owned.lease, now=NOW + 5, seconds=10)
        assert owned.again() == replace(before, lease_until=NOW + 15)
