"""What a server keeps beside studies: answers to requests that carry a key, and tokens."""

import uuid
from collections.abc import Callable

import pytest

from katib.errors import AlreadyExists, NotFound, StoreUnavailable
from katib.stores.contract import REPLIES_KEPT, Changes, Event, Receipt, Reply, Store, Token
from katib.testing.stores.base import NOW, Owned, StoreCases

ANSWER = Reply(digest="abc", status=201, body='{"name":"\\ud800"}')


class DeskCases(StoreCases):
    """Replies and tokens."""

    @pytest.fixture
    def key(self) -> str:
        """One that no test used: what a store keeps for a day is not cleared between tests."""
        return uuid.uuid4().hex

    def test_a_request_is_answered_once(self, store: Store, key: str) -> None:
        assert store.claim_reply(key, "abc", now=NOW, until=NOW + 60) is None
        assert store.claim_reply(key, "abc", now=NOW + 59, until=NOW + 119) == Reply(digest="abc")
        store.keep_reply(key, ANSWER, now=NOW + 1)
        assert store.claim_reply(key, "xyz", now=NOW + 100, until=NOW + 160) == ANSWER
        assert store.claim_reply(key.upper(), "abc", now=NOW, until=NOW + 60) is None, "another key"

    def test_a_claim_that_is_dropped_or_too_old_may_be_made_again(self, store: Store, key: str) -> None:
        assert store.claim_reply(key, "abc", now=NOW, until=NOW + 60) is None
        store.drop_reply(key)
        assert store.claim_reply(key, "xyz", now=NOW, until=NOW + 60) is None
        assert store.claim_reply(key, "abc", now=NOW + 60, until=NOW + 120) is None

    def test_a_claim_is_held_for_longer(self, store: Store, key: str) -> None:
        store.hold_reply(key, until=NOW + 60)
        assert store.claim_reply(key, "abc", now=NOW, until=NOW + 10) is None, "nothing is held that was not claimed"
        store.hold_reply(key, until=NOW + 60)
        assert store.claim_reply(key, "abc", now=NOW + 59, until=NOW + 69) == Reply(digest="abc")
        store.keep_reply(key, ANSWER, now=NOW)
        store.hold_reply(key, until=NOW + 2 * REPLIES_KEPT)
        assert store.claim_reply(key, "abc", now=NOW + REPLIES_KEPT + 1, until=NOW + 2 * REPLIES_KEPT) is None

    def test_what_was_done_is_known_though_it_was_not_answered(self, owned: Owned, key: str) -> None:
        """The receipt is written with the changes, or neither is."""
        store, lease = owned.store, owned.lease
        store.claim_reply(key, "abc", now=NOW, until=NOW + 60)
        event = Event(time=NOW, kind="Normal", reason="Done", message="once")
        done = Changes(events=[event], receipt=Receipt(key=key, text="[1]"))
        store.commit(lease, done, now=NOW)
        with pytest.raises(StoreUnavailable, match="another server has done"):
            store.commit(lease, done, now=NOW)
        store.drop_reply(key)
        known = Reply(digest="abc", body="[1]")
        assert store.claim_reply(key, "abc", now=NOW + 100, until=NOW + 160) == known, "for good, not for a minute"
        store.keep_reply(key, ANSWER, now=NOW + 100)
        assert store.claim_reply(key, "abc", now=NOW + 100, until=NOW + 160) == ANSWER
        with pytest.raises(StoreUnavailable):
            store.commit(lease, Changes(events=[event], receipt=Receipt(key="never claimed", text="[1]")), now=NOW)
        assert store.events(lease.uid) == [event]

    def test_replies_are_forgotten_after_a_day(self, store: Store, key: str) -> None:
        store.claim_reply(key, "abc", now=NOW, until=NOW + 60)
        store.keep_reply(key, ANSWER, now=NOW)
        assert store.claim_reply(key, "abc", now=NOW + REPLIES_KEPT, until=NOW + REPLIES_KEPT + 1) == ANSWER
        assert store.claim_reply(key, "abc", now=NOW + REPLIES_KEPT + 1, until=NOW + 2 * REPLIES_KEPT) is None

    def test_replies_and_tokens_outlive_the_handle(self, open_again: Callable[[], Store], key: str) -> None:
        store = open_again()
        store.claim_reply(key, "abc", now=NOW, until=NOW + 60)
        store.keep_reply(key, ANSWER, now=NOW)
        store.add_token(Token(id="t", digest="d", role="user"))
        other = open_again()
        assert other.claim_reply(key, "abc", now=NOW, until=NOW + 60) == ANSWER
        assert other.token("t").digest == "d"
        other.delete_token("t")

    def test_tokens(self, store: Store) -> None:
        first = Token(id="b", digest="d", role="trial", study_uid="u", ordinal=7, note="\u00e4", created_at=NOW)
        second = Token(id="a", digest="e", role="admin", created_at=NOW + 1)
        store.add_token(second)
        store.add_token(first)
        assert store.tokens() == [first, second]
        with pytest.raises(AlreadyExists):
            store.add_token(first)
        store.delete_token("b")
        with pytest.raises(NotFound):
            store.token("b")
        with pytest.raises(NotFound):
            store.delete_token("b")
        assert store.tokens() == [second]
        store.delete_token("a")
