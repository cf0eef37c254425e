"""From an Experiment object to a study on record, or to all that is wrong with it."""

import contextlib
import shutil
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from katib.core.study import Budget, Study
from katib.errors import AlreadyExists, Fault, InvalidInput, NotFound
from katib.operator.objects import SUGGESTIONS, TRIALS, Objects, is_owned
from katib.operator.rebuilding import REBUILT_ANNOTATION, Mirrored, record_of, was_lost
from katib.runners.kubernetes.cluster import Cluster
from katib.runners.kubernetes.collector import CUSTOM
from katib.runners.kubernetes.objects import EXPERIMENT_LABEL, key_of, selector
from katib.runners.kubernetes.running import RunsAs
from katib.runners.kubernetes.states import moment
from katib.service.checks import checked
from katib.service.on_cluster import COLLECTED, place_on, refuse_on_cluster
from katib.service.owners import Owner
from katib.service.studies import new_study, placed, refuse_in_vain
from katib.spec.defaults import with_defaults
from katib.spec.prepare import Prepared
from katib.spec.shape import parse, plain
from katib.spec.study import budget, search_space
from katib.stores.contract import Changes, NewStudy, Store, Wish
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping.contract import EarlyStopping

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RESTARTABLE = ("LongRunning", "FromVolume")


def study_name(experiment: Mapping[str, Any]) -> str:
    """The name of an Experiment's study: NAMESPACE/NAME, because names are unique in their namespace only."""
    return f"{experiment['metadata']['namespace']}/{experiment['metadata']['name']}"


class Admission:
    """Takes Experiments into the store.

    Args:
        run_root: the folder in which each study gets one for its logs, named by its uid.
        kinds: those of collectors that are put beside its trials.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        early_stopping: EarlyStopping,
        *,
        run_root: Path,
        kinds: Collection[str] = (),
    ) -> None:
        self._kinds = (*COLLECTED, "Push", CUSTOM, *sorted(kinds))
        self._store, self._suggestions, self._early_stopping = store, suggestions, early_stopping
        self._run_root = run_root

    def find(self, experiment: Mapping[str, Any]) -> Study | None:
        """Its study; None when there is none yet. One of an Experiment of that name which is gone is removed."""
        try:
            study = self._store.get_study(study_name(experiment))
        except NotFound:
            return None
        annotations = study.effective["metadata"].get("annotations") or {}
        # Whoever began to read it back did not come to its end.
        begun = REBUILT_ANNOTATION in annotations and not study.summary.highest_ordinal
        if study.uid == experiment["metadata"]["uid"] and not begun:
            return study
        self.remove(study)
        return None

    def admit(self, experiment: Mapping[str, Any], cluster: Cluster, objects: Objects) -> Study:
        """Put its study on record; one that a lost store had is read back from its objects.

        Raises InvalidInput with all that is wrong with it, Irrecoverable when its objects do not hold it all.
        """
        prepared = checked(_document(experiment), self._suggestions, stopping=self._early_stopping)
        refuse_on_cluster(prepared, cluster, self._suggestions, kinds=self._kinds)
        uid = experiment["metadata"]["uid"]
        new = replace(
            new_study(prepared),
            name=study_name(experiment),
            uid=uid,
            effective=placed(prepared.effective, Path("/"), place_on(cluster)),
            run_dir=str(self._run_root / uid),
        )
        lost = was_lost(experiment)
        if lost:
            changes = self._mirrored(new, experiment, prepared, cluster, objects)
            annotations = new.effective["metadata"]["annotations"] | {REBUILT_ANNOTATION: "true"}
            metadata = {**new.effective["metadata"], "annotations": annotations}
            new = replace(new, effective={**new.effective, "metadata": metadata})
        try:
            began = moment(experiment["status"].get("startTime")) if lost else None
            study = self._store.create_study(new, now=began or time.time())
            return self._put_back(study, changes) if lost else study
        except AlreadyExists:
            # Another replica was faster.
            return self._store.get_study(new.name)

    def _mirrored(
        self, new: NewStudy, experiment: Mapping[str, Any], prepared: Prepared, cluster: Cluster, objects: Objects
    ) -> Changes:
        """What was on record of it, by its objects."""
        metadata = experiment["metadata"]
        place, label = metadata["namespace"], f"{EXPERIMENT_LABEL}={metadata['name']}"
        attempts: dict[str, int] = defaultdict(int)
        for found in cluster.objects(RunsAs.of(new.effective).kind, selector(new.uid)):
            key = key_of(found["metadata"]["labels"])
            if key is not None:
                attempts[key[0]] = max(attempts[key[0]], key[1])
        trials = [each for each in objects.list(TRIALS, place, label) if is_owned(each, new.uid)]
        suggestion = objects.get(SUGGESTIONS, place, metadata["name"])
        return record_of(
            Mirrored(experiment=experiment, trials=trials, suggestion=suggestion, attempts=attempts),
            name=new.name,
            uid=new.uid,
            space=search_space(prepared.experiment),
            objectives=(new.objective, *new.further_objectives),
        )

    def _put_back(self, study: Study, changes: Changes) -> Study:
        lease = self._store.acquire(study.name, str(Owner.me()), now=time.time(), seconds=60.0)
        try:
            # Its trials were created then, not now.
            return self._store.commit(lease, changes, now=study.created_at).study
        finally:
            self._store.release(lease)

    def follow_budget(self, experiment: Mapping[str, Any], study: Study) -> Study:
        """Let the budget that the Experiment asks for now be the study's.

        Raises InvalidInput when it cannot be, which leaves the study as it is.
        """
        wanted = _budget(experiment)
        if wanted == study.budget:
            return study
        ended = study.condition.concluded
        if ended and study.effective["spec"]["resumePolicy"] not in RESTARTABLE:
            raise _refused("spec.resumePolicy", "Never", f"{' or '.join(RESTARTABLE)}, to let it go on after its end")
        if ended:
            refuse_in_vain(study, wanted)
        elif wanted.max_trials is not None and wanted.max_trials < study.summary.created:
            least = f"at least {study.summary.created}: so many trials there are"
            raise _refused("spec.maxTrialCount", str(wanted.max_trials), least)
        return self._store.wish(study.name, Wish(budget=wanted, reopen=ended), now=time.time())

    def remove(self, study: Study) -> None:
        """Forget a study, and remove its logs."""
        with contextlib.suppress(NotFound):
            self._store.delete_study(study.name)
        if study.run_dir:
            shutil.rmtree(study.run_dir, ignore_errors=True)


def _refused(path: str, given: str, wanted: str) -> InvalidInput:
    return InvalidInput([Fault(path=path, given=given, wanted=wanted)], what="the edit")


def _budget(experiment: Mapping[str, Any]) -> Budget:
    return budget(with_defaults(parse(plain(_document(experiment))[0])[0]))


def _document(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What the user wrote of an object."""
    metadata = experiment["metadata"]
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    kept = {field: metadata[field] for field in ("name", "namespace", "labels") if metadata.get(field)}
    if annotations:
        kept["annotations"] = annotations
    return {
        "apiVersion": experiment["apiVersion"],
        "kind": experiment["kind"],
        "metadata": kept,
        "spec": experiment["spec"],
    }
