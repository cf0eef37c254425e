"""An HTTP application on a port of this machine, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from katib.config import ServerSettings
from katib.server.running import HttpServer


@contextmanager
def serving(app: Any, *, port: int = 0) -> Iterator[str]:
    """The address at which `app` answers until the context is left."""
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(30), "the server did not start"
    address = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{address[0]}:{address[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def client_of(app: FastAPI, settings: ServerSettings | None = None) -> Iterator[httpx.Client]:
    """A client of `katib server`'s own server with `app`."""
    server = HttpServer(app, settings or ServerSettings(port=0, grace=5))
    server.start()
    try:
        with httpx.Client(base_url=server.address, timeout=60) as client:
            yield client
    finally:
        server.stop()
