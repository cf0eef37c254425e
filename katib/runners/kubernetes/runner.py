"""Runs the trials of one study as Jobs of a cluster, or as objects of any other kind."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from katib.core.observation import MetricPoint
from katib.core.run import Cause, Phase, RunKey, RunReport
from katib.errors import InvalidInput, RunnerUnavailable
from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes import states
from katib.runners.kubernetes.cluster import Cluster
from katib.runners.kubernetes.collector import Collector
from katib.runners.kubernetes.objects import is_collected, job_name, key_of, object_of, selector
from katib.runners.kubernetes.podlog import PodLog
from katib.runners.kubernetes.records import read_record, write_record
from katib.runners.kubernetes.requests import Requests
from katib.runners.kubernetes.running import JOBS, Kind, RunsAs
from katib.runners.kubernetes.runs import OVER, Run
from katib.runners.kubernetes.sharing import Listener, SharedWatches
from katib.runners.local.logs import last_lines, plain
from katib.runners.local.supervisor import layout
from metrics_collector.sources import Source

log = logging.getLogger(__name__)


class KubernetesRunner:
    """Fulfils `katib.runners.contract.TrialRunner` with Jobs.

    One thread looks at runs when an object of theirs changed; each running container's log is followed in a thread of
    its own, into the study's folder, from which metrics are read as on the laptop.

    Args:
        cluster: the namespace to run in.
        study, uid: the study's name and uid.
        run_dir: the study's folder for logs and records; made when it is needed.
        runs_as: what its trials are.
        owner: makes sure that there is the object which a trial's Jobs belong to, and says which: what is asked of it
            takes as long as a request does, and it raises what `Cluster.create` raises. None: they belong to none.
        collector: goes beside the trials; None to read metrics from what they print.
        watches: those of the namespace, which other studies share; None for its own.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        study: str,
        uid: str,
        run_dir: Path,
        runs_as: RunsAs = JOBS,
        owner: Callable[[str], Mapping[str, Any]] | None = None,
        collector: Collector | None = None,
        watches: SharedWatches | None = None,
    ) -> None:
        self._cluster, self._collector = cluster, collector
        self._shared = watches or SharedWatches(cluster, selector(uid))
        self._settings = cluster.settings
        self._study, self._uid, self._dir, self._runs_as = study, uid, run_dir, runs_as
        self._runs: dict[RunKey, Run] = {}
        self._lock = threading.RLock()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._trouble: dict[str, str] = {}
        self._wake: Callable[[], None] = lambda: None
        self._watches: list[Listener] = []
        self._requests = Requests(
            cluster,
            run_dir,
            self._closing,
            self._lock,
            kind=runs_as.kind,
            owner=owner,
            finish=self._finish,
            say=self._say,
            news=self._news.set,
        )
        self._thread = threading.Thread(target=self._work, daemon=True, name=f"katib-watch-{study}")

    # --- The contract

    queues = False

    def limit(self, most: int) -> None:
        """Nothing: what is launched starts as the cluster has room; see the contract."""

    def launch(self, orders: Sequence[LaunchOrder]) -> None:
        """Start runs; see the contract. Their Jobs are created behind it, however long the cluster takes for that."""
        for run in self._admit(orders):
            _, ended = read_record(self._dir, run.key)
            if ended is not None:
                self._recall(run, ended)
                continue
            try:
                job = object_of(
                    run.order,
                    study=self._study,
                    study_uid=self._uid,
                    runs_as=self._runs_as,
                    collector=self._collector,
                )
            except InvalidInput as error:
                self._finish(run, RunReport(phase=Phase.REFUSED, message=str(error)))
                continue
            run.wanted, run.collected = True, is_collected(job, run.order)
            self._requests.create(run, job)
        self._begin()

    def adopt(self, orders: Sequence[LaunchOrder]) -> None:
        """Look after what a predecessor launched; see the contract. Raises RunnerUnavailable.

        Jobs whose outcome is on record, and which it had no time to remove, are removed.
        """
        there = self._cluster.objects(self._runs_as.kind, selector(self._uid))
        found = {key_of(job["metadata"].get("labels") or {}): job for job in there}
        for run in self._admit(orders):
            known, ended = read_record(self._dir, run.key)
            job = found.get(run.key)
            if ended is not None:
                self._recall(run, ended)
            elif job is not None:
                run.created = run.wanted = True
                run.collected = is_collected(job, run.order)
                run.seen = replace(run.seen, job=job)
            elif known:
                message = "its Job was deleted while nobody watched it"
                self._finish(run, RunReport(phase=Phase.LOST, message=message))
            else:
                with self._lock:
                    self._drop(run.key)
        if not self._runs_as.retain:
            wanted = {order.key for order in orders}
            for key in found:
                if key is not None and key not in wanted:
                    self._requests.remove(key)
        self._begin()

    def stop(self, key: RunKey, *, grace: float | None = None) -> None:
        """End a run by deleting its Job; see the contract. How long its pod gets for that its template says: `grace`
        matters only when it is 0.
        """
        with self._lock:
            run = self._runs.get(key)
            if run is None or run.over or run.seen.stopped:
                return
            run.seen = replace(run.seen, stopped=True)
            run.wanted = False
        self._requests.stop(run, at_once=grace == 0)

    def observe(self) -> tuple[Mapping[RunKey, RunReport], Mapping[RunKey, tuple[MetricPoint, ...]]]:
        """What is known of every run, and new points; see the contract."""
        points = {}
        with self._lock:
            trouble = next(filter(None, self._trouble.values()), "")
            reports = {
                key: replace(run.report, message=trouble) if trouble and not run.over else run.report
                for key, run in self._runs.items()
            }
            for key, run in self._runs.items():
                if run.points:
                    points[key] = tuple(run.points)
                    run.points = []
        return reports, points

    def deliver(self, key: RunKey, points: Iterable[MetricPoint]) -> None:
        """Take in what a run's collector has sent to somebody else in this process."""
        with self._lock:
            run = self._runs.get(key)
            if run is not None:
                run.points += points
        self._wake()

    def forget(self, keys: Iterable[RunKey]) -> None:
        """Report these no more, and remove their Jobs; see the contract. Their logs stay."""
        for key in keys:
            with self._lock:
                run = self._drop(key)
                # A quick one may be over before it is heard that its Job was created.
                there = run is not None and (run.created or run.seen.job is not None or run.seen.pod is not None)
                if run is not None and not there and not self._runs_as.retain:
                    run.wanted = False
            if there and not self._runs_as.retain:
                self._requests.remove(key)

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` when there is news; see the contract. Called from the watching thread."""
        self._wake = wake

    def close(self, *, kill: bool = False) -> None:
        """Let go; see the contract. With `kill`, every Job that runs is deleted without grace."""
        if self._closing.is_set():
            return
        with self._lock:
            active = [run for run in self._runs.values() if not run.over]
            for run in active if kill else ():
                # Otherwise a Job that is being created now stays, for the successor.
                run.wanted = False
        self._closing.set()
        self._news.set()
        for watch in self._watches:
            watch.stop()
        if self._thread.ident is not None:
            self._thread.join()
        try:
            if kill:
                self._requests.kill(active)
        finally:
            self._requests.close()
            for run in self._runs.values():
                run.close()

    # --- Watching

    def _begin(self) -> None:
        with self._lock:
            if self._watches or self._closing.is_set() or not self._runs:
                return
            kind, known_by = self._runs_as.kind, self._runs_as.known_by
            listen = self._shared.listen
            for what, tell in ((kind, self._see_job), ("pods", self._see_pod), ("events", self._see_event)):
                self._watches.append(listen(what, self._uid, tell, self._troubled(what)))
            if known_by:
                trouble = self._troubled("pods")
                self._watches.append(listen("pods", self._uid, self._see_pod, trouble, selector=known_by))
            self._thread.start()

    def _troubled(self, what: str | Kind) -> Callable[[str], None]:
        about = what if isinstance(what, str) else f"objects of the kind {what[1]}"

        def trouble(said: str) -> None:
            # Without events reasons are weaker, and that is all.
            if what != "events":
                with self._lock:
                    self._trouble[about] = f"the cluster's {about} cannot be watched: {said}" if said else ""
                self._wake()

        return trouble

    def _see_job(self, job: dict[str, Any], gone: bool) -> None:
        run = self._run_of(job)
        if run is not None:
            with self._lock:
                run.seen = replace(run.seen, job=job, job_gone=gone)
            self._news.set()

    def _see_pod(self, pod: dict[str, Any], gone: bool) -> None:
        run = self._run_of(pod)
        if run is not None:
            with self._lock:
                run.see_pod(pod, gone, self._runs_as.pod_labels)
            self._news.set()

    def _see_event(self, event: dict[str, Any], gone: bool) -> None:
        if not gone:
            with self._lock:
                heard = [run.see_event(*states.event_of(event)) for run in self._runs.values()]
            if any(heard):
                self._news.set()

    def _run_of(self, found: Mapping[str, Any]) -> Run | None:
        labels = found["metadata"].get("labels") or {}
        key, name = key_of(labels), labels.get(self._runs_as.known_by)
        with self._lock:
            if key is None and name is not None:
                return next((run for run in self._runs.values() if job_name(run.key) == name), None)
            return self._runs.get(key) if key is not None else None

    def _work(self) -> None:
        while not self._closing.is_set():
            self._news.wait(self._settings.poll)
            self._news.clear()
            with self._lock:
                runs = [run for run in self._runs.values() if not run.over]
            news = [self._look(run) for run in runs]
            if any(news):
                self._wake()

    def _look(self, run: Run) -> bool:
        """Take in what became of a run; whether there is news."""
        seen = run.seen
        if not run.created and not (seen.job or seen.pod):
            return self._never_created(run)
        follows = self._settings.follow_logs or not run.collected
        if run.log is None and follows and states.container_began(seen):
            pod = seen.pod["metadata"]["name"] if seen.pod else ""
            path = layout.log(self._dir, *run.key)
            run.log = PodLog(self._cluster, pod, run.order.container, path)
        news = self._read(run, lambda source: source.poll())
        report = states.report_of(seen)
        if report is None:
            run.undecided_since = run.undecided_since or time.monotonic()
            if time.monotonic() - run.undecided_since < self._settings.settle:
                return news
            report = RunReport(phase=Phase.LOST, message="its pod was deleted, and nobody said why")
        if report.phase not in OVER:
            return self._say(run, report) or news
        # An end is told together with the last points.
        run.over_since = run.over_since or time.monotonic()
        since = time.monotonic() - run.over_since
        if states.may_have_more(seen) and since < self._settings.settle:
            return news
        late = since > self._settings.last_log
        read = [self._log_is_read(run), self._rest_is_read(run)]
        if not all(read) and not late:
            return news
        self._finish(run, report)
        return True

    def _log_is_read(self, run: Run) -> bool:
        if run.log is not None:
            run.log.over()
        return run.log is None or run.log.done.is_set()

    def _rest_is_read(self, run: Run) -> bool:
        """Whether it is known what the collector could not send; asks for it, once."""
        if not run.collected or not states.container_began(run.seen) or run.rest is not None:
            return True
        if not run.asked_for_rest:
            run.asked_for_rest = True
            self._requests.ask_for_rest(run)
        return False

    def _never_created(self, run: Run) -> bool:
        if not run.seen.stopped:
            return False
        # Told once more to the thread that creates it; see there.
        self._finish(run, RunReport(phase=Phase.ENDED, cause=Cause.STOPPED))
        return True

    def _say(self, run: Run, report: RunReport) -> bool:
        report = replace(report, message=plain(report.message))
        with self._lock:
            if run.over or run.report == report:
                return False
            running = run.report.phase is Phase.RUNNING and report.phase is Phase.STARTING
            if running:
                return False
            run.report = report
        return True

    def _finish(self, run: Run, report: RunReport) -> None:
        """It is over, and everything that it reported has been read."""
        self._read(run, lambda source: source.drain())
        described = run.fault or (run.source.describe() if run.source is not None else "")
        if run.rest is not None:
            described = run.rest.looked or described
            with self._lock:
                run.points += run.rest.points
        problem = run.log.problem if run.log is not None else ""
        tail = last_lines(
            layout.log(self._dir, *run.key), lines=self._settings.tail_lines, limit=self._settings.tail_bytes
        )
        said = "; ".join(filter(None, (report.message, problem))) or described
        # Where no container was seen to end, nobody else says when.
        ended_at = report.ended_at or (time.time() if report.phase is Phase.ENDED else None)
        final = replace(report, message=said, tail=tail, drained=True, ended_at=ended_at)
        with contextlib.suppress(OSError):
            write_record(self._dir, run.key, final)
        with self._lock:
            if not run.over:
                run.report = final
        run.close()
        self._wake()

    def _recall(self, run: Run, ended: RunReport) -> None:
        """A run that ended before, by its record."""
        self._read(run, lambda source: source.drain())
        with self._lock:
            run.report = ended
            run.created = True
        run.close()

    def _read(self, run: Run, read: Callable[[Source], list[MetricPoint]]) -> bool:
        """Read points from the copy of the log; whether there were any. A fault of one run is no other's."""
        if run.fault:
            return False
        try:
            points = read(run.opened_source(self._dir))
        except Exception as error:
            log.exception("the metrics of %s cannot be read", run.key)
            run.fault = f"its metrics could not be read: {error}"
            return False
        with self._lock:
            run.points += points
        return bool(points)

    # --- The runs

    def _admit(self, orders: Sequence[LaunchOrder]) -> list[Run]:
        if self._closing.is_set():
            raise RunnerUnavailable("this runner was closed")
        with self._lock:
            fresh = {order.key: Run(order, self._runs_as) for order in orders if order.key not in self._runs}
            self._runs.update(fresh)
        return list(fresh.values())

    def _drop(self, key: RunKey) -> Run | None:
        return self._runs.pop(key, None)
