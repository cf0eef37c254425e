"""Real database servers for tests: each with a data directory of its own, on a Unix socket, gone at the end.

No port is opened. Durability is switched off, because nothing outlives the test run. Both servers refuse to run as
root, so root runs them as their packages' own users.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from katib.errors import StoreError
from katib.stores.opening import open_store

START_SECONDS = 60.0
"""How long a server may take to answer: both need about a second."""

PASSWORD = "right-and-secret"  # noqa: S105 - of a server that lives for a test run
"""Of the servers' only user, `katib`."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers.

    Attributes:
        url: of its database `katib`, with user and password, as `open_store` takes it.
        process: the server's main process.
    """

    url: str
    process: subprocess.Popen[bytes]


class ServerMissing(Exception):
    """The server's programs are not installed; the message names the Debian package."""


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server. Raises ServerMissing."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not programs:
        raise ServerMissing("PostgreSQL's server is not installed: apt-get install postgresql")
    with _folder("postgres") as (folder, user):
        data = folder / "data"
        (folder / "password").write_text(PASSWORD)
        initdb: list[str | Path] = [
            programs[-1],
            "-D",
            data,
            "-U",
            "katib",
            "-A",
            "scram-sha-256",
            f"--pwfile={folder / 'password'}",
        ]
        _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], folder, user)
        fast = [f"-c{name}=off" for name in ("fsync", "synchronous_commit", "full_page_writes")]
        quiet = ["-clisten_addresses=", f"-cunix_socket_directories={folder}"]
        command: list[str | Path] = [programs[-1].with_name("postgres"), "-D", data, *fast, *quiet]
        url = f"postgresql://katib:{PASSWORD}@/postgres?host={folder}"
        # SIGQUIT is its immediate shutdown: the main process takes the others with it and saves nothing.
        with _serving(command, folder, user, end=signal.SIGQUIT) as process:
            _wait_until_it_answers(process, folder / ".s.PGSQL.5432", url)
            yield Server(url=url, process=process)


@contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB server. Raises ServerMissing."""
    install, program = shutil.which("mariadb-install-db"), shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
    if install is None or program is None:
        raise ServerMissing("MariaDB's server is not installed: apt-get install mariadb-server")
    with _folder("mysql") as (folder, user):
        data, socket_file = folder / "data", folder / "s"
        setup = folder / "setup.sql"
        setup.write_text(
            "CREATE DATABASE katib;\n"
            f"CREATE USER katib@localhost IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO katib@localhost;\n"
        )
        _run([install, "--no-defaults", f"--datadir={data}", "--skip-test-db", "--skip-name-resolve"], folder, user)
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M"]
        quiet = ["--skip-networking", f"--socket={socket_file}", f"--pid-file={folder / 'pid'}", f"--init-file={setup}"]
        command = [program, "--no-defaults", f"--datadir={data}", *fast, *quiet]
        url = f"mariadb://katib:{PASSWORD}@localhost/katib?unix_socket={socket_file}"
        with _serving(command, folder, user, end=signal.SIGKILL) as process:
            _wait_until_it_answers(process, socket_file, url)
            yield Server(url=url, process=process)


@contextmanager
def _folder(package_user: str) -> Iterator[tuple[Path, str | None]]:
    """A folder for a server, and the user to run it as: None for ourselves. Its name is short: socket paths must be."""
    user = package_user if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="katib-", dir="/tmp"))
    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str | Path], folder: Path, user: str | None) -> None:
    done = subprocess.run(
        command, cwd=folder, user=user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} exited with {done.returncode}:\n{done.stdout}")


@contextmanager
def _serving(
    command: Sequence[str | Path], folder: Path, user: str | None, *, end: signal.Signals
) -> Iterator[subprocess.Popen[bytes]]:
    # The kernel ends the server should the test run be killed.
    bound = ["setpriv", "--pdeathsig", end.name.removeprefix("SIG"), "--", *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(bound, cwd=folder, user=user, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(end)
        process.wait(START_SECONDS)


def _wait_until_it_answers(process: subprocess.Popen[bytes], socket_file: Path, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    trouble: Exception | None = None
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # The driver of MySQL leaks a socket that cannot connect, so it is not what tries first.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(socket_file))
            open_store(url).close()
        except (OSError, StoreError) as error:
            trouble = error
            time.sleep(0.05)
        else:
            return
    log = (socket_file.parent / "log").read_text(errors="replace")
    raise RuntimeError(f"{process.args!r} does not answer: {trouble}\n{log[-4000:]}")
