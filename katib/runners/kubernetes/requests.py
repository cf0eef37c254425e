"""What the runner asks of the API server about runs: in threads of its own, tried again for as long as it takes."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from katib.core.run import Cause, Phase, RunKey, RunReport
from katib.errors import CannotLaunch, KatibError, NotFound
from katib.runners.kubernetes import states
from katib.runners.kubernetes.cluster import Cluster
from katib.runners.kubernetes.collector import sidecar_name
from katib.runners.kubernetes.faults import NoLog
from katib.runners.kubernetes.objects import is_collected, job_name
from katib.runners.kubernetes.records import write_record
from katib.runners.kubernetes.running import Kind
from katib.runners.kubernetes.runs import Rest, Run
from metrics_collector.task import left_in

log = logging.getLogger(__name__)

LAST_LINES = 1000
"""Of a collector's log, which may repeat all that the trial has printed: what it could not send is at its end."""


class Requests:
    """See the module's text. No method waits for an answer but `kill` and `close`.

    Args:
        closing: set when nothing is to be tried again.
        lock: held while a run is changed.
        kind: what the runs' objects are.
        owner: see KubernetesRunner.
        finish: called with a run that is over.
        say: called with how a run stands.
        news: called when something was learnt.
    """

    def __init__(
        self,
        cluster: Cluster,
        run_dir: Path,
        closing: threading.Event,
        lock: threading.RLock,
        *,
        kind: Kind,
        owner: Callable[[str], Mapping[str, Any]] | None,
        finish: Callable[[Run, RunReport], None],
        say: Callable[[Run, RunReport], object],
        news: Callable[[], None],
    ) -> None:
        self._cluster, self._dir, self._closing, self._lock = cluster, run_dir, closing, lock
        self._settings, self._kind = cluster.settings, kind
        self._owner, self._finish, self._say, self._news = owner, finish, say, news
        self._in_vain = False
        threads = self._settings.threads
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="katib-jobs")
        # Apart: a collector that says nothing must not keep Jobs from being created.
        self._asking = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="katib-collectors")

    def create(self, run: Run, job: dict[str, Any]) -> None:
        """Create a run's Job, as long as it is wanted."""
        self._submit(self._create, run, job)

    def stop(self, run: Run, *, at_once: bool) -> None:
        """Delete the Job of a run that is to stop. One that is not created yet never is."""
        self._submit(self._stop, run, at_once)

    def remove(self, key: RunKey) -> None:
        """Delete the Job of a run that is on record."""
        self._submit(self._remove, job_name(key))

    def ask_for_rest(self, run: Run) -> None:
        """Read what a run's collector could not send."""
        self._submit(self._ask_for_rest, run, to=self._asking)

    def kill(self, runs: Iterable[Run]) -> None:
        """Delete Jobs without grace. Raises RunnerUnavailable."""
        for run in runs:
            if run.created:
                self._cluster.delete(self._kind, job_name(run.key), at_once=True)
            report = RunReport(phase=Phase.ENDED, cause=Cause.STOPPED, started_at=run.report.started_at, drained=True)
            write_record(self._dir, run.key, report)

    def close(self) -> None:
        """Wait for what was asked. Jobs that are to go do so still, but nobody waits for a cluster that is silent."""
        self._asking.shutdown(wait=True)
        self._threads.shutdown(wait=True)

    def _submit(self, do: Callable[..., None], *given: object, to: ThreadPoolExecutor | None = None) -> None:
        def guarded() -> None:
            try:
                do(*given)
            except Exception:
                log.exception("a request failed")

        (to or self._threads).submit(guarded)

    def _create(self, run: Run, job: dict[str, Any]) -> None:
        pause = self._settings.retry
        while run.wanted and not self._closing.is_set():
            try:
                if self._owner is not None:
                    job["metadata"]["ownerReferences"] = [dict(self._owner(run.order.trial))]
                found = self._cluster.create(job)
                if not run.over:
                    write_record(self._dir, run.key, None)
            except CannotLaunch as error:
                self._finish(run, RunReport(phase=Phase.REFUSED, message=str(error)))
                return
            except NotFound:
                # The trial was taken off the record.
                return
            except (KatibError, OSError) as error:
                self._say(run, RunReport(phase=Phase.STARTING, message=str(error)))
                self._closing.wait(pause)
                pause = min(2 * pause, self._settings.longest_retry)
                continue
            with self._lock:
                run.created, run.collected = True, is_collected(found, run.order)
                if run.seen.job is None:
                    run.seen = replace(run.seen, job=found)
                unwanted = not run.wanted
            if unwanted:
                self._stop(run, at_once=False)
            self._news()
            return
        if run.seen.stopped:
            self._finish(run, RunReport(phase=Phase.ENDED, cause=Cause.STOPPED))

    def _stop(self, run: Run, at_once: bool) -> None:
        if run.created:
            self._remove(job_name(run.key), at_once=at_once)
        self._news()

    def _remove(self, name: str, *, at_once: bool = False) -> None:
        pause = self._settings.retry
        while not (self._closing.is_set() and self._in_vain):
            try:
                self._cluster.delete(self._kind, name, at_once=at_once)
                return
            except KatibError as error:
                self._in_vain = True
                log.warning("%s", error)
            if self._closing.wait(pause):
                return
            pause = min(2 * pause, self._settings.longest_retry)

    def _ask_for_rest(self, run: Run) -> None:
        """Its last line comes within a second of the trial's end, long before the cluster says that it has ended."""
        pod = run.seen.pod["metadata"]["name"] if run.seen.pod else ""
        sidecar = sidecar_name(run.order.collector)
        while not self._closing.is_set():
            # Known before it is asked: then nothing comes after what it has said.
            over = states.sidecar_is_over(run.seen, sidecar)
            try:
                with self._cluster.log(pod, sidecar, last=LAST_LINES) as pieces:
                    lines = b"".join(pieces).splitlines()
            except NoLog:
                lines, over = [], True
            except KatibError as error:
                log.warning("%s", error)
                lines, over = [], False
            # Each has its time before it.
            points, looked = left_in(b"\n".join(line.partition(b" ")[2] for line in lines))
            if looked or over:
                run.rest = Rest(points=tuple(points), looked=looked)
                self._news()
                return
            if run.over:
                return
            self._closing.wait(self._settings.ask_again)
