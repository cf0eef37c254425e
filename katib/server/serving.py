"""One process that answers for every installed algorithm over Katib's API."""

from dataclasses import replace
from typing import Any

from katib.config import ServeSettings, SuggestionSettings
from katib.errors import KatibError
from katib.rpc.methods import Handler, Method
from katib.server.early_stopping import EarlyStoppingServicer
from katib.server.health import HealthServicer
from katib.server.listening import GrpcServer
from katib.server.suggestion import SuggestionServicer
from katib.server.trial_objects import of_this_pod
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping.contract import EarlyStopping
from katib.suggestion.early_stopping.local import LocalEarlyStopping
from katib.suggestion.fallback import ResilientSuggestions
from katib.suggestion.pool import WorkerPool
from katib.suggestion.split import SplitSuggestions


def open_service(settings: ServeSettings, suggestion: SuggestionSettings | None = None) -> SuggestionService:
    """The algorithms of this machine: the quick ones apart from those that learn, and a labelled fallback for both."""
    base = replace(suggestion or SuggestionSettings(), deadline=settings.deadline)
    quick = WorkerPool(replace(base, workers=settings.quick_workers))
    learning = WorkerPool(replace(base, workers=settings.workers))
    quick.start()
    learning.start()
    return ResilientSuggestions(SplitSuggestions(quick, learning), base)


class SuggestionServer:
    """A server on `address`, from `start` to `stop`.

    Args:
        service: who answers for algorithms; it is closed at the end, and when this fails.
        stopping: who answers for early stopping; what is installed by default.

    Raises KatibError when it cannot listen there.
    """

    def __init__(
        self,
        service: SuggestionService,
        settings: ServeSettings | None = None,
        stopping: EarlyStopping | None = None,
    ) -> None:
        self._settings = settings or ServeSettings()
        self._service = service
        self._health = HealthServicer()
        methods: dict[Method[Any, Any], Handler] = {}
        rules = EarlyStoppingServicer(
            stopping or LocalEarlyStopping(), deadline=self._settings.deadline, trials=of_this_pod()
        )
        for part in (self._health.handlers, SuggestionServicer(service).handlers, rules.handlers):
            methods.update(part)
        try:
            self._server = GrpcServer(methods, self._settings)
        except KatibError:
            service.close()
            raise
        self.address = self._server.address

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, grace: float | None = None) -> None:
        """Take no more requests, let the open ones end, and close the service. From any thread; twice does no harm."""
        self._health.stop()
        self._server.stop(grace)
        self._service.close()

    def hurry(self) -> None:
        """Do not wait for open requests any more."""
        self._server.hurry()
