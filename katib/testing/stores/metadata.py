"""What clients keep with studies and trials, and trials that are removed."""

import pytest

from katib.core.metadata import MetadataItem
from katib.core.trial import TrialState
from katib.errors import Conflict
from katib.stores.contract import NAME_LIMIT, Changes, Store, TrialFilter
from katib.testing import builders as make
from katib.testing.stores.base import NOW, Owned, StoreCases, move, points


def item(key: str, value: str | bytes, *, namespace: str = "", ordinal: int = 0) -> MetadataItem:
    """An item."""
    return MetadataItem(namespace=namespace, key=key, value=value, ordinal=ordinal)


class MetadataCases(StoreCases):
    """Metadata: kept as given, replaced by key."""

    def test_items_come_back_as_they_went_in(self, owned: Owned) -> None:
        owned.run(1)
        given = [
            item("a", "text ü"),
            item("a", bytes(range(256)), namespace=":x"),
            item("a ", ""),
            item("A", b"", namespace=":X"),
            item("long", "x" * 70_000, ordinal=1),
            item("k" * NAME_LIMIT, "é", namespace="n" * NAME_LIMIT, ordinal=1),
        ]
        owned.commit(metadata=given)
        expected = sorted(given, key=lambda each: (each.ordinal, each.namespace, each.key))
        assert owned.store.metadata(owned.uid) == expected
        assert owned.store.metadata(owned.uid, ordinal=0) == expected[:4]
        assert owned.store.metadata(owned.uid, ordinal=1) == expected[4:]

    def test_the_last_of_a_key_stands(self, owned: Owned) -> None:
        owned.commit(metadata=[item("a", "1"), item("b", "2")])
        owned.commit(metadata=[item("a", "3"), item("a", b"4")])
        assert owned.store.metadata(owned.uid) == [item("a", b"4"), item("b", "2")]

    def test_items_of_no_trial_are_ignored(self, owned: Owned) -> None:
        owned.commit(metadata=[item("a", "1", ordinal=7), item("b", "2")])
        assert owned.store.metadata(owned.uid) == [item("b", "2")]

    def test_metadata_is_not_a_change_of_the_study(self, owned: Owned) -> None:
        owned.run(1)
        basis = owned.store.view(owned.uid)
        owned.commit(metadata=[item("a", "1"), item("a", "1", ordinal=1)])
        assert owned.again() == basis.study
        owned.commit(metadata=[item("a", "2", ordinal=1)], basis=basis)
        assert owned.store.metadata(owned.uid, ordinal=1) == [item("a", "2", ordinal=1)]

    def test_keys_have_a_limit(self, owned: Owned) -> None:
        with pytest.raises(ValueError, match="characters"):
            owned.commit(metadata=[item("k" * (NAME_LIMIT + 1), "1")])

    def test_trials_are_found_by_name(self, owned: Owned) -> None:
        owned.run(1, 2, 3)
        names = frozenset({owned.trial(3).name, owned.trial(1).name, "another"})
        found = owned.store.trials(owned.uid, TrialFilter(names=names))
        assert [trial.ordinal for trial in found] == [1, 3]


class RemovalCases(StoreCases):
    """Trials that are removed: as if they had never been, but for their ordinals."""

    def test_a_removed_trial_leaves_nothing(self, owned: Owned) -> None:
        owned.run(1, 2)
        for ordinal in (1, 2):
            owned.append(ordinal, *points(0.5, 0.25))
            owned.commit(metadata=[item("a", "1", ordinal=ordinal)])
        name = owned.trial(1).name
        before = owned.again()
        owned.commit(removed=[1, 9])
        after = owned.again()
        assert after.revision == before.revision + 1
        assert [trial.ordinal for trial in owned.store.trials(owned.uid)] == [2]
        assert {stored.ordinal for stored in owned.store.observations(owned.uid)} == {2}
        assert [each.ordinal for each in owned.store.metadata(owned.uid)] == [2]
        assert (after.summary.created, after.summary.highest_ordinal) == (1, 2)
        assert owned.store.trials(owned.uid, TrialFilter(names=frozenset({name}))) == []
        assert owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.KILLED)])
        owned.commit(removed=[2])
        owned.run(3)
        assert [trial.ordinal for trial in owned.store.trials(owned.uid)] == [3]

    def test_the_best_of_those_that_are_left_is_the_best(self, owned: Owned) -> None:
        owned.run(1, 2, 3, 4)
        for ordinal, value in ((1, 0.5), (2, 0.25), (3, 0.25), (4, None)):
            owned.finish(ordinal, value)
        for removed, best in ((4, (2, 0.25)), (2, (3, 0.25)), (3, (1, 0.5)), (1, (None, None))):
            owned.commit(removed=[removed])
            summary = owned.again().summary
            assert (summary.best_ordinal, summary.best_value) == best

    def test_the_front_is_that_of_those_that_are_left(self, store: Store) -> None:
        owned = Owned(store, further_objectives=(make.objective(metric="size"),))
        owned.run(1, 2, 3)
        owned.finish(1, 1.0, 1.0)
        owned.finish(2, 2.0, 2.0)
        owned.finish(3, 0.5, 3.0)
        owned.commit(removed=[1])
        front = owned.again().summary.front
        assert [(each.ordinal, each.values) for each in front] == [(2, (2.0, 2.0)), (3, (0.5, 3.0))]

    def test_a_removal_is_decided_on_a_basis(self, owned: Owned) -> None:
        owned.run(1)
        basis = owned.store.view(owned.uid)
        owned.advise(2)
        with pytest.raises(Conflict):
            owned.store.commit(owned.lease, Changes(removed=[1], basis=basis), now=NOW)
        done = owned.store.commit(owned.lease, Changes(removed=[1], basis=owned.store.view(owned.uid)), now=NOW)
        assert done.view is None
        assert owned.store.trials(owned.uid) == []
