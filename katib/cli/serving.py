"""Running servers until a signal comes."""

import queue
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

LOOK_UP = 1.0
"""Seconds after which Python looks whether a signal came that the system gave to another thread."""


class Serving(Protocol):
    """What starts, stops when its open requests are answered, and can be made not to wait for them."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def hurry(self) -> None: ...


def serve(servers: Sequence[Serving], started: Callable[[], None]) -> None:
    """Run servers until a signal comes; the second one does not wait for open requests."""
    # A handler interrupts this very thread anywhere, and may take no lock that it could hold just then. A put into this
    # queue takes none; an Event's set() does.
    news: queue.SimpleQueue[Serving | None] = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: news.put(None))
    for server in servers:
        server.start()
    started()
    _next(news)
    # All at once: they have the same time.
    for server in servers:
        threading.Thread(target=_end, args=(server, news), daemon=True).start()
    ended = 0
    while ended < len(servers):
        if _next(news) is None:
            for server in servers:
                server.hurry()
        else:
            ended += 1


def _end(server: Serving, news: "queue.SimpleQueue[Serving | None]") -> None:
    try:
        server.stop()
    finally:
        news.put(server)


def _next(news: "queue.SimpleQueue[Serving | None]") -> Serving | None:
    """A server that has ended, or None for a signal."""
    while True:
        with suppress(queue.Empty):
            return news.get(timeout=LOOK_UP)
