"""Runs the trials of one study as processes of this machine."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from katib.checkpointing import CHECKPOINT_DIR
from katib.core.observation import MetricPoint
from katib.core.run import Phase, RunKey, RunReport
from katib.errors import CannotLaunch, InvalidInput, RunnerUnavailable
from katib.runners.contract import LaunchOrder
from katib.runners.local import continuing
from katib.runners.local.link import Link
from katib.runners.local.places import Place, moved_process, place_of
from katib.runners.local.runs import Board, LocalRun
from katib.runners.local.settings import LocalSettings
from katib.runners.local.supervisor import layout
from katib.runners.local.supervisor.lines import key_of
from katib.runners.local.watcher import Watcher
from katib.spec.container import Process, process_of

DEFAULTS = LocalSettings()
CONTINUING = continuing.__file__


class LocalRunner:
    """Fulfils `katib.runners.contract.TrialRunner` with processes.

    A detached supervisor, one per run directory, starts them and outlives this object and its process; see
    `supervisor`. It is started when the first run is asked for.

    Args:
        run_dir: the study's folder for logs and the runner's journal; made when it is needed.
        base_env: the environment of trials, before what their templates say; None for this process's own.
        cwd: the working directory of trials whose template names none, and what a relative one is relative to; None
            for this process's own.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        base_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        settings: LocalSettings = DEFAULTS,
    ) -> None:
        # Resolved, because processes are recognised by it.
        self._dir = run_dir.resolve()
        self._cwd = cwd or Path.cwd()
        # Output that sits in a buffer is a metric that nobody sees, and is gone after kill -9.
        env = {"PYTHONUNBUFFERED": "1", **(os.environ if base_env is None else base_env)}
        # An engine that runs in a trial of another must not pass on what is that trial's.
        env.pop(CHECKPOINT_DIR, None)
        self._board = Board()
        self._link = Link(
            self._dir,
            base_env=env,
            settings=settings,
            tell=self._board.take,
            watching=self._connected,
            failed=self._not_launched,
        )
        self._limit: int | None = None
        self._closed = False
        self._trusting = False
        self._watcher = Watcher(self._dir, self._board, self._link, settings)

    queues = True

    def limit(self, most: int) -> None:
        """Let so many go on at a time; see the contract."""
        changed, self._limit = most != self._limit, most
        # Each launch says it, too: the supervisor of now may be another one then.
        if changed and self._board.active():
            self._ask({"do": "limit", "limit": most}, ())

    def launch(self, orders: Sequence[LaunchOrder]) -> None:
        """Start runs; see the contract.

        The supervisor has them on record soon after. What it could not take in is not reported any more, so that it is
        launched again, and that launch waits for the supervisor's word and raises what is wrong.
        """
        fresh = self._board.admit(orders)
        wanted = []
        for run in fresh:
            try:
                wanted.append(self._request(run.order))
            except (CannotLaunch, InvalidInput) as error:
                self._board.take({"run": run.key, "is": "refused", "message": str(error), "at": None})
        message = {"do": "launch", "runs": wanted, "limit": self._limit} if wanted else None
        if message is None or not self._trusting or self._closed:
            self._ask(message, fresh)
            self._trusting = bool(message)
            return
        if self._link.post(message):
            self._board.accept(fresh)
        else:
            self._ask(message, fresh)

    def adopt(self, orders: Sequence[LaunchOrder]) -> None:
        """Look after what a predecessor launched; see the contract. `observe` knows of it when this returns."""
        fresh = self._board.admit(orders)
        known = layout.journal(self._dir).exists()
        self._ask({"do": "watch", "runs": [{"run": run.key} for run in fresh]} if known and fresh else None, fresh)
        self._board.forget(run.key for run in fresh if run.report.phase is Phase.UNKNOWN)

    def stop(self, key: RunKey, *, grace: float | None = None) -> None:
        """End a run; see the contract. Raises RunnerUnavailable when nobody can be told to."""
        if self._board.active(key):
            self._ask({"do": "stop", "run": key, "grace": grace}, ())

    def observe(self) -> tuple[Mapping[RunKey, RunReport], Mapping[RunKey, tuple[MetricPoint, ...]]]:
        """What is known of every run, and new points; see the contract."""
        return self._board.observe()

    def forget(self, keys: Iterable[RunKey]) -> None:
        """Report these no more; see the contract."""
        self._board.forget(keys)

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` when there is news; see the contract. Called from the watching thread."""
        self._watcher.wake = wake

    def close(self, *, kill: bool = False) -> None:
        """Let go; see the contract. With `kill`, everything that this run directory runs is sent SIGKILL."""
        if self._closed:
            return
        try:
            if kill and self._board.active():
                self._link.ask({"do": "kill"})
        finally:
            self._closed = True
            self._watcher.close()
            self._link.close()

    def _ask(self, message: dict[str, Any] | None, fresh: Iterable[LocalRun]) -> None:
        """Ask, if there is something to ask; when that fails the fresh runs were not asked for."""
        try:
            if self._closed:
                raise RunnerUnavailable("this runner was closed")
            if message is not None:
                self._link.ask(message)
        except RunnerUnavailable:
            self._board.forget(run.key for run in fresh)
            raise
        if self._board.undrained() or self._board.withdrew:
            self._watcher.nudge()

    def _not_launched(self, message: Mapping[str, Any]) -> None:
        """A launch that nobody waited for came to nothing, or its answer was lost: it is to be tried again."""
        self._trusting = False
        self._board.forget(key_of(run) for run in message["runs"])
        self._watcher.wake()

    def _connected(self) -> list[RunKey]:
        """There is a new connection to listen to; these runs are to be asked about on it."""
        self._watcher.nudge()
        return self._board.active()

    def _request(self, order: LaunchOrder) -> dict[str, Any]:
        """What the supervisor is told of a run to start."""
        process = self._process(order)
        own = {
            "KATIB_TRIAL_NAME": order.trial,
            "KATIB_ATTEMPT": str(order.attempt),
            layout.REPORTS_VARIABLE: layout.reports_address(self._dir, order.trial, order.attempt),
        }
        if order.checkpoints:
            checkpoint = layout.checkpoint(self._dir, order.trial)
            own[CHECKPOINT_DIR] = str(checkpoint)
            if order.checkpoint_path:
                place = Place(path=str(PurePosixPath(order.checkpoint_path)), own=checkpoint, folder=checkpoint)
                process = moved_process(process, place)
            if order.parent:
                parent = layout.checkpoint(self._dir, order.parent)
                copier = (sys.executable, "-I", "-S", CONTINUING, str(parent), str(checkpoint))
                process = replace(process, argv=(*copier, *process.argv))
            else:
                _make(checkpoint)
        return {
            "run": order.key,
            "argv": process.argv,
            "env": {**process.env, **own},
            "cwd": str(self._cwd / (process.cwd or "")),
            "grace": process.grace,
            "deadline": process.deadline,
        }

    def _process(self, order: LaunchOrder) -> Process:
        """The order's process; where it is to write its metrics, it finds a folder of its own."""
        process = process_of(order.manifest, order.container)
        own = layout.metrics(self._dir, *order.key)
        place = place_of(order.collector, process, own)
        if place is None:
            return process
        _make(own)
        return moved_process(process, place)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerUnavailable(f"{folder} cannot be made: {error.strerror or error}") from error
