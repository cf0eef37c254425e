"""What every test may use: real database servers, started once; and one profile for hypothesis."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

pytest.register_assert_rewrite("katib.testing.algorithms", "katib.testing.runners", "katib.testing.stores")

from katib.suggestion.process import ONE_THREAD  # noqa: E402 - after assertions are made to explain themselves
from katib.testing import servers  # noqa: E402 - likewise
from katib.testing.strategies import load_profile  # noqa: E402 - likewise

# An installed katib has its bytecode; without it each process that a test starts would compile katib anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Algorithms in this process have what their workers have: threads that wait for each other were most of what they cost.
for _name, _one in ONE_THREAD.items():
    os.environ.setdefault(_name, _one)

# For every test: nothing here is timed, and a slow machine must not make an example a failure.
load_profile()


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
