"""From what a user gives with `--db` to an open store."""

import os
import shlex
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from katib.errors import Fault, InvalidInput
from katib.stores.sql.database import Database
from katib.stores.sql.dialects import BY_NAME, connect
from katib.stores.sql.placement import refuse_network_file_system
from katib.stores.sql.schema import bring_up_to_date
from katib.stores.sql.store import SqlStore

BUSY_SECONDS = 30.0
"""How long to wait for another writer: a commit takes a millisecond, so this is hundreds of processes' worth."""

_SERVERS = {
    "postgres": ("postgresql+psycopg", "psycopg", "postgres"),
    "postgresql": ("postgresql+psycopg", "psycopg", "postgres"),
    "mysql": ("mysql+pymysql", "pymysql", "mysql"),
    "mariadb": ("mysql+pymysql", "pymysql", "mysql"),
}
"""What a URL begins with -> SQLAlchemy's name with the driver, the driver's module, the extra that installs it."""

_WANTED = (
    "a file's path, sqlite:///PATH, postgresql://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE"
)


def open_store(location: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> SqlStore:
    """Open the store at a path or URL, and create or upgrade its tables where that is needed.

    Args:
        location: a file's path or `sqlite:///PATH` (relative; four slashes for an absolute one), or the URL of a
            database on a server: `postgresql://…`, `mysql://…`, `mariadb://…`.
        busy_seconds: how long to wait for another writer before StoreUnavailable.

    Raises:
        InvalidInput: the location cannot be understood, its folder does not exist, or the driver is not installed.
        StoreError: see `katib.stores.contract`.
    """
    url = _url(os.fspath(location))
    if url.get_backend_name() == "sqlite":
        _check_file(Path(url.database or ""))
    dialect = BY_NAME[url.get_backend_name()]
    database = Database(connect(url, patience=busy_seconds), dialect, place=_place(url), patience=busy_seconds)
    try:
        bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=str(Path(location).expanduser().absolute()))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        # The text is not repeated: a password may be anywhere in it.
        raise _refused("a URL that cannot be read", _WANTED, "percent-encode special characters in it") from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise _refused(location, "a file to keep the store in", f"give {_WANTED}")
        return URL.create("sqlite", database=str(Path(url.database or "").expanduser().absolute()))
    if kind not in _SERVERS:
        raise _refused(f"{url.drivername}://…", _WANTED, "katib keeps its store in one of these")
    driver, module, extra = _SERVERS[kind]
    if find_spec(module) is None:
        raise _refused(f"{kind}://…", f"the driver {module}", f"pip install 'katib-engine[{extra}]'")
    return url.set(drivername=driver)


def _check_file(file: Path) -> None:
    if not file.parent.is_dir():
        raise _refused(str(file), "a file in a folder that exists", f"mkdir -p {shlex.quote(str(file.parent))}")
    if file.is_dir():
        raise _refused(str(file), "a file, not a folder", f"for example {file / 'katib.db'}")
    if file.exists() and not file.is_file():
        raise _refused(str(file), "a regular file, not a device, pipe or socket", "for example ./katib.db")
    refuse_network_file_system(file)


def _place(url: URL) -> str:
    """What messages call the database. Options are left out with the password: they may hold one too."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}, drivername=url.get_backend_name()).render_as_string(hide_password=True)


def _refused(given: str, wanted: str, hint: str) -> InvalidInput:
    return InvalidInput([Fault(path="--db", given=given, wanted=f"wanted {wanted}", hint=hint)], what="the store")
