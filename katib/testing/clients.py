"""Studies for tests of the Python client, and what their clients share."""

import random
import time
from collections.abc import Callable
from typing import Any

import httpx

from katib.client import Client, Study
from katib.embedded.calls import Calls

PARAMETERS: dict[str, Any] = {
    "lr": "log:1e-5:1e-1",
    "layers": "int:1:8",
    "batch": [16, 32, 64.5],
    "optimizer": ["sgd", "adam"],
    "momentum": "float:0:1@optimizer=sgd",
}
"""One of each kind, and one that depends on another."""


class Open(Calls):
    """A desk that a client does not close, because others use it, too."""

    def close(self) -> None:
        """Nothing."""


def study_of(client: Client, name: str = "digits", **more: Any) -> Study:
    """A study that minimises `loss`; `more` as of `Client.create_study`."""
    given = {"parameters": PARAMETERS, "minimize": "loss", "algorithm": "random", **more}
    return client.create_study(name, **given)


def eventually(ask: Callable[[], Any]) -> Any:
    """What is asked for, once another thread has brought something."""
    deadline = time.monotonic() + 20
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.002)
    return found


class Shaky(httpx.BaseTransport):
    """A network that loses requests, answers, or nothing; and that can be cut."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._http = httpx.HTTPTransport()
        self.cut = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx.BaseTransport."""
        fate = self._chance.random()
        if self.cut or fate < 0.25:
            raise httpx.ConnectError("cut")
        response = self._http.handle_request(request)
        if fate < 0.5:
            response.read()
            raise httpx.ReadError("cut")
        return response

    def close(self) -> None:
        """See httpx.BaseTransport."""
        self._http.close()
