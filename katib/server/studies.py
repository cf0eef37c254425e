"""The gRPC side of `katib server`: studies that clients run over Vizier's API, and what Katib's components ask for."""

from collections.abc import Mapping
from typing import Any

import grpc

from katib.config import ServerSettings, ServeSettings
from katib.rpc.methods import Handler, Method
from katib.server.db_manager import DbManagerServicer
from katib.server.early_stopping import EarlyStoppingServicer
from katib.server.health import HealthServicer
from katib.server.listening import GrpcServer
from katib.server.suggestion import SuggestionServicer
from katib.server.tls import read_tls
from katib.server.trial_objects import of_this_pod
from katib.server.trial_tokens import asking
from katib.server.vizier.servicer import VizierServicer
from katib.service.access import Access
from katib.service.desk import Desk


class StudyServer:
    """Vizier's service, Katib's DBManager, Suggestion and EarlyStopping on one port, from `start` to `stop`.

    Attributes:
        address: HOST:PORT, with the port that it got.
    """

    def __init__(
        self,
        desk: Desk,
        settings: ServeSettings | None = None,
        *,
        credentials: grpc.ServerCredentials | None = None,
        tokens: Access | None = None,
    ) -> None:
        """Listens at once, in plaintext without credentials. Raises KatibError when it cannot.

        With `tokens` it takes reports only with a token.

        The desk stays its owner's: stopping the server does not close it.
        """
        settings = settings or ServeSettings()
        self._health = HealthServicer()
        rules = EarlyStoppingServicer(desk.stopping, deadline=settings.deadline, trials=of_this_pod())
        methods: dict[Method[Any, Any], Handler] = {}
        parts: tuple[Mapping[Method[Any, Any], Handler], ...] = (
            self._health.handlers,
            VizierServicer(desk).handlers,
            DbManagerServicer(desk.store, now=desk.now).handlers,
            SuggestionServicer(desk.suggestions).handlers,
            rules.handlers,
        )
        for part in parts:
            methods.update(part)
        if tokens is not None:
            methods = asking(methods, desk, tokens)
        self._server = GrpcServer(methods, settings, credentials=credentials, option="--grpc-port")
        self.address = self._server.address

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, grace: float | None = None) -> None:
        """Take no more requests and let the open ones end. From any thread; twice does no harm."""
        self._health.stop()
        self._server.stop(grace)

    def hurry(self) -> None:
        """Do not wait for open requests any more."""
        self._server.hurry()


def open_study_server(desk: Desk, settings: ServerSettings, *, require_trial_token: bool = False) -> StudyServer:
    """The server on the gRPC port of `katib server`; with TLS where HTTP has it. Raises as it does."""
    tokens = Access(desk.store, seconds=settings.token_seconds) if require_trial_token else None
    tls = read_tls(settings.tls_cert, settings.tls_key)
    credentials = grpc.ssl_server_credentials([(tls.key, tls.cert)]) if tls else None
    serve = ServeSettings(host=settings.host, port=settings.grpc_port, threads=settings.threads, grace=settings.grace)
    return StudyServer(desk, serve, credentials=credentials, tokens=tokens)
