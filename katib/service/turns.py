"""A lock that is taken in the order in which it was asked for."""

import threading
from collections import deque
from types import TracebackType


class Turn:
    """Held by one thread at a time, which may take it again; who lets go hands it to the one that waits longest.

    `threading.RLock` goes to whoever comes first, and a thread that just let go mostly is: others may wait for long.
    """

    def __init__(self) -> None:
        self._state = threading.Lock()
        self._holder: int | None = None
        self._depth = 0
        self._waiting: deque[_Place] = deque()

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiting)

    def __enter__(self) -> None:
        place = _Place()
        try:
            with self._state:
                if self._holder in (None, place.thread):
                    self._holder = place.thread
                    self._depth += 1
                    return
                self._waiting.append(place)
            place.called.acquire()
        except BaseException:
            self._leave(place)
            raise

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with self._state:
            self._depth -= 1
            if not self._depth:
                self._call_next()

    def _leave(self, place: "_Place") -> None:
        """A signal ended the wait: nobody is to wait for who does not wait any more."""
        with self._state:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place.chosen:
                self._call_next()

    def _call_next(self) -> None:
        if not self._waiting:
            self._holder, self._depth = None, 0
            return
        place = self._waiting.popleft()
        self._holder, self._depth = place.thread, 1
        place.chosen = True
        place.called.release()


class _Place:
    """That of a thread among those that wait."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.called = threading.Lock()
        self.called.acquire()
        self.chosen = False
