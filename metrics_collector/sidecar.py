"""The container beside a trial's: reads what the trial reports, and sends it to the DB manager while it runs.

It learns of the trial's end from the lock that the launcher holds. What it could not deliver then it prints as lines of
JSON before it ends, for whoever reads its log; so nothing is lost while the DB manager is away.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from metrics_collector.delivery import BATCH, Delivery
from metrics_collector.sources import open_sources
from metrics_collector.tail import FileTail
from metrics_collector.task import LEFT, Task

POLL = 0.5
"""Seconds between two looks."""

LAST = 10.0
"""Seconds in which delivery is tried after the trial's end. Kubernetes kills a pod after 30 by default."""

CHUNK = 1 << 16
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Sidecar:
    """Carries out one task. `terminated` is set when it was told to end."""

    def __init__(self, task: Task, terminated: threading.Event, *, out: BinaryIO) -> None:
        self._folder = Path(task.folder)
        self._terminated, self._out = terminated, out
        self._stays = task.stays
        self._log = FileTail(self._folder / "output")
        self._source = open_sources(
            task.collector,
            metrics=task.metrics,
            log=self._folder / "output",
            reports=self._folder / "reports.jsonl",
        )
        self._delivery = Delivery(task.address, task.trial, task.attempt)

    def run(self, *, poll: float = POLL, last: float = LAST) -> None:
        """Follow the trial to its end."""
        while not self._is_over():
            self._echo()
            self._delivery.add(self._source.poll())
            self._delivery.send()
            # Told to end before the trial has: its container ends right after, and its last words are read still.
            (threading.Event() if self._terminated.is_set() else self._terminated).wait(poll)
        self._echo()
        self._delivery.add(self._source.drain())
        if not self._delivery.send():
            self._say_what_is_left()
            self._try_on(time.monotonic() + last, poll)
        self._print({LEFT: [], "looked": self._source.describe(), "problem": self._delivery.problem})
        if self._stays:
            self._terminated.wait()

    def _try_on(self, until: float, poll: float) -> None:
        while time.monotonic() < until and not self._delivery.send():
            threading.Event().wait(poll)

    def _is_over(self) -> bool:
        """Whether the launcher was there, and is gone."""
        try:
            file = os.open(self._folder / "lock", os.O_RDONLY)
        except FileNotFoundError:
            return self._terminated.is_set()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True

    def _echo(self) -> None:
        """Print what the trial printed: Katib's clients read it here."""
        while data := self._log.read(CHUNK):
            self._out.write(data)
        self._out.flush()

    def _say_what_is_left(self) -> None:
        waiting = self._delivery.waiting
        for start in range(0, len(waiting), BATCH):
            self._print({LEFT: [asdict(point) for point in waiting[start : start + BATCH]]})

    def _print(self, line: dict[str, Any]) -> None:
        # On a line of its own, whatever the trial printed last.
        self._out.write(b"\n" + json.dumps(line).encode() + b"\n")
        self._out.flush()


def main(words: list[str]) -> None:
    """Do what the command line says: one word, a task."""
    # A thread waits for signals: a handler would wait for locks that the thread it interrupts may hold. All threads get
    # this mask, because it is set before there are any.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    terminated = threading.Event()
    threading.Thread(target=_wait_for_signal, args=(terminated,), daemon=True).start()
    Sidecar(Task.read(words[0]), terminated, out=sys.stdout.buffer).run()


def _wait_for_signal(terminated: threading.Event) -> None:
    signal.sigwait(SIGNALS)
    terminated.set()
