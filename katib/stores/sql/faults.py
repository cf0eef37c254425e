"""A driver's error as one of katib's. Passwords are in neither: places are masked, and drivers do not repeat them."""

import os
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from katib.errors import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreRefused,
    StoreUnavailable,
    cut,
)

_WORDS: Mapping[type[StoreError], tuple[str, str]] = {
    StoreUnavailable: ("cannot be reached, or is too busy", "check that it runs and try again"),
    StoreFull: ("has no space left", "free some space there, then go on: nothing was half-written"),
    StoreReadOnly: ("cannot be written", "check the permissions of the file, its folder and its mount, or the server"),
    StoreRefused: ("answered, and refused", "check user, password, database name and permissions in its URL"),
    StoreDamaged: ("is damaged, or is not a database of katib", "restore a copy, or give another place with --db"),
    StoreError: ("could not do what was asked", "this is unexpected; please report it with this message"),
}
"""What a class says, and what to do next."""


def _fault(kind: type[StoreError], place: str, error: Exception) -> StoreError:
    said, hint = _WORDS[kind]
    return kind(f"the store at {place} {said}: {cut(' '.join(str(error).split()), 500)}", hint=hint)


# --- SQLite: https://sqlite.org/rescode.html

_SQLITE: Mapping[int, type[StoreError]] = {
    sqlite3.SQLITE_BUSY: StoreUnavailable,
    sqlite3.SQLITE_LOCKED: StoreUnavailable,
    sqlite3.SQLITE_PROTOCOL: StoreUnavailable,
    sqlite3.SQLITE_NOMEM: StoreUnavailable,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_READONLY: StoreReadOnly,
    sqlite3.SQLITE_PERM: StoreRefused,
    sqlite3.SQLITE_AUTH: StoreRefused,
    sqlite3.SQLITE_CORRUPT: StoreDamaged,
    sqlite3.SQLITE_NOTADB: StoreDamaged,
}

TIGHT = 1 << 16
"""Bytes free below which trouble with a file is taken for a full disk: the index of SQLite's log takes half of that."""


def sqlite(error: Exception, place: str) -> StoreError:
    """An error of the sqlite3 module; `place` is the file."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_CANTOPEN:
        return _fault(_cannot_open(Path(place)), place, error)
    if primary == sqlite3.SQLITE_IOERR:
        full = shutil.disk_usage(Path(place).parent).free < TIGHT
        return _fault(StoreFull if full else StoreUnavailable, place, error)
    if primary == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return _fault(StoreDamaged, place, error)
    return _fault(_SQLITE.get(primary or -1, StoreError), place, error)


def sqlite_is_busy(error: Exception) -> bool:
    """Whether another connection holds the lock."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _cannot_open(file: Path) -> type[StoreError]:
    """Why SQLite cannot open a file, or the log beside it: it does not say."""
    if file.exists() and not os.access(file, os.R_OK, effective_ids=True):
        return StoreRefused
    writable = os.access(file.parent, os.W_OK, effective_ids=True)
    return StoreFull if writable and shutil.disk_usage(file.parent).free < TIGHT else StoreReadOnly


# --- PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html

_POSTGRESQL: Mapping[str, type[StoreError]] = {
    "08": StoreUnavailable,
    "28": StoreRefused,
    "3D": StoreRefused,
    "3F": StoreRefused,
    "42501": StoreRefused,
    "42P01": StoreDamaged,
    "40": StoreUnavailable,
    "53": StoreUnavailable,
    "53100": StoreFull,
    "55": StoreUnavailable,
    "57": StoreUnavailable,
    "58": StoreUnavailable,
    "25006": StoreReadOnly,
    "XX001": StoreDamaged,
    "XX002": StoreDamaged,
}
"""By code, else by class of codes."""

_NOT_NOW = ("starting up", "shutting down", "recovery mode", "too many", "connection slots")


def postgresql(error: Exception, place: str) -> StoreError:
    """An error of psycopg."""
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _fault(_POSTGRESQL.get(state, _POSTGRESQL.get(state[:2], StoreError)), place, error)
    # Errors of connecting have no code. FATAL is the server's own word; without it nobody answered.
    said = str(error)
    refused = "FATAL" in said and not any(words in said for words in _NOT_NOW)
    return _fault(StoreRefused if refused else StoreUnavailable, place, error)


# --- MySQL, MariaDB: https://mariadb.com/kb/en/mariadb-error-code-reference/

_MYSQL: Mapping[type[StoreError], Collection[int]] = {
    StoreUnavailable: (1040, 1053, 1152, 1153, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927, 1969),
    StoreRefused: (1044, 1045, 1049, 1130, 1142, 1143, 1227, 1251, 1698, 1820),
    StoreFull: (3, 1021, 1026, 1114),
    StoreReadOnly: (1036, 1290, 1792, 1836),
    StoreDamaged: (126, 127, 144, 145, 1033, 1034, 1035, 1146, 1194, 1195, 1877),
}

_CLIENT_CODES = range(2000, 3000)
"""The client's own codes: no connection, or one that broke."""


def mysql(error: Exception, place: str) -> StoreError:
    """An error of PyMySQL."""
    code = mysql_code(error)
    if code in _CLIENT_CODES or type(error).__name__ == "InterfaceError":
        return _fault(StoreUnavailable, place, error)
    kind = next((kind for kind, codes in _MYSQL.items() if code in codes), StoreError)
    return _fault(kind, place, error)


def mysql_code(error: Exception) -> int:
    """The number of an error of PyMySQL; 0 when it has none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
