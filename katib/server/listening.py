"""A gRPC server of any methods, with reflection."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection

from katib.config import ServeSettings
from katib.errors import KatibError
from katib.rpc.channels import OPTIONS
from katib.rpc.descriptors import POOL
from katib.rpc.methods import Handler, Method, handlers
from katib.server.ports import listen


class GrpcServer:
    """Listens as soon as it is made. Raises KatibError when it cannot.

    Attributes:
        address: HOST:PORT, with the port that it got.
    """

    def __init__(
        self,
        methods: Mapping[Method[Any, Any], Handler],
        settings: ServeSettings,
        *,
        credentials: grpc.ServerCredentials | None = None,
        option: str = "--port",
    ) -> None:
        self._settings = settings
        self._option = option
        threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="serve")
        # Two servers on one port would share its requests, by chance.
        self._server = grpc.server(threads, options=(*OPTIONS, ("grpc.so_reuseport", 0)))
        self._server.add_generic_rpc_handlers(handlers(methods))
        names = (*sorted({method.service for method in methods}), reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server, pool=POOL)
        self.address = self._listen(credentials)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, grace: float | None = None) -> None:
        """Take no more requests and let the open ones end. From any thread; twice does no harm."""
        self._server.stop(self._settings.grace if grace is None else grace).wait()

    def hurry(self) -> None:
        """Do not wait for open requests any more."""
        self._server.stop(0)

    def _listen(self, credentials: grpc.ServerCredentials | None) -> str:
        host, port = self._settings.host.strip("[]"), self._settings.port
        if port:
            # gRPC would write about a port that it cannot have into our standard error.
            listen(host, port, option=self._option).close()
        host = f"[{host}]" if ":" in host else host
        place = f"{host}:{port}"
        try:
            if credentials is None:
                bound = self._server.add_insecure_port(place)
            else:
                bound = self._server.add_secure_port(place, credentials)
        except RuntimeError as error:
            hint = f"another program may use the port; choose another one with {self._option}"
            raise KatibError(f"cannot listen on {place}: {error}", hint=hint) from error
        return f"{host}:{bound}"
