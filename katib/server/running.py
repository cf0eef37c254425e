"""Runs the HTTP application in a thread of its own, until it is told to stop."""

import asyncio
import threading
from ipaddress import ip_address

import uvicorn
from anyio import to_thread
from fastapi import FastAPI

from katib.config import ServerSettings
from katib.errors import Fault, InvalidInput
from katib.server.ports import listen
from katib.server.tls import read_tls
from katib.stores.contract import Store

GOODBYE_SECONDS = 0.5
"""For clients that keep a connection to close it: over TLS one that does not listen would hold up the end for long."""


class HttpServer:
    """Serves an application.

    Attributes:
        address: http://HOST:PORT, with the port that it got.
    """

    def __init__(self, app: FastAPI, settings: ServerSettings | None = None) -> None:
        """Listens at once. Raises InvalidInput when TLS is not set right, KatibError when it cannot listen."""
        self._settings = settings or ServerSettings()
        self._app = app
        tls = read_tls(self._settings.tls_cert, self._settings.tls_key)
        self._socket = listen(self._settings.host, self._settings.port, option="--port")
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=max(int(self._settings.grace), 1),
            server_header=False,
            ssl_certfile=tls.cert_file if tls else None,
            ssl_keyfile=tls.key_file if tls else None,
        )
        self._server = uvicorn.Server(config)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        host = self._settings.host
        host = f"[{host}]" if ":" in host else host
        self.address = f"{'https' if tls else 'http'}://{host}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Begin to answer; requests that come before it does wait."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Take no more requests, and let the open ones end. From any thread; twice does no harm."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._app.state.closing.set)
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(GOODBYE_SECONDS)
            while self._thread.is_alive():
                if self._loop is not None and not self._loop.is_closed() and not self._server.server_state.tasks:
                    self._loop.call_soon_threadsafe(self._hang_up)
                self._thread.join(GOODBYE_SECONDS)
        self._socket.close()

    def _hang_up(self) -> None:
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None and not transport.get_write_buffer_size():
                transport.abort()

    def hurry(self) -> None:
        """Do not wait for open requests any more."""
        self._server.force_exit = True

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        to_thread.current_default_thread_limiter().total_tokens = self._settings.threads
        self._ready.set()
        await self._server.serve(sockets=[self._socket])


def check_protected(store: Store, settings: ServerSettings, *, asked: bool, insecure: bool) -> bool:
    """Whether everybody is asked for a token: where that is asked for, and on every address that others can reach.

    Raises InvalidInput when nobody has one: nobody could do anything.
    """
    if insecure or (is_loopback(settings.host) and not asked):
        return False
    if not store.tokens():
        wanted = "a token that somebody has: on this address everybody is asked for one"
        hint = "`katib token create --role admin` makes one; --insecure lets everybody in"
        raise InvalidInput([Fault(path="--host", given=settings.host, wanted=wanted, hint=hint)], what="the server")
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
