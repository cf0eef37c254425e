"""Creating the tables, and upgrading those of every version that was ever released.

`test_store_schemas/NNNN.sql` is a store as the first katib with that schema left it, as SQLite's `.dump` writes it. A
released schema's file is never changed. A new schema gets one from this file, run as a script:

    python tests/integration/test_store_schema.py > tests/integration/test_store_schemas/NNNN.sql
"""

import math
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import make_url

from katib.core.metadata import MetadataItem
from katib.core.study import Budget
from katib.core.trial import Loan, Reason, TrialState
from katib.stores.contract import Changes, Event, Reply, Store, Token, Wish
from katib.stores.opening import open_store
from katib.stores.sql.dialects import connect
from katib.stores.sql.schema import RELEASED, VERSION_TABLE
from katib.stores.sql.tables import metadata
from katib.testing import builders as make
from katib.testing.servers import Server
from katib.testing.stores.base import EVERYTHING, NOW, Owned, move, points
from katib.testing.stores.sharing import at_once

DUMPS = Path(__file__).parent / "test_store_schemas"


def fill(store: Store, version: str = RELEASED[-1]) -> None:
    """Studies with a bit of everything that a schema of that version knows."""
    owned = Owned(store, document={"spec": {"ä": [1, 2.5, None]}}, effective={"spec": {}}, run_dir="/runs/digits")
    owned.run(1, 2)
    owned.advise(3)
    owned.append(1, *points(0.5, 0.25, float("nan")))
    owned.append(2, *points(0.75, steps=True))
    done = move(1, TrialState.RUNNING, TrialState.SUCCEEDED, reason=Reason.SUCCEEDED, value=0.25, ended_at=NOW)
    event = Event(time=NOW, kind="Normal", reason="Told", message="something", ordinal=1)
    owned.commit(transitions=[done], events=[event], condition=make.condition(), overrides={"a": "b"})
    if version >= "0003":
        several = Owned(store, name="several", further_objectives=(make.objective(maximize=True, metric="accuracy"),))
        several.run(1, 2, 3)
        several.finish(1, 0.5, -0.0)
        several.finish(2, 0.25, 1e308)
        several.finish(3, 0.125, 0.1)
    if version >= "0004":
        lent = Owned(store, name="lent")
        lent.advise(1, 2)
        for ordinal, until in ((1, NOW + 60), (2, math.inf)):
            seconds = {"seconds": 90.5} if version >= "0007" else {}
            loan = Loan(client="ü/1", until=until, **seconds)
            lent.commit(transitions=[move(ordinal, TrialState.ADVISED, TrialState.RUNNING, loan=loan)])
    if version >= "0005":
        noted = [
            MetadataItem(namespace=":a", key="k", value="ü"),
            MetadataItem(namespace="", key="k", value=b"\x00\xff", ordinal=1),
        ]
        owned.commit(metadata=noted)
    if version >= "0006":
        store.wish("lent", Wish(budget=Budget(max_seconds=60.5, max_stale=7)), now=NOW)
        store.add_token(Token(id="t", digest="d", role="trial", study_uid="u", ordinal=1, note="ü", created_at=NOW))
        store.keep_reply("key", Reply(digest="d", status=201, body="{}"), now=NOW)


def record(store: Store) -> list[object]:
    """Everything in a store."""
    return [
        (
            study,
            store.trials(study.uid, EVERYTHING),
            store.observations(study.uid),
            store.events(study.uid),
            store.metadata(study.uid),
        )
        for study in store.list_studies()
    ] + [store.tokens(), store.claim_reply("key", "d", now=NOW, until=NOW)]


def load(version: str, file: Path) -> None:
    """Make a store as the first katib with that schema left it."""
    old = sqlite3.connect(file)
    old.executescript((DUMPS / f"{version}.sql").read_text())
    old.close()


def test_every_released_schema_has_a_dump() -> None:
    assert [file.stem for file in sorted(DUMPS.glob("*.sql"))] == list(RELEASED)


@pytest.mark.parametrize("version", RELEASED)
def test_a_store_of_any_release_is_upgraded_and_used(version: str, tmp_path: Path) -> None:
    load(version, tmp_path / "old.db")
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        assert old.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(version,)]
    store, new = open_store(tmp_path / "old.db"), open_store(tmp_path / "new.db")
    fill(new, version)
    assert repr(record(store)) == repr(record(new))
    lease = store.acquire("digits", "me", now=NOW, seconds=60)
    changes = Changes(transitions=[move(2, TrialState.RUNNING, TrialState.SUCCEEDED, value=0.125)])
    assert store.commit(lease, changes, now=NOW).study.summary.best_ordinal == 2
    store.close()
    new.close()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be made that was none before."""
    if request.param == "sqlite":
        yield str(tmp_path / "katib.db")
        return
    server: Server = request.getfixturevalue(request.param)
    store = open_store(server.url)
    run_on(server.url, "CREATE DATABASE fresh")
    yield server.url.replace("/postgres?", "/fresh?").replace("/katib?", "/fresh?")
    store.close()
    run_on(server.url, "DROP DATABASE fresh")


def engine_url(location: str) -> str:
    """What SQLAlchemy calls the place of a store."""
    drivers = {"postgresql:": "postgresql+psycopg:", "mariadb:": "mysql+pymysql:"}
    scheme = location.partition("//")[0]
    return location.replace(scheme, drivers[scheme], 1) if scheme in drivers else f"sqlite:///{location}"


def run_on(location: str, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    engine = connect(make_url(engine_url(location)), patience=5)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def test_tables_and_migrations_agree(fresh: str, tmp_path: Path) -> None:
    if not fresh.startswith(("postgresql:", "mariadb:")):
        # A new file takes no migrations.
        load(RELEASED[0], tmp_path / "katib.db")
    open_store(fresh).close()
    engine = connect(make_url(engine_url(fresh)), patience=5)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_many_may_create_a_store_at_once(fresh: str) -> None:
    stores = at_once(*[lambda: open_store(fresh)] * 6)
    fill(stores[0])  # type: ignore[arg-type]
    for store in stores:
        assert len(store.list_studies()) == 3  # type: ignore[attr-defined]
        store.close()  # type: ignore[attr-defined]


def test_a_new_file_has_the_version_table_that_alembic_makes(tmp_path: Path) -> None:
    load(RELEASED[-1], tmp_path / "old.db")
    open_store(tmp_path / "new.db").close()
    question = "SELECT sql FROM sqlite_master WHERE name = ?"
    made = []
    for name in ("old.db", "new.db"):
        with closing(sqlite3.connect(tmp_path / name)) as file:
            made += file.execute(question, [VERSION_TABLE]).fetchone()
    assert made[0].split() == made[1].split()


def test_neither_a_new_file_nor_one_that_is_up_to_date_loads_alembic(tmp_path: Path) -> None:
    script = "import sys; from katib.stores.opening import open_store; open_store(sys.argv[1]); print('alembic' in sys.modules)"
    command = [sys.executable, "-c", script, tmp_path / "katib.db"]
    for _ in range(2):
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"


KILLED = """
import os, sys
from alembic.operations import Operations
from katib.stores.opening import open_store
from katib.stores.sql.tables import events
from sqlalchemy import event
die = lambda *_, **__: os._exit(9)
Operations.add_column = die
event.listen(events, "after_create", die)
open_store(sys.argv[1])
"""


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_one_that_is_killed_over_it_leaves_nothing(old: bool, tmp_path: Path) -> None:
    """All tables or steps and the version are one transaction: half a schema is never seen."""
    file = tmp_path / "katib.db"
    if old:
        load("0001", file)
    assert subprocess.run([sys.executable, "-c", KILLED, file], check=False).returncode == 9
    store = open_store(file)
    Owned(store, name="another").run(1, 2)
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "katib.db"
        filled = open_store(place)
        fill(filled)
        filled.close()
        made = sqlite3.connect(place)
        print("\n".join(made.iterdump()))
        made.close()
