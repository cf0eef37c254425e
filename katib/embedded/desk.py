"""The study API in this process: a store, algorithms in a worker, and the desk over them."""

from types import TracebackType

from katib.config import Settings
from katib.service.advisor import AdvisorDesk
from katib.service.desk import Desk
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.suggestion.early_stopping import open_early_stopping


class EmbeddedDesk:
    """A desk without a server. A context manager; any number of processes may have one on the same store.

    Args:
        store: a path or URL.

    Attributes:
        desk: the study API.
        advisor: advisor's API over it.
    """

    def __init__(self, store: str, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self._stopping = open_early_stopping(settings.early_stopping)
        self._suggestions = open_suggestions(settings.suggestion)
        try:
            self._store = open_store(store)
        except BaseException:
            self._suggestions.close()
            self._stopping.close()
            raise
        # Asking ahead is for servers: a script asks for what it runs, and its algorithm is in this process anyway.
        self.desk = Desk(self._store, self._suggestions, stopping=self._stopping, stock=0)
        self.advisor = AdvisorDesk(self.desk)

    def __enter__(self) -> "EmbeddedDesk":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the algorithms' workers and release the store."""
        self._suggestions.close()
        self._stopping.close()
        self._store.close()
