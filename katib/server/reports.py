"""The gRPC side of `katib operator`: where trials, their collectors and Katib's SDK report and read metrics."""

from collections.abc import Callable, Mapping
from typing import Any

from katib.config import ServeSettings
from katib.rpc.methods import Handler, Method
from katib.server.db_manager import DbManagerServicer
from katib.server.health import HealthServicer
from katib.server.listening import GrpcServer
from katib.stores.contract import Store, TrialPoints


class ReportServer:
    """Katib's DBManager, and the standard health check, from `start` to `stop`.

    Attributes:
        address: HOST:PORT, with the port that it got.
    """

    def __init__(
        self,
        store: Store,
        settings: ServeSettings,
        *,
        now: Callable[[], float],
        heard: Callable[[str, TrialPoints], None],
    ) -> None:
        """Listens at once; `heard` is told of each report. Raises KatibError when it cannot."""
        self._health = HealthServicer()
        methods: dict[Method[Any, Any], Handler] = {}
        parts: tuple[Mapping[Method[Any, Any], Handler], ...] = (
            self._health.handlers,
            DbManagerServicer(store, now=now, heard=heard).handlers,
        )
        for part in parts:
            methods.update(part)
        self._server = GrpcServer(methods, settings)
        self.address = self._server.address

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self) -> None:
        """Take no more requests and let the open ones end. From any thread; twice does no harm."""
        self._health.stop()
        self._server.stop()

    def hurry(self) -> None:
        """Do not wait for open requests any more."""
        self._server.hurry()
