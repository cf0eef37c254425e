"""Requests with a key whose server is at work on them, or gone."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from katib.server.http import idempotency
from katib.server.http.app import create_app
from katib.service.desk import Desk
from katib.stores.contract import Reply, Store
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.suggestion.contract import SuggestionService
from katib.testing.http import client_of

STUDY = {
    "name": "kept",
    "spec": {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parameters": {"x": "float:0:1"},
    },
}
KEY = {"Idempotency-Key": "one"}


@pytest.fixture(scope="module")
def suggestions() -> Iterator[SuggestionService]:
    service = open_suggestions()
    yield service
    service.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "katib.db"))
    yield opened
    opened.close()


class SlowToCreate:
    """A store that creates a study only after its server has said that it is at work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def hold_reply(self, key: str, *, until: float) -> None:
        self._store.hold_reply(key, until=until)
        self.held.set()

    def create_study(self, *args: Any, **more: Any) -> Any:
        assert self.held.wait(60), "nothing was said"
        return self._store.create_study(*args, **more)


def test_a_server_says_that_it_is_still_at_work(
    store: Store, suggestions: SuggestionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "CLAIM_SECONDS", 0.02)
    slow = SlowToCreate(store)
    with client_of(create_app(Desk(cast(Store, slow), suggestions))) as client:
        assert client.post("/api/v1/studies", json=STUDY, headers=KEY).status_code == 201


class KilledAtOnce:
    """A store whose server is gone before anything is done: it takes no claim back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create_study(self, *_args: Any, **_more: Any) -> Any:
        raise RuntimeError("killed")

    def drop_reply(self, _key: str) -> None:
        pass


def test_a_request_whose_server_was_killed_before_it_did_anything_is_done_by_another_one_soon(
    store: Store, suggestions: SuggestionService
) -> None:
    clock = [1_000_000.0]
    killed = cast(Store, KilledAtOnce(store))
    # On connections of their own: a server that breaks off closes them.
    headers = {**KEY, "Connection": "close"}
    with (
        client_of(create_app(Desk(killed, suggestions, now=lambda: clock[0]))) as dying,
        client_of(create_app(Desk(store, suggestions, now=lambda: clock[0]))) as other,
    ):
        assert dying.post("/api/v1/studies", json=STUDY, headers=headers).status_code == 500
        busy = other.post("/api/v1/studies", json=STUDY, headers=headers)
        assert (busy.status_code, busy.headers["retry-after"]) == (409, "1")
        clock[0] += idempotency.CLAIM_SECONDS
        assert other.post("/api/v1/studies", json=STUDY, headers=headers).status_code == 201
    assert isinstance(store.claim_reply('["", "one"]', "", now=clock[0], until=clock[0]), Reply)
