"""What goes wrong with a store is said in words that name the fault, each fault in words of its own."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from katib.core.trial import TrialState
from katib.errors import (
    InvalidInput,
    KatibError,
    StoreDamaged,
    StoreMisplaced,
    StoreReadOnly,
    StoreRefused,
    StoreTooNew,
    StoreUnavailable,
)
from katib.stores.contract import Event, TrialPoints
from katib.stores.opening import open_store
from katib.stores.sql.placement import refuse_network_file_system
from katib.stores.sql.schema import RELEASED
from katib.stores.sql.tables import metadata
from katib.testing import builders as make
from katib.testing import servers
from katib.testing.servers import PASSWORD, Server
from katib.testing.stores.base import NOW, Owned, move, new_study, points
from katib.testing.stores.sharing import at_once

NOBODY = 65534


def said(error: BaseException | None) -> str:
    """Everything that a log would show of an error."""
    parts = []
    while error is not None:
        parts.append(f"{error!r} {error}")
        error = error.__cause__
    return "\n".join(parts)


# --- What users give


@pytest.mark.parametrize(
    ("location", "wanted"),
    [
        ("/no/such/folder/katib.db", "mkdir -p /no/such/folder"),
        ("{tmp}", "not a folder"),
        ("sqlite://", "a file"),
        ("sqlite:///:memory:", "a file"),
        ("oracle://me:hidden@host/db", "postgresql://"),
        ("postgresql://me:hidden@host:port/db", "cannot be read"),
    ],
)
def test_a_location_that_cannot_be_is_refused_with_what_can(location: str, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=wanted) as caught:
        open_store(location.format(tmp=tmp_path))
    assert "hidden" not in said(caught.value)


@pytest.mark.parametrize(("scheme", "extra"), [("postgres", "postgres"), ("mariadb", "mysql")])
def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch, scheme: str, extra: str) -> None:
    monkeypatch.setattr("katib.stores.opening.find_spec", lambda name: None)
    assert util.find_spec("psycopg") is not None
    with pytest.raises(InvalidInput, match=rf"katib-engine\[{extra}\]"):
        open_store(f"{scheme}://me:hidden@host/db")


def test_a_file_is_named_by_path_or_url(tmp_path: Path) -> None:
    file = tmp_path / "a b%20.db"
    for location in (file, str(file), f"sqlite:///{quote(str(file))}"):
        open_store(location).close()
    assert file.exists()
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {file.name}


# --- SQLite


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("to do: buy milk\n" * 1000)
    with pytest.raises(StoreDamaged, match=r"notes\.txt.*not a database"):
        open_store(file)
    assert file.read_text().startswith("to do: buy milk")


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    file = tmp_path / "katib.db"
    store = open_store(file)
    Owned(store).advise(*range(1, 500))
    store.close()
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xff" * (file.stat().st_size - 4096))
    with pytest.raises(StoreDamaged, match="restore a copy"):
        open_store(file).list_studies()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "katib.db"
    open_store(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE katib_schema SET version_num = '9999'")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreTooNew, match=r"9999.*upgrade katib"):
        open_store(file)
    assert file.read_bytes() == before


def test_another_programs_tables_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "optuna.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE trials (trial_id INTEGER)")
    connection.close()
    with pytest.raises(StoreRefused, match=r"trials.*own"):
        open_store(file)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("trials",)]
    connection.close()


def test_a_store_that_stays_locked_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "katib.db"
    store = open_store(file, busy_seconds=0.05)
    store.create_study(new_study(), now=NOW)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked") as caught:
        store.acquire("digits", "me", now=NOW, seconds=1)
    assert caught.value.retriable
    assert store.get_study("digits").term == 0, "reading does not wait for a writer"
    other.execute("COMMIT")
    other.close()
    assert store.acquire("digits", "me", now=NOW, seconds=1).term == 1
    store.close()


def test_many_threads_do_not_wait_forever(tmp_path: Path) -> None:
    file = tmp_path / "katib.db"
    store = open_store(file, busy_seconds=0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    jobs = [lambda name=name: store.create_study(new_study(name), now=NOW) for name in "abcd"]
    assert at_once(*jobs) == [StoreUnavailable] * 4
    other.execute("COMMIT")
    other.close()
    assert StoreUnavailable not in at_once(*jobs[:1])
    store.close()


def test_what_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "katib.db")
    owned = Owned(store)
    owned.run(1)
    before = store.view(owned.uid)
    no_text: Any = {"seed": object()}
    # Overrides are written last: the rest has been by then.
    with pytest.raises(TypeError):
        owned.commit(
            advice=[make.advice(2)],
            observations=[TrialPoints(trial=owned.trial(1).name, attempt=1, points=points(0.5))],
            transitions=[move(1, TrialState.RUNNING, TrialState.FAILED)],
            overrides=no_text,
        )
    assert store.view(owned.uid) == before
    assert owned.stored() == []
    owned.advise(2)
    store.close()


def test_a_deleted_study_leaves_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "katib.db"
    store = open_store(file)
    owned = Owned(store)
    owned.run(1)
    owned.append(1, *points(0.5))
    owned.commit(events=[Event(time=NOW, kind="Normal", reason="r", message="m")])
    store.delete_study("digits")
    store.close()
    with sqlite3.connect(file) as connection:
        for table in metadata.tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)], table
    connection.close()


@contextmanager
def no_permission(folder: Path) -> Iterator[None]:
    """Be a user who may read `folder` and what is in it, and write nothing."""
    entries = [folder, *folder.iterdir()]
    for entry in entries:
        entry.chmod(0o555 if entry.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="katib-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_store_that_cannot_be_written_says_so(open_folder: Path) -> None:
    file = open_folder / "katib.db"
    store = open_store(file)
    store.create_study(new_study(), now=NOW)
    store.close()
    with no_permission(open_folder):
        store = open_store(file)
        assert [study.name for study in store.list_studies()] == [new_study().name]
        with pytest.raises(StoreReadOnly, match=r"katib\.db.*permissions"):
            store.create_study(new_study("another"), now=NOW)
        store.close()
    with no_permission(open_folder), pytest.raises(StoreReadOnly):
        open_store(open_folder / "new.db")


def test_a_store_that_somebody_else_writes_is_read_as_it_grows(open_folder: Path) -> None:
    file = open_folder / "katib.db"
    writer = open_store(file)
    writer.create_study(new_study(), now=NOW)
    with no_permission(open_folder):
        reader = open_store(file)
        assert len(reader.list_studies()) == 1
    writer.create_study(new_study("another"), now=NOW)
    with no_permission(open_folder):
        assert len(reader.list_studies()) == 2
        reader.close()
    writer.close()


def test_a_store_that_cannot_be_read_is_refused(open_folder: Path) -> None:
    file = open_folder / "katib.db"
    open_store(file).close()
    with no_permission(open_folder):
        os.seteuid(os.getuid())
        file.chmod(0o000)
        if os.getuid() == 0:
            os.seteuid(NOBODY)
        with pytest.raises(StoreRefused, match=r"katib\.db"):
            open_store(file)


FULL_DISK = """
    import sys
    from pathlib import Path
    from katib.core.study import Budget
    from katib.errors import StoreFull
    from katib.stores.contract import TrialPoints
    from katib.stores.opening import open_store
    from katib.testing.stores.base import NOW, Owned, new_study, points

    folder = Path(sys.argv[1])
    store = open_store(folder / "katib.db")
    owned = Owned(store)
    owned.run(1)
    ballast = (folder / "ballast").open("wb", buffering=0)
    try:
        while True:
            ballast.write(bytes(4096))
    except OSError:
        ballast.close()

    stored = 0
    try:
        while True:
            stored += owned.append(1, *points(*map(float, range(50)), first=stored))
    except StoreFull as error:
        assert "no space left" in str(error) and error.retriable, error
    try:
        open_store(folder / "other.db")
        raise SystemExit("a new store was made on a full disk")
    except StoreFull:
        pass

    assert len(owned.stored()) == stored, "what was acknowledged is there, and nothing else"
    (folder / "ballast").unlink()
    assert owned.append(1, *points(*map(float, range(stored + 50)))) == 50
    store.close()
    open_store(folder / "other.db").close()
    print("all is well with", stored)
"""

READ_ONLY_MOUNT = """
    import subprocess, sys
    from pathlib import Path
    from katib.errors import StoreReadOnly
    from katib.stores.opening import open_store
    from katib.testing.stores.base import NOW, Owned, move, new_study, points

    folder = Path(sys.argv[1])
    store = open_store(folder / "katib.db")
    store.create_study(new_study(), now=NOW)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    assert [study.name for study in open_store(folder / "katib.db").list_studies()] == [new_study().name]
    for name in ("katib.db", "new.db"):
        try:
            open_store(folder / name).create_study(new_study("another"), now=NOW)
            raise SystemExit("written")
        except StoreReadOnly as error:
            assert name in str(error), error
    print("all is well")
"""


@pytest.mark.parametrize("script", [FULL_DISK, READ_ONLY_MOUNT], ids=["full disk", "read-only mount"])
def test_a_disk_that_takes_nothing_more(script: str, tmp_path: Path) -> None:
    """In a small file system that only the script sees."""
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(script))
    folder = tmp_path / "disk"
    folder.mkdir()
    private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mounted = [*private, "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', str(folder)]
    if subprocess.run([*mounted, "true"], check=False, capture_output=True).returncode:
        if os.environ.get("CI"):
            pytest.fail("this machine does not let us mount a tmpfs")
        pytest.skip("needs the right to mount a tmpfs: root, or user namespaces")
    done = subprocess.run([*mounted, sys.executable, file, folder], check=False, capture_output=True, text=True)
    assert "all is well" in done.stdout, done.stderr


MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid shared:5 - proc proc rw
40 22 0:40 / /home rw,relatime shared:9 - {kind} server:/home rw,vers=4.2
41 40 0:41 / /home/me/scratch\\040disk rw,relatime - xfs /dev/vdb1 rw
42 22 0:42 / /homely rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "lustre", "ceph", "fuse.sshfs", "fuse.gcsfuse"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(MOUNTS.format(kind=kind))
    with pytest.raises(StoreMisplaced, match=rf"{kind}, mounted at /home\).*local disk"):
        refuse_network_file_system(Path("/home/me/katib.db"), mountinfo=mountinfo)


@pytest.mark.parametrize("file", ["/var/katib.db", "/home/me/scratch disk/katib.db", "/homely/katib.db"])
def test_a_local_file_system_is_not(tmp_path: Path, file: str) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(MOUNTS.format(kind="nfs4"))
    refuse_network_file_system(Path(file), mountinfo=mountinfo)
    refuse_network_file_system(Path(file), mountinfo=tmp_path / "no such file")


# --- Servers


def wrong_password(url: str) -> str:
    return url.replace(PASSWORD, "wrong-but-secret")


def wrong_user(url: str) -> str:
    return url.replace("//katib:", "//nobody-we-know:")


def wrong_database(url: str) -> str:
    return url.replace("/postgres?", "/no_such_base?").replace("/katib?", "/no_such_base?")


def refused_by(url: str, change: Callable[[str], str]) -> str:
    with pytest.raises(StoreRefused) as caught:
        open_store(change(url))
    assert "secret" not in said(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_that_refuses_is_quoted_and_no_password_is(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    messages = {refused_by(server.url, change) for change in (wrong_password, wrong_user, wrong_database)}
    assert len(messages) == 3
    assert any("no_such_base" in message for message in messages)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_is_not_there_is_unavailable(scheme: str) -> None:
    # Nothing listens on port 1 of this machine.
    with pytest.raises(StoreUnavailable, match=f"{scheme}://me:.*@127.0.0.1:1/db cannot be reached") as caught:
        open_store(f"{scheme}://me:secret@127.0.0.1:1/db?connect_timeout=5")
    assert "secret" not in said(caught.value)
    assert caught.value.retriable


@pytest.mark.usefixtures("postgresql")  # which says so when there is no server to start
def test_a_server_that_dies_is_unavailable() -> None:
    with servers.postgresql() as server:
        store = open_store(server.url)
        server.process.send_signal(signal.SIGQUIT)
        server.process.wait()
        with pytest.raises(StoreUnavailable) as caught:
            store.list_studies()
        assert caught.value.retriable
        store.close()


def test_connections_that_broke_are_replaced(postgresql: Server) -> None:
    import psycopg

    store = open_store(postgresql.url)
    store.list_studies()
    with psycopg.connect(postgresql.url, autocommit=True) as boss:
        boss.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    store.list_studies()
    store.close()


def test_a_newer_schema_on_a_server_is_left_alone(postgresql: Server) -> None:
    import psycopg

    open_store(postgresql.url).close()
    with psycopg.connect(postgresql.url, autocommit=True) as boss:
        boss.execute("UPDATE katib_schema SET version_num = '9999'")
        try:
            with pytest.raises(StoreTooNew, match="9999"):
                open_store(postgresql.url)
        finally:
            boss.execute("UPDATE katib_schema SET version_num = %s", (RELEASED[-1],))


def test_a_server_that_only_reads_says_so(postgresql: Server) -> None:
    open_store(postgresql.url).close()
    store = open_store(f"{postgresql.url}&options=-cdefault_transaction_read_only%3Don")
    with pytest.raises(StoreReadOnly):
        store.create_study(new_study("only here"), now=NOW)
    store.close()


def test_the_faults_of_a_start_have_messages_of_their_own(tmp_path: Path, postgresql: Server) -> None:
    newer = tmp_path / "newer.db"
    open_store(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE katib_schema SET version_num = '9999'")
    connection.close()
    messages = []
    for location in (newer, wrong_password(postgresql.url), "postgresql://me:secret@127.0.0.1:1/db", "/no/where/x.db"):
        with pytest.raises(KatibError) as caught:
            open_store(location)
        messages.append(caught.value.hint or str(caught.value))
    assert len(set(messages)) == 4
