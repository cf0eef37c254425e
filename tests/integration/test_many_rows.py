"""Reports without end (T11): every row arrives once, and what serving them takes does not grow with them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from katib.server.http.app import create_app
from katib.service.desk import Desk
from katib.stores.contract import Store
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.testing.http import client_of
from katib.testing.servers import Server
from katib.testing.stores import emptied

STUDY: dict[str, Any] = {
    "name": "rows",
    "spec": {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parameters": {"x": "float:0:1"},
    },
}
TRIALS = 10
BATCH = 500
FOUR_MB = 4 * 2**20


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    server: Server | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    opened = emptied(open_store(server.url if server else str(tmp_path / "katib.db")))
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    suggestions = open_suggestions()
    try:
        with client_of(create_app(Desk(store, suggestions))) as client:
            assert client.post("/api/v1/studies", json=STUDY).status_code == 201
            asked = {"client": "a", "count": TRIALS}
            assert len(client.post("/api/v1/studies/rows/suggest", json=asked).json()["trials"]) == TRIALS
            yield client
    finally:
        suggestions.close()


def report(client: httpx.Client, trial: int, steps: range, metric: str = "loss") -> int:
    told = [{"step": step, "metrics": {metric: step % 7}} for step in steps]
    answer = client.post(f"/api/v1/studies/rows/trials/{trial}/measurements", json={"measurements": told})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["stored"])


def files() -> int:
    """Connections among them."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
@pytest.mark.parametrize(
    "rows", [10_000, pytest.param(1_000_000, marks=[pytest.mark.large, pytest.mark.timeout(1800)])]
)
def test_every_row_arrives_once_and_nothing_piles_up(client: httpx.Client, store: Store, rows: int) -> None:
    batches = [(number % TRIALS + 1, number // TRIALS * BATCH) for number in range(rows // BATCH)]
    stored, began = 0, (0, 0.0)
    for number, (trial, first) in enumerate(batches):
        stored += report(client, trial, range(first, first + BATCH))
        if number == len(batches) // 2:
            began = (files(), megabytes())
    assert stored == rows
    assert files() <= began[0] + 2, "connections stay open"
    assert megabytes() <= began[1] + 50, "memory grows with the rows"
    trial, first = batches[-1]
    assert report(client, trial, range(first, first + BATCH)) == 0, "sent twice is stored once"
    uid = store.get_study("rows").uid
    assert len(store.observations(uid, ordinal=trial)) == rows // TRIALS


def test_more_than_four_megabytes_at_a_time(client: httpx.Client) -> None:
    metric = "m" * 255
    assert report(client, 1, range(FOUR_MB // len(metric)), metric) == FOUR_MB // len(metric)
