"""Creating and upgrading the tables, when a database is opened.

Usually there is nothing to do, and that costs one query. alembic is imported only where there are older tables, or
where only the migrations know how to make new ones: it would take a sixth of the time to a new store's first trial.
"""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from katib.errors import StoreRefused, StoreTooNew
from katib.stores.sql.database import Database
from katib.stores.sql.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "katib_schema"
"""Not alembic's own name, which another program's tables in the same database may use."""

RELEASED = tuple(sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py")))
"""Every version of the schema that there ever was, oldest first."""

# As alembic makes it.
_version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
_VERSION = select(_version.c.version_num)


def bring_up_to_date(database: Database) -> None:
    """Create or upgrade the tables. Several processes may do so at once.

    Raises StoreTooNew, and StoreRefused when tables of the same names belong to something else.
    """
    if _is_current(_read_version(database), database.place):
        return
    with database.translated(), database.engine.connect() as connection:
        database.dialect.lock(connection)
        try:
            # Another process may have done it while this one waited for the lock.
            version = _version_under(connection)
            if not _is_current(version, database.place):
                _lead_here(version, connection, database)
            connection.commit()
        finally:
            connection.rollback()
            database.dialect.unlock(connection)


def _read_version(database: Database) -> str | None:
    """The version of the tables that are there; None when there are none."""
    with database.translated():
        connection = database.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
            row = cursor.fetchone()
            return None if row is None else str(row[0])
        except Exception as error:
            if database.dialect.lacks_table(error):
                return None
            raise
        finally:
            connection.rollback()
            connection.close()


def _version_under(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(_VERSION).scalar()
    return None if version is None else str(version)


def _is_current(version: str | None, place: str) -> bool:
    if version is not None and version not in RELEASED:
        raise StoreTooNew(
            f"the store at {place} has schema {version}; this katib knows schemas up to {RELEASED[-1]}",
            hint="upgrade katib, or give another place with --db; nothing was changed",
        )
    return version == RELEASED[-1]


def _lead_here(version: str | None, connection: Connection, database: Database) -> None:
    if version is None:
        _refuse_foreign_tables(connection, database)
    if version is None and database.dialect.made_from_tables:
        _make(connection)
    else:
        _migrate(connection)


def _make(connection: Connection) -> None:
    """Create the tables as they are now, which is what all migrations together lead to."""
    metadata.create_all(connection)
    _version.create(connection)
    connection.execute(_version.insert(), {"version_num": RELEASED[-1]})


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_foreign_tables(connection: Connection, database: Database) -> None:
    """On a server other programs may have tables beside ours; a file with any tables is another program's."""
    there = set(inspect(connection).get_table_names())
    taken = sorted(there if database.dialect.own_file else there & set(metadata.tables))
    if taken:
        named = f"{', '.join(taken[:5])}{' and more' if len(taken) > 5 else ''}"
        raise StoreRefused(
            f"the database at {database.place} has tables that are not katib's: {named}",
            hint="nothing was changed; give katib a database of its own with --db or KATIB_DB",
        )
