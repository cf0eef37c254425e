"""How fast `katib server` answers, beside a bare FastAPI and SQLAlchemy program that writes one row per request.

    python benchmarks/server.py [--seconds 2] [--rows 1000000] [--databases sqlite,postgresql]

A cycle is a `suggest` and a `complete` of one trial (algorithm random), over one kept connection per client. The bare
program inserts a row and updates it: what any server that keeps a trial in a database must do. Both run in a process
of their own and are asked by turns, with the same driver and settings of the database.
"""

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from katib.testing.servers import postgresql

CLIENTS = (1, 16, 64)
ROUNDS = 5
SINGLE_REPORTS = 2000
SPEC = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "parameters": [
        {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}},
        {"name": "n", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "100"}},
    ],
}


class Connection:
    """A kept connection that posts JSON, with as little work as possible: the clients share the machine."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, body: object) -> dict:
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head_bytes, _, rest = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head_bytes.lower()).group(1))
        while len(rest) < length:
            rest += self._received()
        if not head_bytes.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{path}: {head_bytes.splitlines()[0]!r} {rest[:500]!r}")
        return json.loads(rest)

    def _received(self) -> bytes:
        found = self._socket.recv(65536)
        if not found:
            raise RuntimeError("the server hung up")
        return found


Cycle = Callable[[Connection, int], None]


def measure(address: str, cycle: Cycle, clients: int, seconds: float) -> tuple[float, float, float]:
    """Cycles per second, and the median and the 99th percentile of a cycle in milliseconds."""
    times: list[list[float]] = [[] for _ in range(clients)]
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        connection = Connection(address)
        while (begun := time.perf_counter()) < end:
            cycle(connection, number)
            times[number].append(time.perf_counter() - begun)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = sorted(each for mine in times for each in mine)
    rate = len(every) / (time.perf_counter() - begun)
    return rate, statistics.median(every) * 1000, every[int(len(every) * 0.99)] * 1000


@contextmanager
def started(*command: str) -> Iterator[str]:
    """The address that a program prints."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        yield re.search(r"http://\S+", line).group(0)
    finally:
        process.terminate()
        process.wait()


def katib_cycle(connection: Connection, number: int) -> None:
    answer = connection.post("/api/v1/studies/bench/suggest", {"client": f"client-{number}"})
    ordinal = answer["trials"][0]["ordinal"]
    connection.post(f"/api/v1/studies/bench/trials/{ordinal}/complete", {"metrics": {"loss": 0.5}})


def bare_cycle(connection: Connection, number: int) -> None:
    row = connection.post("/suggest", {"client": f"client-{number}"})["id"]
    connection.post(f"/complete/{row}", {"metrics": {"loss": 0.5}})


def bare(url: str) -> None:
    """The bare program."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel
    from sqlalchemy import JSON, Column, Float, Integer, MetaData, String, Table, insert, make_url, update

    from katib.stores.sql.dialects import connect

    target = make_url(url)
    engine = connect(target.set(drivername="postgresql+psycopg") if "postgres" in url else target, patience=30)
    metadata = MetaData()
    trials = Table("bare_trials", metadata, Column("id", Integer, primary_key=True), Column("client", String(255)),
                   Column("assignment", JSON), Column("state", String(32)), Column("value", Float))  # fmt: skip
    metadata.create_all(engine)
    app = FastAPI()

    class Suggest(BaseModel):
        client: str

    class Complete(BaseModel):
        metrics: dict[str, float]

    @app.post("/suggest")
    def suggest(body: Suggest) -> dict:
        with engine.begin() as connection:
            row = {"client": body.client, "assignment": {"x": 0.5, "n": 3}, "state": "Running"}
            return {"id": connection.execute(insert(trials).values(**row)).inserted_primary_key[0]}

    @app.post("/complete/{row}")
    def complete(row: int, body: Complete) -> dict:
        with engine.begin() as connection:
            done = {"state": "Succeeded", "value": body.metrics["loss"]}
            connection.execute(update(trials).where(trials.c.id == row).values(**done))
            return {"id": row}

    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listening])


def compare(name: str, url: str, seconds: float, *, bare_url: str) -> None:
    """Cycles of both, by turns: whatever else the machine does, it does to both."""
    print(f"{name}: suggest+complete cycles, the medians of {ROUNDS} rounds of each", flush=True)
    with (
        started(__file__, "--bare", bare_url) as floor,
        started("-m", "katib", "server", "--quiet", "--port", "0", "--db", url) as ours,
    ):
        Connection(ours).post("/api/v1/studies", {"name": "bench", "spec": SPEC})
        measure(floor, bare_cycle, 1, 0.5)
        measure(ours, katib_cycle, 1, 0.5)
        for clients in CLIENTS:
            rounds = [
                (measure(floor, bare_cycle, clients, seconds), measure(ours, katib_cycle, clients, seconds))
                for _ in range(ROUNDS)
            ]
            for program, found in zip(("bare ", "katib"), zip(*rounds, strict=True), strict=True):
                rate, middle, late = (statistics.median(column) for column in zip(*found, strict=True))
                print(f"  {program} {clients:3} clients {rate:7.0f}/s  p50 {middle:6.1f} ms  p99 {late:6.1f} ms")
            ratios = sorted(katib[0] / bare[0] for bare, katib in rounds)
            spread = f"from {ratios[0]:.2f} to {ratios[-1]:.2f}"
            print(f"        {statistics.median(ratios):.2f} of bare, {spread}", flush=True)


class Reports:
    """Reports to a server, to a hundred trials in turn."""

    def __init__(self, address: str) -> None:
        self._connection = Connection(address)
        self._connection.post("/api/v1/studies", {"name": "rows", "spec": SPEC})
        self._connection.post("/api/v1/studies/rows/suggest", {"client": "a", "count": 100})
        self.rows = 0

    def send(self, rows: int) -> float:
        """How long it took, in seconds."""
        told = [{"step": self.rows + each, "metrics": {"loss": 0.5}} for each in range(rows)]
        trial = self.rows // 10_000 % 100 + 1
        begun = time.perf_counter()
        self._connection.post(f"/api/v1/studies/rows/trials/{trial}/measurements", {"measurements": told})
        self.rows += rows
        return time.perf_counter() - begun


def report(name: str, url: str, few_url: str, rows: int) -> None:
    """Measurements by the batch, and single reports, by turns to a server with few and to one with many rows stored."""
    server = ("-m", "katib", "server", "--quiet", "--port", "0", "--db")
    with started(*server, few_url) as with_few, started(*server, url) as with_many:
        many = Reports(with_many)
        seconds = sum(many.send(5000) for _ in range(rows // 5000))
        print(f"{name}: {many.rows / seconds:,.0f} rows/s in batches of 5,000")
        few = Reports(with_few)
        few.send(1000)
        times = [(few.send(1), many.send(1)) for _ in range(SINGLE_REPORTS)]
        late = [sorted(each)[int(len(each) * 0.99)] * 1000 for each in zip(*times, strict=True)]
        said = f"p99 of a report: {late[0]:.1f} ms with 1,000 rows, {late[1]:.1f} ms with {many.rows:,}"
        print(f"  {said}: {late[1] / late[0]:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each of the rounds")
    parser.add_argument("--rows", type=int, default=1_000_000, help="0 leaves the rows out")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(options.bare)
        return

    def both(name: str, url: str, bare_url: str, few_url: str) -> None:
        compare(name, url, options.seconds, bare_url=bare_url)
        if options.rows:
            report(name, url, few_url, options.rows)

    with tempfile.TemporaryDirectory() as folder:
        if "sqlite" in options.databases:
            # katib takes no file with tables of others.
            both("sqlite", *(f"sqlite:///{Path(folder) / name}.db" for name in ("bench", "bare", "few")))
    if "postgresql" in options.databases:
        with postgresql() as server, postgresql() as other:
            both("postgresql", server.url, server.url, other.url)


if __name__ == "__main__":
    main()
