"""What every test may use: real database servers, started once."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

pytest.register_assert_rewrite("katib.testing.algorithms", "katib.testing.stores", "katib.testing.store_machine")

from katib.testing import servers  # noqa: E402 - after its assertions are made to explain themselves


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    """A PostgreSQL server."""
    yield from _serving(servers.postgresql)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[servers.Server]:
    """A MariaDB server."""
    yield from _serving(servers.mariadb)


def _serving(start: Callable[[], AbstractContextManager[servers.Server]]) -> Iterator[servers.Server]:
    try:
        with start() as server:
            yield server
    except servers.ServerMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
