"""Watches Experiments and carries them to their ends: each is a study of the store, its trials run as Jobs beside it.

Three kinds of threads: watches learn what objects there are; one works through Experiments that changed, and one
through studies whose objects are to be written; the controller's decides. All of them are level-triggered, and what
they keep can be lost at any time: the store has the truth.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from katib.config import Settings
from katib.controller.controller import Controller, Progress
from katib.controller.opening import Opener
from katib.controller.owned import OwnedStudy
from katib.controller.queue import WorkQueue
from katib.core.study import Study
from katib.core.trial import UNFINISHED
from katib.errors import InvalidInput, KatibError, LeaseHeld, NotFound
from katib.operator.admission import Admission, study_name
from katib.operator.experiments import refused_status
from katib.operator.mirror import Mirror
from katib.operator.objects import EXPERIMENTS, TRIALS, Object, Objects
from katib.operator.rebuilding import Irrecoverable
from katib.runners.kubernetes import Cluster, KubernetesRunner
from katib.runners.kubernetes.collector import Collector
from katib.runners.kubernetes.objects import EXPERIMENT_LABEL, selector
from katib.runners.kubernetes.running import RunsAs
from katib.runners.kubernetes.sharing import SharedWatches
from katib.runners.kubernetes.watching import Watch
from katib.service.owners import Owner
from katib.service.studies import cluster_of
from katib.stores.contract import Changes, Lease, Store, TrialFilter, TrialPoints
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping.contract import EarlyStopping

log = logging.getLogger(__name__)

FINALIZER = "update-prometheus-metrics"
"""Katib's name for it. It holds an Experiment until its study is off the record."""

SETTLE = 0.2
"""Seconds in which changes of a study are gathered before its objects are written."""

PAUSE = 1.0
"""Seconds between two writings of a study's objects: however fast its trials are, its Experiment changes no faster."""

RESYNC = 20.0
"""Seconds after which an Experiment is looked at again though nothing was heard of it: its study may have changed."""

POLL = 0.5
"""Seconds after which threads look whether they are to end."""


class Operator:
    """Runs from `start` to `stop`.

    Args:
        cluster: whose Experiments these are.
        namespace: the only one to watch; empty for all.
        run_root: the folder for trials' logs.
        collector: goes beside the trials; None to read metrics from what they print.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        early_stopping: EarlyStopping,
        cluster: Cluster,
        *,
        run_root: Path,
        namespace: str = "",
        settings: Settings | None = None,
        collector: Collector | None = None,
    ) -> None:
        self._collector = collector
        self._settings = settings or Settings()
        self._store, self._cluster = store, cluster
        self._objects = Objects(cluster, namespace)
        self._admission = Admission(
            store,
            suggestions,
            early_stopping,
            run_root=run_root,
            kinds=collector.kinds if collector is not None else (),
        )
        self._controller = Controller(store, suggestions, self._settings)
        self._opener = Opener(store, suggestions, early_stopping, self._settings, self._controller.news)
        self._owner = str(Owner.me())
        self._experiments: dict[str, Object] = {}
        self._removed: dict[str, set[str]] = defaultdict(set)
        self._owned: dict[str, OwnedStudy] = {}
        self._runners: dict[str, KubernetesRunner] = {}
        self._watched: dict[str, SharedWatches] = {}
        self._over: set[str] = set()
        self._refused: dict[str, int] = {}
        self._mirrors: dict[str, Mirror] = {}
        self._shown: dict[str, float] = {}
        self._changed = WorkQueue(first_delay=1.0, longest_delay=60.0)
        self._to_show = WorkQueue(first_delay=0.5, longest_delay=30.0)
        self._stopping = threading.Event()
        self._watches: list[Watch] = []
        self._threads = [
            threading.Thread(target=work, daemon=True, name=name)
            for name, work in (
                ("katib-experiments", lambda: self._work(self._changed, self._reconcile)),
                ("katib-mirror", lambda: self._work(self._to_show, self._show)),
                ("katib-controller", lambda: self._controller.run(self._stopping)),
            )
        ]

    def start(self) -> None:
        """Begin. What goes wrong from now on is logged and tried again."""
        for thread in self._threads:
            thread.start()
        self._watches = [
            self._objects.watch(EXPERIMENTS, self._see_experiment, _trouble(EXPERIMENTS)),
            self._objects.watch(
                TRIALS, self._see_trial, _trouble(TRIALS), selector=EXPERIMENT_LABEL, metadata_only=True
            ),
        ]
        self._changed.add("", after=SETTLE)

    def stop(self) -> None:
        """Give up all leases and let go of runs, which go on."""
        self._stopping.set()
        for watch in self._watches:
            watch.stop()
        for thread in self._threads:
            thread.join()
        self._controller.close()
        for owned in self._owned.values():
            owned.close()

    def heard(self, study: str, said: TrialPoints) -> None:
        """A trial has reported; from any thread."""
        runner = self._runners.get(study)
        if runner is not None:
            runner.deliver((said.trial, said.attempt), said.points)

    def hurry(self) -> None:
        """There is nothing that it waits for."""

    # --- What is there

    def _see_experiment(self, found: Object, gone: bool) -> None:
        name = study_name(found)
        if gone:
            self._experiments.pop(name, None)
        else:
            self._experiments[name] = found
        self._changed.add(name)

    def _see_trial(self, found: Object, gone: bool) -> None:
        metadata = found["metadata"]
        name = f"{metadata['namespace']}/{metadata['labels'][EXPERIMENT_LABEL]}"
        if gone and name in self._experiments:
            mirror = self._mirrors.get(name)
            if mirror is not None:
                mirror.forget(metadata["name"])
            self._removed[name].add(metadata["name"])
            self._changed.add(name)

    # --- Experiments

    def _work(self, queue: WorkQueue, do: Callable[[str], None]) -> None:
        while not self._stopping.is_set():
            name = queue.get(POLL)
            if name is None:
                continue
            try:
                do(name)
            except KatibError as error:
                log.warning("%s: %s", name, error)
                queue.failed(name)
            except Exception:
                log.exception("%s cannot be looked at", name)
                queue.failed(name)
            else:
                queue.succeeded(name)

    def _reconcile(self, name: str) -> None:
        if not name:
            self._sweep()
            return
        experiment = self._experiments.get(name)
        if experiment is None:
            self._end(name)
        elif experiment["metadata"].get("deletionTimestamp"):
            self._end(name)
            self._release(experiment)
        elif self._hold(experiment):
            self._carry_on(name, experiment)
            self._changed.add(name, after=RESYNC)

    def _sweep(self) -> None:
        """Forget studies whose Experiments went while nobody watched."""
        studies = [study for study in self._store.list_studies() if self._is_ours(study)]
        there = {found["metadata"]["uid"] for found in self._objects.list(EXPERIMENTS)}
        for study in studies:
            if study.uid not in there:
                self._admission.remove(study)
            elif not _is_unfinished(study):
                self._clean_up(study)

    def _clean_up(self, study: Study) -> None:
        """Its end was on record before all that ran its trials was removed, perhaps."""
        runs_as, place = RunsAs.of(study.effective), self._cluster.within(study.name.partition("/")[0])
        if not runs_as.retain:
            for found in place.objects(runs_as.kind, selector(study.uid)):
                place.delete(runs_as.kind, found["metadata"]["name"])

    def _is_ours(self, study: Study) -> bool:
        place = cluster_of(study.effective) if "/" in study.name else None
        if place is None or place.context != self._cluster.context:
            return False
        return self._objects.namespace in ("", place.namespace)

    def _hold(self, experiment: Object) -> bool:
        """Make sure that the Experiment is not gone before its study is; whether it is so already."""
        metadata = experiment["metadata"]
        finalizers = metadata.get("finalizers") or []
        if FINALIZER not in finalizers:
            self._finalize(experiment, [*finalizers, FINALIZER])
        return FINALIZER in finalizers

    def _release(self, experiment: Object) -> None:
        finalizers = experiment["metadata"].get("finalizers") or []
        if FINALIZER in finalizers:
            self._finalize(experiment, [each for each in finalizers if each != FINALIZER])

    def _finalize(self, experiment: Object, finalizers: list[str]) -> None:
        metadata = experiment["metadata"]
        change = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}}
        self._objects.patch(EXPERIMENTS, metadata["namespace"], metadata["name"], change)

    def _carry_on(self, name: str, experiment: Object) -> None:
        study = self._admission.find(experiment)
        if study is None:
            self._let_go(name)
            study = self._admit(experiment)
        if study is None:
            return
        if name not in self._mirrors:
            self._mirrors[name] = Mirror(self._store, self._objects, study, experiment)
        if name in self._over:
            self._let_go(name)
        study = self._with_budget(experiment, study)
        self._take_off(name, study)
        if not self._controller.watches(name) and _is_unfinished(study):
            self._own(study, experiment)
        self._to_show.add(name, after=SETTLE)

    def _admit(self, experiment: Object) -> Study | None:
        metadata = experiment["metadata"]
        try:
            return self._admission.admit(experiment, self._cluster.within(metadata["namespace"]), self._objects)
        except InvalidInput as error:
            before = experiment.get("status") or {}
            if isinstance(error, Irrecoverable) and before.get("completionTime"):
                # It has ended, and that stands.
                self._tell_once(experiment, "StoreLost", error)
                return None
            status = refused_status(error, before.get("conditions") or (), now=time.time())
            if status["conditions"] != before.get("conditions"):
                self._objects.patch_status(EXPERIMENTS, metadata["namespace"], metadata["name"], status)
            return None

    def _with_budget(self, experiment: Object, study: Study) -> Study:
        try:
            changed = self._admission.follow_budget(experiment, study)
        except InvalidInput as error:
            self._tell_once(experiment, "EditRefused", error)
            return study
        if changed.generation != study.generation:
            # That it was restarted is seen before anything comes of it.
            self._mirrors[study.name].sync()
            self._controller.wake(study.name)
        return changed

    def _tell_once(self, experiment: Object, reason: str, error: InvalidInput) -> None:
        """Say once of each generation what is not done."""
        metadata = experiment["metadata"]
        if self._refused.get(metadata["uid"]) != metadata["generation"]:
            self._objects.tell(experiment, "Warning", reason, str(error))
            self._refused[metadata["uid"]] = metadata["generation"]

    def _take_off(self, name: str, study: Study) -> None:
        """Take trials off the record whose objects somebody has deleted: the budget gives others in their stead."""
        names = frozenset(self._removed.pop(name, ()))
        if not names:
            return
        for trial in self._store.trials(study.uid, TrialFilter(names=names)):
            if self._controller.watches(name):
                self._controller.remove(name, trial, "its object was deleted")
            else:
                lease = self._acquire(study)
                self._store.commit(lease, Changes(removed=[trial.ordinal]), now=time.time())
                self._store.release(lease)
            self._mirrors[name].gone(trial)

    def _own(self, study: Study, experiment: Object) -> None:
        name = study.name
        try:
            lease = self._acquire(study)
        except LeaseHeld:
            # By a predecessor that is gone, or by another replica.
            self._changed.add(name, after=2.0)
            return
        # While it was another one's its objects changed, and what a watch has told may be older than what we wrote.
        metadata = experiment["metadata"]
        found = self._objects.get(EXPERIMENTS, metadata["namespace"], metadata["name"])
        mirror = Mirror(self._store, self._objects, study, found or experiment)
        namespace, _, short = name.partition("/")
        place = self._cluster.within(namespace)
        runner = KubernetesRunner(
            place,
            study=short,
            uid=study.uid,
            run_dir=Path(study.run_dir),
            runs_as=RunsAs.of(study.effective),
            owner=mirror.owner_of,
            collector=self._collector,
            watches=self._watched.setdefault(namespace, SharedWatches(place)),
        )
        self._mirrors[name] = mirror
        self._runners[name] = runner
        owned = self._opener.open(lease, study, runner)
        self._owned[name] = owned
        self._controller.take(owned, lambda progress: self._progressed(name, progress))

    def _acquire(self, study: Study) -> Lease:
        owner = Owner.parse(study.owner)
        dead = study.owner if owner is not None and owner.is_dead() else ""
        seconds = self._settings.lease.seconds
        return self._store.acquire(study.name, self._owner, now=time.time(), seconds=seconds, dead=dead)

    def _progressed(self, name: str, progress: Progress) -> None:
        """Called by the controller after each look."""
        if progress.over:
            self._over.add(name)
            self._changed.add(name)
        looked = progress.looked
        if looked is not None and (looked.plan.transitions or looked.plan.condition or progress.over):
            self._to_show.add(name, after=SETTLE)

    def _let_go(self, name: str) -> None:
        self._over.discard(name)
        if self._controller.watches(name):
            self._controller.let_go(name)
        self._runners.pop(name, None)
        owned = self._owned.pop(name, None)
        if owned is not None:
            owned.close()

    def _end(self, name: str) -> None:
        """Its Experiment is gone or goes, and what belongs to it goes with it: the cluster sees to that."""
        self._let_go(name)
        self._mirrors.pop(name, None)
        self._removed.pop(name, None)
        self._shown.pop(name, None)
        try:
            study = self._store.get_study(name)
        except NotFound:
            return
        if self._is_ours(study):
            self._admission.remove(study)

    # --- Objects

    def _show(self, name: str) -> None:
        mirror = self._mirrors.get(name)
        # What another replica carries on, it shows.
        if mirror is None or not (name in self._owned or self._store.get_study(name).condition.ended):
            return
        wait = self._shown.get(name, 0.0) + PAUSE - time.monotonic()
        if wait > 0:
            self._to_show.add(name, after=wait)
            return
        mirror.sync()
        self._shown[name] = time.monotonic()


def _is_unfinished(study: Study) -> bool:
    """Whether something is left to do for it."""
    if study.condition.concluded:
        return study.summary.count(*UNFINISHED) > 0
    return not (study.condition.ended and study.stop_requested)


def _trouble(what: str) -> Callable[[str], None]:
    def tell(said: str) -> None:
        if said:
            log.warning("%s cannot be watched: %s", what, said)

    return tell
