"""Runs the HTTP application in a thread of its own, until it is told to stop."""

import asyncio
import socket
import threading
from ipaddress import ip_address
from typing import Any

import uvicorn
from anyio import to_thread
from fastapi import FastAPI

from katib.config import ServerSettings
from katib.errors import Fault, InvalidInput, KatibError
from katib.stores.contract import Store


class HttpServer:
    """Serves an application.

    Attributes:
        address: http://HOST:PORT, with the port that it got.
    """

    def __init__(self, app: FastAPI, settings: ServerSettings | None = None) -> None:
        """Listens at once. Raises InvalidInput when TLS is not set right, KatibError when it cannot listen."""
        self._settings = settings or ServerSettings()
        self._app = app
        tls = _tls(self._settings)
        self._socket = _listen(self._settings.host, self._settings.port)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=max(int(self._settings.grace), 1),
            server_header=False,
            **tls,
        )
        try:
            config.load()
        except OSError as error:
            self._socket.close()
            fault = Fault(path="--tls-cert", given=str(error), wanted="a certificate and its key, in PEM")
            raise InvalidInput([fault], what="TLS") from error
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
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

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


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends small answers at once on sockets that say that they are TCP only.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        said = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise KatibError(said, hint="another program may use the port; choose another one with --port") from error
    return listening


def _tls(settings: ServerSettings) -> dict[str, Any]:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        missing = "--tls-key" if settings.tls_cert else "--tls-cert"
        raise InvalidInput([Fault(path=missing, wanted="a file: a certificate and its key go together")], what="TLS")
    return {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key} if settings.tls_cert else {}


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
