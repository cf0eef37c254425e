"""Studies as users speak of them: create, continue, extend, stop, delete."""

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from katib.core.study import UNBOUNDED, Budget, Study, StudyReason
from katib.errors import AlreadyExists, Fault, InvalidInput, LeaseHeld, NotFound
from katib.service import endpoints
from katib.service.owners import running_elsewhere
from katib.spec.prepare import Prepared
from katib.spec.study import budget, objectives
from katib.stores.contract import NewStudy, Store, Wish

WORKDIR_ANNOTATION = "katib.kubeflow.org/working-directory"
"""Where trials start when their template names no workingDir: the experiment file's folder on the machine it ran on."""
CONTEXT_ANNOTATION = "katib.kubeflow.org/kubernetes-context"
"""The context of the kubeconfig whose cluster runs the trials; absent where this machine does."""


@dataclass(frozen=True, kw_only=True)
class ClusterPlace:
    """Where on a cluster a study's trials run.

    Attributes:
        context: of the kubeconfig; empty for the cluster that the engine itself is in.
    """

    context: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study that `create` found or made."""

    study: Study
    created: bool


def find_study(store: Store, key: str) -> Study:
    """The study of that name or, when no study has it, of that uid. Raises NotFound."""
    try:
        return store.get_study(key)
    except NotFound as missing:
        try:
            return store.view(key, advice=0).study
        except NotFound:
            raise missing from None


class Studies:
    """The users' door to the store.

    Args:
        now: seconds since the epoch.
    """

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self.store = store
        self._now = now

    def create(
        self,
        prepared: Prepared,
        *,
        run_root: Path,
        workdir: Path,
        cluster: ClusterPlace | None = None,
        servers: Mapping[str, str] | None = None,
    ) -> Opened:
        """Record an experiment as a study, or find the one of the same name and specification.

        Args:
            run_root: the folder in which the study gets a folder for its logs.
            workdir: where trials start unless their template says otherwise.
            cluster: where on a cluster they run; None for this machine.
            servers: annotations that say who answers for its algorithm, see `endpoints`.

        Raises:
            AlreadyExists: the name is taken by a study with another specification.
        """
        folder = _free_folder(run_root, prepared.experiment.name)
        effective = placed(prepared.effective, workdir, cluster, servers)
        new = replace(new_study(prepared), effective=effective, run_dir=str(folder))
        return self._create(new)

    def create_for_clients(self, prepared: Prepared) -> Opened:
        """Record a study whose clients run its trials, or find the one of the same name and specification.

        Raises:
            AlreadyExists: the name is taken by a study with another specification.
        """
        new = new_study(prepared)
        if prepared.document.get("spec", {}).get("parallelTrialCount") is None:
            new = replace(new, budget=replace(new.budget, parallel=UNBOUNDED))
        return self._create(new)

    def _create(self, new: NewStudy) -> Opened:
        name = new.name
        try:
            return Opened(study=self.store.create_study(new, now=self._now()), created=True)
        except AlreadyExists:
            study = self.store.get_study(name)
        different = [*differences(study.effective["spec"], new.effective["spec"]), *_elsewhere(study, new)]
        if different:
            raise AlreadyExists(
                f"a study named {name!r} exists with another specification; different: {', '.join(different)}",
                hint=f"give this one another name with --name, change the existing one's budget with "
                f"`katib resume {name} --max-trials N --parallel N`, or remove it with `katib delete {name}`",
            )
        return Opened(study=study, created=False)

    def extend(
        self,
        name: str,
        *,
        max_trials: int | None = None,
        parallel: int | None = None,
        max_failed: int | None = None,
        max_seconds: float | None = None,
        max_stale: int | None = None,
    ) -> Study:
        """Let a study go on: not stopped any more, with a new budget where one is given, reopened when it has ended.

        Raises:
            NotFound: no such study.
            InvalidInput: the numbers are no budget, or it would end again at once; the fault says what to change.
        """
        study = self.store.get_study(name)
        wanted = _budget(study.budget, max_trials=max_trials, parallel=parallel, max_failed=max_failed)
        wanted = replace(
            wanted,
            max_seconds=wanted.max_seconds if max_seconds is None else max_seconds,
            max_stale=wanted.max_stale if max_stale is None else max_stale,
        )
        if study.condition.concluded:
            refuse_in_vain(study, wanted)
        changed = wanted if wanted != study.budget else None
        return self.store.wish(name, Wish(stop=False, budget=changed, reopen=True), now=self._now())

    def go_on(self, name: str) -> Study:
        """Take back the wish to stop. Raises NotFound."""
        return self.store.wish(name, Wish(stop=False), now=self._now())

    def stop(self, name: str) -> Study:
        """Wish a study to stop. Its owner acts on it within a second; nothing happens to one that has ended."""
        study = self.store.get_study(name)
        if study.condition.ended:
            return study
        return self.store.wish(name, Wish(stop=True), now=self._now())

    def check_deletable(self, name: str) -> Study:
        """The study, if nobody runs it. Raises NotFound, and LeaseHeld while a live process does."""
        study = self.store.get_study(name)
        owner = running_elsewhere(study, now=self._now())
        if owner is not None:
            raise LeaseHeld(
                f"{name!r} is being run by {owner.described}",
                hint=f"stop it first: `katib stop {name}`",
            )
        return study

    def delete(self, name: str) -> Study:
        """Remove a study, its trials and its logs. Raises as `check_deletable`."""
        study = self.check_deletable(name)
        self.store.delete_study(name)
        if study.run_dir:
            shutil.rmtree(study.run_dir, ignore_errors=True)
        return study


def workdir_of(study: Study) -> Path:
    """Where the study's trials start."""
    return Path(_annotations(study.effective).get(WORKDIR_ANNOTATION, "."))


def cluster_of(effective: Mapping[str, Any]) -> ClusterPlace | None:
    """Where on a cluster the trials of an effective Experiment run; None for this machine."""
    context = _annotations(effective).get(CONTEXT_ANNOTATION)
    if context is None:
        return None
    return ClusterPlace(context=context, namespace=effective["metadata"].get("namespace") or "default")


def _annotations(effective: Mapping[str, Any]) -> Mapping[str, str]:
    return effective.get("metadata", {}).get("annotations") or {}


def _elsewhere(study: Study, new: NewStudy) -> list[str]:
    """What differs in where they run, and in who answers for their algorithms."""
    moved = cluster_of(study.effective) != cluster_of(new.effective)
    return ["where it runs (--on, --namespace)"] * moved + endpoints.differences(study.effective, new.effective)


def differences(old: Any, new: Any, path: str = "spec") -> list[str]:
    """The paths at which two documents differ, at most ten."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        found = [line for key in keys for line in differences(old.get(key), new.get(key), f"{path}.{key}")]
        return found[:10]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{path}[{i}]")][:10]
    return [] if old == new else [path]


def placed(
    effective: Mapping[str, Any],
    workdir: Path,
    cluster: ClusterPlace | None,
    servers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The effective Experiment with where it runs, and who answers for it, written into its metadata."""
    metadata = dict(effective.get("metadata") or {})
    annotations = {**(metadata.get("annotations") or {}), WORKDIR_ANNOTATION: str(workdir), **(servers or {})}
    if cluster is not None:
        annotations[CONTEXT_ANNOTATION] = cluster.context
        metadata["namespace"] = cluster.namespace
    return {**effective, "metadata": {**metadata, "annotations": annotations}}


def new_study(prepared: Prepared) -> NewStudy:
    """What is recorded of an experiment; its name and uid, and where it runs, may be replaced."""
    experiment = prepared.experiment
    objective, *further = objectives(experiment)
    return NewStudy(
        name=experiment.name,
        uid=uuid.uuid4().hex,
        document=prepared.document,
        effective=prepared.effective,
        objective=objective,
        further_objectives=tuple(further),
        budget=budget(experiment),
    )


def _free_folder(root: Path, name: str) -> Path:
    """A folder for a new study's logs: its name, or with a number when another store's study has that one."""
    candidates = (root / (name if number == 1 else f"{name}-{number}") for number in range(1, 10_000))
    return next(folder for folder in candidates if not folder.exists())


def _budget(old: Budget, *, max_trials: int | None, parallel: int | None, max_failed: int | None) -> Budget:
    faults = [
        Fault(path=path, given=str(given), wanted=f"must be at least {least}")
        for path, given, least in (
            ("--max-trials", max_trials, 1),
            ("--parallel", parallel, 1),
            ("--max-failed", max_failed, 0),
        )
        if given is not None and given < least
    ]
    if faults:
        raise InvalidInput(faults, what="the new budget")
    return replace(
        old,
        max_trials=old.max_trials if max_trials is None else max_trials,
        parallel=old.parallel if parallel is None else parallel,
        max_failed=old.max_failed if max_failed is None else max_failed,
    )


CHANGE = "`change_budget` of katib.client takes a limit away, and PATCH over REST"


def refuse_in_vain(study: Study, wanted: Budget) -> None:
    """A concluded study is reopened only when something about it changes; else it would end again at once."""
    reason, summary = study.condition.reason, study.summary
    fault: Fault | None = None
    if reason is StudyReason.GOAL_REACHED:
        goals = f"its goal {study.objective.goal} is reached with {summary.best_value}"
        if study.further_objectives:
            goals = "one of its trials reaches all its goals"
        said = f"{goals}; there is nothing left to look for"
        fault = Fault(path=study.name, wanted=said, hint="run it under another name with another goal")
    elif reason is StudyReason.SPACE_EXHAUSTED:
        fault = Fault(path=study.name, wanted="every point of its search space was tried", hint="widen the space")
    elif reason is StudyReason.TOO_MANY_FAILED and wanted.max_failed == study.budget.max_failed:
        fault = Fault(
            path="--max-failed",
            wanted=f"it ended because {study.budget.max_failed} trials may fail, and they did; give a larger number",
        )
    elif reason is StudyReason.TIME_OVER and wanted.max_seconds == study.budget.max_seconds:
        fault = Fault(
            path="--max-time", wanted="its time is over; give more, counted from its start, or no limit", hint=CHANGE
        )
    elif reason is StudyReason.NO_IMPROVEMENT and wanted.max_stale == study.budget.max_stale:
        fault = Fault(
            path="--max-stale",
            wanted="it got no better; give a larger number of trials to wait for, or no limit",
            hint=CHANGE,
        )
    elif wanted.max_trials is not None and wanted.max_trials <= summary.created:
        fault = Fault(
            path="--max-trials",
            given="nothing" if wanted.max_trials == study.budget.max_trials else str(wanted.max_trials),
            wanted=f"it has run its {summary.created} trials; give a number above that to go on",
        )
    if fault is not None:
        raise InvalidInput([fault], what=f"resuming {study.name}")
