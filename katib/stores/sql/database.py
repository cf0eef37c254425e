"""A database: one transaction at a time, and the one way to run a statement in it.

SQLAlchemy writes the SQL and keeps the connections. It does not run the statements: for a row or two, which is what a
commit of the controller is, its execution layer takes several times as long as SQLite itself. So a statement is
compiled once, to a text and the order of its parameters, and given to the driver as it is. Nothing needs converting on
the way, see `tables`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from katib.errors import StoreUnavailable
from katib.stores.sql.dialects import Dialect
from katib.stores.sql.rows import Parameters, Row
from katib.stores.sql.statements import Statement

Result = TypeVar("Result")

ATTEMPTS = 10
"""How often a transaction is tried when the database itself asks for that (a deadlock, two inserts of one key)."""

Prepared = tuple[str, Callable[[Parameters], Sequence[Any]]]
"""A statement's text, and what puts its parameters in order."""


class Work:
    """One transaction. Lives as long as `Database.read` or `write` runs it."""

    def __init__(self, cursor: Any, prepare: Callable[[Statement], Prepared]) -> None:
        self._cursor = cursor
        self._prepare = prepare

    def all(self, statement: Statement, **parameters: Any) -> list[Row]:
        """The rows that a query finds."""
        text, arrange = self._prepare(statement)
        self._cursor.execute(text, arrange(parameters))
        return list(self._cursor.fetchall())

    def one(self, statement: Statement, **parameters: Any) -> Row | None:
        """The row that a query finds, if any."""
        found = self.all(statement, **parameters)
        return found[0] if found else None

    def run(self, statement: Statement, *rows: Parameters) -> int:
        """Run a statement once for each of `rows`; how many rows of the table it found."""
        if not rows:
            return 0
        text, arrange = self._prepare(statement)
        if len(rows) == 1:
            self._cursor.execute(text, arrange(rows[0]))
        else:
            self._cursor.executemany(text, [arrange(row) for row in rows])
        return int(self._cursor.rowcount)

    def insert(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Insert rows that have every column, in the table's order: spares a dict for each where there are many."""
        if rows:
            self._cursor.executemany(self._prepare(statement)[0], rows)


class Database:
    """Runs transactions and translates what goes wrong in them.

    Args:
        engine: connections whose driver is left to itself between transactions.
        place: what messages call the database; no password in it.
        patience: seconds to wait for another writer.
    """

    def __init__(self, engine: Engine, dialect: Dialect, *, place: str, patience: float) -> None:
        self.engine = engine
        self.dialect = dialect
        self.place = place
        self.patience = patience
        self._error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._prepared: dict[Statement, Prepared] = {}
        self._writer = threading.Lock()
        self._held: Any = None

    def read(self, job: Callable[[Work], Result]) -> Result:
        """Run `job` in a transaction that sees one state of the database."""
        return self._tried(lambda: self._transaction(self.dialect.begin_read, job))

    def write(self, job: Callable[[Work], Result]) -> Result:
        """Run `job` in a transaction that may write. It may be run again from the start."""
        with self._one_writer():
            return self._tried(lambda: self._transaction(self.dialect.begin_write, job, hold=self.dialect.one_writer))

    def close(self) -> None:
        """Close the connections."""
        if self._held is not None:
            self._held.close()
            self._held = None
        self.engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what the driver raises into errors of katib."""
        try:
            yield
        except self._error as error:
            raise self.dialect.fault(error, self.place) from error
        except DBAPIError as error:
            cause = error.orig if isinstance(error.orig, Exception) else error
            raise self.dialect.fault(cause, self.place) from cause
        except PoolTimeout as error:
            raise StoreUnavailable(f"{self.place}: too many threads use it at once", hint="try again") from error

    def _tried(self, transaction: Callable[[], Result]) -> Result:
        for attempt in range(1, ATTEMPTS + 1):
            with self.translated():
                try:
                    return transaction()
                except self._error as error:
                    if attempt == ATTEMPTS or not self.dialect.wants_retry(error):
                        raise
        raise AssertionError("the last attempt returns or raises")

    def _transaction(self, begin: Sequence[str], job: Callable[[Work], Result], *, hold: bool = False) -> Result:
        """One transaction. With `hold`, on a connection that the only writer keeps: getting one from the pool and
        putting it back takes as long as the rest of a small transaction.
        """
        connection = (self._held if hold else None) or self.engine.raw_connection()
        kept = False
        try:
            cursor = connection.cursor()
            try:
                for statement in begin:
                    cursor.execute(statement)
                result = job(Work(cursor, self._prepare))
                connection.commit()
                kept = hold
            except BaseException:
                _roll_back(connection)
                raise
            finally:
                cursor.close()
            return result
        finally:
            if hold:
                self._held = connection if kept else None
            if not kept:
                connection.close()

    def _prepare(self, statement: Statement) -> Prepared:
        prepared = self._prepared.get(statement)
        if prepared is None:
            compiled = statement.compile(dialect=self.engine.dialect)
            names = compiled.positiontup or []
            # SQLAlchemy adds a few of its own (SQLite's LIMIT brings an OFFSET); they come with their values.
            constants = {name: compiled.params[name] for name in names if compiled.params[name] is not None}
            prepared = self._prepared[statement] = (str(compiled), _arrange(names, constants))
        return prepared

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Let this process's threads queue up where the database would have them poll."""
        if not self.dialect.one_writer:
            yield
        elif self._writer.acquire(timeout=self.patience):
            try:
                yield
            finally:
                self._writer.release()
        else:
            raise StoreUnavailable(f"{self.place}: another thread wrote for longer than {self.patience:g} s")


def _arrange(names: Sequence[str], constants: Parameters) -> Callable[[Parameters], Sequence[Any]]:
    """What picks `names` from parameters, in order. itemgetter is C, and answers with a tuple from two names on."""
    if constants:
        return lambda parameters: [constants[name] if name in constants else parameters[name] for name in names]
    if len(names) > 1:
        return itemgetter(*names)
    return lambda parameters: [parameters[name] for name in names]


def _roll_back(connection: Any) -> None:
    """End a failed transaction; a connection that cannot even do that is thrown away."""
    try:
        connection.rollback()
    except Exception:
        connection.invalidate()
