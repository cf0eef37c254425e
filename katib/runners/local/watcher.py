"""The thread that follows the runs of one runner: hears of their ends, and reads their metrics."""

import contextlib
import logging
import os
import select
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from katib.core.run import RunKey
from katib.errors import RunnerUnavailable
from katib.runners.local.collecting import Collection
from katib.runners.local.link import Link
from katib.runners.local.logs import last_lines
from katib.runners.local.runs import Board, LocalRun
from katib.runners.local.settings import LocalSettings
from katib.runners.local.supervisor import layout

log = logging.getLogger(__name__)

RECONNECT_EVERY = 1.0
"""Seconds between attempts to reach a supervisor while runs go on without one."""

TIGHT = 1024 * 1024
"""Bytes: with less the disk is full for everyone who writes."""


class Watcher:
    """One thread for all runs. Started by the first `nudge`."""

    def __init__(self, run_dir: Path, board: Board, link: Link, settings: LocalSettings) -> None:
        self._dir = run_dir
        self._board = board
        self._link = link
        self._settings = settings
        self._collections: dict[RunKey, Collection] = {}
        self._next_look = 0.0
        self._next_connect = 0.0
        self._closing = False
        self._nudged, self._nudger = os.pipe()
        os.set_blocking(self._nudged, False)
        os.set_blocking(self._nudger, False)
        self._thread = threading.Thread(target=self._run, name=f"katib-watch-{run_dir.name}", daemon=True)
        self._nudging = threading.Lock()
        self.wake: Callable[[], None] = lambda: None

    def nudge(self) -> None:
        """Look now: runs were added, or the connection changed."""
        with self._nudging:
            if self._closing:
                return
            if self._thread.ident is None:
                self._thread.start()
            self._signal()

    def _signal(self) -> None:
        # Full means that it is nudged enough already.
        with contextlib.suppress(BlockingIOError):
            os.write(self._nudger, b"!")

    def close(self) -> None:
        """Watch no more. Twice does no harm."""
        with self._nudging:
            if self._closing:
                return
            self._closing = True
            self._signal()
        if self._thread.ident is not None:
            self._thread.join()
        for collection in self._collections.values():
            collection.close()
        os.close(self._nudged)
        os.close(self._nudger)

    def _run(self) -> None:
        while not self._closing:
            self._wait()
            try:
                news = self._look()
            except Exception:
                # Nobody would hear of any run again if this thread ended.
                log.exception("the runs in %s cannot be looked at; trying again", self._dir)
                self._next_look = time.monotonic() + self._settings.poll
                continue
            if news:
                self.wake()

    def _look(self) -> bool:
        """Take in what there is, and return whether there is news."""
        self._link.receive()
        self._keep_connected()
        withdrew, self._board.withdrew = self._board.withdrew, False
        news = self._drain_over() or withdrew
        if time.monotonic() >= self._next_look:
            # That a run has started is told here too: it can wait for this moment, and often its end comes first.
            news = self._look_at_running() or news
        return news

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._nudged, select.POLLIN)
        if self._link.fileno() >= 0:
            poll.register(self._link.fileno(), select.POLLIN)
        poll.poll(max(self._next_look - time.monotonic(), 0.0) * 1000)
        with contextlib.suppress(BlockingIOError):
            os.read(self._nudged, 4096)

    def _keep_connected(self) -> None:
        now = time.monotonic()
        if self._link.connected or now < self._next_connect or not self._board.active():
            return
        try:
            self._link.connect()
            self._board.trouble("")
        except RunnerUnavailable as error:
            # The runs go on; their ends will be learnt of when a supervisor can be had again.
            self._next_connect = time.monotonic() + RECONNECT_EVERY
            self._board.trouble(str(error))

    def _look_at_running(self) -> bool:
        self._next_look = time.monotonic() + self._settings.poll
        news = [
            self._board.looked(run, [] if run.queued else self._collection(run).poll())
            for run in self._board.select(lambda run: run.active)
        ]
        return any(news)

    def _drain_over(self) -> bool:
        over = self._board.undrained()
        for run in over:
            self._drain(run)
        self._close_forgotten()
        return bool(over)

    def _drain(self, run: LocalRun) -> None:
        collection = self._collection(run)
        points = collection.drain()
        log = layout.log(self._dir, *run.key)
        tail = last_lines(log, lines=self._settings.tail_lines, limit=self._settings.tail_bytes)
        self._board.drained(run, points, message=collection.describe(), tail=tail, trouble=_trouble(self._dir))
        collection.close()
        del self._collections[run.key]

    def _collection(self, run: LocalRun) -> Collection:
        found = self._collections.get(run.key)
        if found is None:
            found = self._collections[run.key] = Collection(self._dir, run.order)
        return found

    def _close_forgotten(self) -> None:
        if self._collections:
            kept = {run.key for run in self._board.select(lambda _run: True)}
            for key in self._collections.keys() - kept:
                self._collections.pop(key).close()


def _trouble(folder: Path) -> str:
    """What about this machine may have made a run fail that just ended; empty when nothing is known."""
    try:
        full = shutil.disk_usage(folder).free < TIGHT
    except OSError:
        # There is no folder before a process was started.
        return ""
    return f"the disk of {folder}, which has its log, is full" if full else ""
