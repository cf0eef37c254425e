"""What differs between databases, beyond the SQL that SQLAlchemy writes."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from katib.errors import StoreError
from katib.stores.sql import faults

MIGRATION_LOCK = 0x6B617469
"""A number for PostgreSQL's advisory lock: the letters "kati"."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One kind of database.

    Attributes:
        begin_read, begin_write: what begins a transaction. Reading must see one state; writing must not find out at its
            first write that another transaction was faster.
        fault: the driver's error as one of katib's; the text is what messages call the database.
        wants_retry: whether the database asks for the transaction to be run again.
        lacks_table: whether the error says that a table is missing.
        lock, unlock: what keeps two processes from migrating at once, in a transaction where the database has DDL in
            transactions.
        one_writer: whether a second writer must poll, so that threads had better queue up.
        made_from_tables: whether new tables are made as `tables` says; else all migrations are run, which know more
            (the collation of MySQL).
        own_file: whether a database is a file that one program keeps, and no place for several.
    """

    name: str
    begin_read: Sequence[str]
    begin_write: Sequence[str]
    fault: Callable[[Exception, str], StoreError]
    wants_retry: Callable[[Exception], bool]
    lacks_table: Callable[[Exception], bool]
    lock: Callable[[Connection], Any]
    unlock: Callable[[Connection], Any] = lambda _connection: None
    one_writer: bool = False
    made_from_tables: bool = False
    own_file: bool = False


SQLITE = Dialect(
    name="sqlite",
    begin_read=("BEGIN",),
    # A transaction that reads first and writes later fails at once when another one wrote in between.
    begin_write=("BEGIN IMMEDIATE",),
    fault=faults.sqlite,
    wants_retry=lambda _error: False,
    lacks_table=lambda error: "no such table" in str(error),
    lock=lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"),
    one_writer=True,
    made_from_tables=True,
    own_file=True,
)

POSTGRESQL = Dialect(
    name="postgresql",
    begin_read=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",),
    begin_write=(),
    fault=faults.postgresql,
    wants_retry=lambda error: getattr(error, "sqlstate", None) in ("40001", "40P01", "23505"),
    lacks_table=lambda error: getattr(error, "sqlstate", None) == "42P01",
    lock=lambda connection: connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")),
)

MYSQL = Dialect(
    name="mysql",
    begin_read=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION READ ONLY"),
    begin_write=("START TRANSACTION",),
    fault=faults.mysql,
    wants_retry=lambda error: faults.mysql_code(error) in (1213, 1062),
    lacks_table=lambda error: faults.mysql_code(error) == 1146,
    # Its DDL ends transactions, so the lock belongs to the connection. Locks are the server's: the name says whose.
    lock=lambda connection: connection.execute(text("SELECT GET_LOCK(LEFT(CONCAT('katib ', DATABASE()), 64), 60)")),
    unlock=lambda connection: connection.execute(text("SELECT RELEASE_LOCK(LEFT(CONCAT('katib ', DATABASE()), 64))")),
)

BY_NAME = {dialect.name: dialect for dialect in (SQLITE, POSTGRESQL, MYSQL)}


def connect(url: URL, *, patience: float) -> Engine:
    """Connections to `url`, none opened yet.

    Args:
        patience: seconds to wait for another writer (SQLite), and for the server to answer at all.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, patience)
    if url.get_backend_name() == "postgresql":
        seconds = {"connect_timeout": max(int(patience), 2)}
        return create_engine(url, connect_args=seconds, **_SERVER)
    return _mysql(url, patience)


# Asking first whether a connection still lives costs a round trip and spares the first user after a server's restart.
# "format" gives parameters by position, as everywhere.
_SERVER: dict[str, Any] = {
    "paramstyle": "format",
    "pool_pre_ping": True,
    "pool_reset_on_return": None,
    "pool_recycle": 3600,
}


@contextmanager
def _closed_on_error(connection: Any) -> Iterator[None]:
    """Close a new connection that cannot be set up: SQLAlchemy forgets it."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _mysql(url: URL, patience: float) -> Engine:
    arguments = {"connect_timeout": max(int(patience), 2), "charset": "utf8mb4"}
    engine = create_engine(url, connect_args=arguments, **_SERVER)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        with _closed_on_error(connection), connection.cursor() as cursor:
            # A server may be set to cut long texts silently.
            cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
            # Its default locks gaps between keys, over which two writers of different trials would deadlock.
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    return engine


def _sqlite(url: URL, patience: float) -> Engine:
    # isolation_level None: the driver begins no transactions of its own; `begin_read` and `begin_write` do.
    arguments = {"timeout": patience, "isolation_level": None, "check_same_thread": False}
    to_read = _in_a_closed_folder(Path(url.database or ""))
    engine = create_engine(_reading(url) if to_read else url, connect_args=arguments, pool_reset_on_return=None)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        if to_read:
            return
        with _closed_on_error(connection):
            connection.execute("PRAGMA foreign_keys = ON")
            # With a write-ahead log, NORMAL survives the end of any process; only a power cut costs the last commits.
            connection.execute("PRAGMA synchronous = NORMAL")
            _write_ahead(connection, patience)

    return engine


def _in_a_closed_folder(file: Path) -> bool:
    """Whether the file is there, and nothing can be made beside it: another user's store, or a read-only mount."""
    return file.exists() and not os.access(file.parent, os.W_OK, effective_ids=True)


def _reading(url: URL) -> URL:
    """The same file to be read only. Beside it SQLite would make its log; it can do without while there is no log, for
    then nobody has the store open (https://sqlite.org/wal.html, "Read-Only Databases").
    """
    file = Path(url.database or "")
    log = file.with_name(f"{file.name}-wal")
    still = not log.exists() or log.stat().st_size == 0
    options = "immutable=1" if still else "mode=ro"
    return url.set(database=f"file:{quote(str(file))}?{options}", query={"uri": "true"})


def _write_ahead(connection: Any, patience: float) -> None:
    """Switch to a write-ahead log, unless the file has one: readers and the writer then do not wait for each other.

    SQLite does not wait its busy timeout for this switch when two processes create the file at the same time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except connection.OperationalError as error:
            if not faults.sqlite_is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return
