"""A server that is killed under its clients, and started again."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from katib.client import Client
from katib.testing.commands import Command


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def serve(cli: Any) -> Any:
    """Starts `katib server` on one port, as often as it is called; ends those that still run."""
    port, started = _free_port(), []

    def start() -> tuple[Command, str]:
        server = cli.start("server", "--port", str(port), "--grpc-port", "0")
        started.append(server)
        address = f"http://127.0.0.1:{port}"
        cli.until(lambda: _answers(address), "the server answers")
        return server, address

    yield start
    for server in started:
        server.kill()
        server.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").is_success
    except httpx.TransportError:
        return False


def test_every_report_arrives_once(serve: Callable[[], tuple[Command, str]]) -> None:
    server, address = serve()
    with Client(address) as client:
        study = client.create_study("outage", parameters={"x": "float:0:1"}, minimize="loss", algorithm="random")
        (trial,) = study.suggest(client="worker")
        trial.report(loss=0, step=0)
        server.kill()
        server.wait()
        for step in range(1, 20):
            trial.report(loss=step, step=step)
        assert not trial.should_stop()
        serve()
        assert trial.complete(loss=0.5).status == "Succeeded"
        told = [(each.step, each.value) for each in trial.measurements()]
        assert told == [*((step, float(step)) for step in range(20)), (None, 0.5)]
