"""Every store against its contract."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from katib.stores.contract import Store
from katib.stores.memory import MemoryStore
from katib.stores.opening import open_store
from katib.testing.servers import Server
from katib.testing.stores import StoreAbilities, StoreMachine, StoreSuite, emptied


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores") / "katib.db"


def opener(location: str) -> Iterator[Callable[[], Store]]:
    """What opens the store at `location`, after everything in it is deleted: cheaper than a new one for every test."""
    opened = [emptied(open_store(location))]
    ready = [*opened]

    def open_again() -> Store:
        if ready:
            return ready.pop()
        opened.append(open_store(location))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


class TestMemoryStore(StoreSuite):
    __test__ = True
    abilities = StoreAbilities(shared_between_handles=False)

    @pytest.fixture
    def open_again(self) -> Callable[[], Store]:
        store = MemoryStore()
        return lambda: store


class TestSqliteStore(StoreSuite):
    __test__ = True
    abilities = StoreAbilities(shared_between_handles=True)

    @pytest.fixture
    def open_again(self, sqlite_file: Path) -> Iterator[Callable[[], Store]]:
        yield from opener(str(sqlite_file))


class TestPostgresqlStore(StoreSuite):
    __test__ = True
    abilities = StoreAbilities(shared_between_handles=True)

    @pytest.fixture
    def open_again(self, postgresql: Server) -> Iterator[Callable[[], Store]]:
        yield from opener(postgresql.url)


class TestMariadbStore(StoreSuite):
    __test__ = True
    abilities = StoreAbilities(shared_between_handles=True)

    @pytest.fixture
    def open_again(self, mariadb: Server) -> Iterator[Callable[[], Store]]:
        yield from opener(mariadb.url)


def hold_against_the_model(location: str, *, runs: int) -> None:
    for open_again in opener(location):
        machine = type("Machine", (StoreMachine,), {"store": open_again()})
        run_state_machine_as_test(
            machine, settings=settings(max_examples=runs, stateful_step_count=20, deadline=None, derandomize=True)
        )


@pytest.mark.slow
def test_sqlite_does_what_the_memory_does(sqlite_file: Path) -> None:
    hold_against_the_model(str(sqlite_file), runs=60)


@pytest.mark.slow
def test_postgresql_does_what_the_memory_does(postgresql: Server) -> None:
    hold_against_the_model(postgresql.url, runs=10)


@pytest.mark.slow
def test_mariadb_does_what_the_memory_does(mariadb: Server) -> None:
    hold_against_the_model(mariadb.url, runs=10)
