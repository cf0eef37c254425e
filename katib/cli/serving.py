"""Running servers until a signal comes."""

import signal
import threading
from collections.abc import Callable, Sequence
from typing import Protocol


class Serving(Protocol):
    """What starts, stops when its open requests are answered, and can be made not to wait for them."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def hurry(self) -> None: ...


def serve(servers: Sequence[Serving], started: Callable[[], None]) -> None:
    """Run servers until a signal comes; the second one does not wait for open requests."""
    stopping = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        # Nothing that waits: a handler must not wait for threads.
        if stopping.is_set():
            for server in servers:
                server.hurry()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    for server in servers:
        server.start()
    started()
    while not stopping.wait(1.0):
        pass
    # All at once: they have the same time.
    endings = [threading.Thread(target=server.stop, daemon=True) for server in servers]
    for ending in endings:
        ending.start()
    for ending in endings:
        ending.join()
