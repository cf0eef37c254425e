"""Writes what the store says of one study into the objects that kubectl and Katib's clients read.

It is level-triggered: what is written is what the record says and the objects do not. Each pass costs what has changed
since the last one; the first one looks at all trials.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any

from katib.controller.orders import Orders
from katib.core.study import Study
from katib.core.trial import Trial
from katib.errors import NotFound, RunnerUnavailable
from katib.operator.experiments import experiment_status
from katib.operator.objects import EXPERIMENTS, SUGGESTIONS, TRIALS, Object, Objects, is_owned
from katib.operator.suggestions import suggestion_object, suggestion_spec, suggestion_status
from katib.operator.trials import is_trimmed, reference, trial_object, trial_status
from katib.runners.kubernetes.faults import Exists
from katib.runners.kubernetes.objects import EXPERIMENT_LABEL
from katib.service.views import best_trial
from katib.stores.contract import Store, TrialFilter

RECENT = 1200
"""Trials that are kept to be listed: more names than fit into an object."""


class Mirror:
    """The objects of one study. For any thread.

    Args:
        experiment: the Experiment, as it was seen last.
    """

    def __init__(self, store: Store, objects: Objects, study: Study, experiment: Object) -> None:
        self._store, self._objects = store, objects
        self._name, self._uid = study.name, study.uid
        self._namespace, self._short = experiment["metadata"]["namespace"], experiment["metadata"]["name"]
        self._orders = Orders(study.effective)
        self._experiment = experiment
        self._written: dict[str, str] = {}
        self._trials: dict[str, str] = {}
        self._recent: dict[int, Trial] = {}
        self._suggestion: Object | None = None
        self._creating = threading.Lock()
        self._syncing = threading.Lock()
        self._revision: int | None = None
        self._loaded = False

    def owner_of(self, trial_name: str) -> Mapping[str, Any]:
        """The reference to a trial's object, which is made if need be: what runs it belongs to that.

        Raises RunnerUnavailable.
        """
        known = self._trials.get(trial_name)
        if known is None:
            found = self._store.trials(self._uid, TrialFilter(names=frozenset({trial_name})))
            if not found:
                raise NotFound(f"trial {trial_name} was removed")
            known = self._create(self._store.get_study(self._name), found[0])
        return reference(
            {
                "apiVersion": self._experiment["apiVersion"],
                "kind": "Trial",
                "metadata": {"name": trial_name, "uid": known},
            }
        )

    def forget(self, trial_name: str) -> None:
        """Its object is gone."""
        self._trials.pop(trial_name, None)
        self._written.pop(trial_name, None)

    def sync(self) -> None:
        """Bring all objects up to date. Raises RunnerUnavailable, StoreError; then it is done again."""
        with self._syncing:
            study = self._store.get_study(self._name)
            if study.revision != self._revision:
                self._write_all(study)

    def _write_all(self, study: Study) -> None:
        self._load()
        # What changes from now on is found the next time.
        changed = self._store.trials(self._uid, TrialFilter(after_revision=self._revision or 0))
        for trial in changed:
            self._recent[trial.ordinal] = trial
        for ordinal in sorted(self._recent)[: max(len(self._recent) - RECENT, 0)]:
            del self._recent[ordinal]
        for trial in changed:
            self._write_trial(study, trial)
        newest = [self._recent[ordinal] for ordinal in sorted(self._recent, reverse=True)]
        self._write_suggestion(study, newest)
        self._write_experiment(study, newest)
        self._revision = study.revision

    def gone(self, trial: Trial) -> None:
        """A trial was taken off the record. Its object may have been made again meanwhile."""
        with self._syncing:
            self._recent.pop(trial.ordinal, None)
            self._revision = None if self._revision is None else self._revision - 1
            if self._trials.pop(trial.name, None) is not None:
                self._objects.delete(TRIALS, self._namespace, trial.name)
            self._written.pop(trial.name, None)

    def _load(self) -> None:
        """Learn which objects there are, once."""
        if self._loaded:
            return
        for found in self._objects.list(TRIALS, self._namespace, f"{EXPERIMENT_LABEL}={self._short}"):
            metadata = found["metadata"]
            if is_owned(found, self._uid):
                self._trials.setdefault(metadata["name"], metadata["uid"])
                self._written.setdefault(metadata["name"], _digest(found.get("status") or {}))
        self._suggestion = self._objects.get(SUGGESTIONS, self._namespace, self._short)
        self._loaded = True

    def _create(self, study: Study, trial: Trial) -> str:
        """The uid of a trial's object, which is made if need be."""
        with self._creating:
            known = self._trials.get(trial.name)
            if known is not None:
                return known
            document = trial_object(study, trial, self._orders.of(trial).manifest, self._experiment)
            try:
                made = self._objects.create(TRIALS, document)
            except Exists:
                made = self._theirs(TRIALS, trial.name)
            uid = str(made["metadata"]["uid"])
            self._trials[trial.name] = uid
            return uid

    def _theirs(self, plural: str, name: str) -> Object:
        found = self._objects.get(plural, self._namespace, name)
        if found is None or not is_owned(found, self._uid):
            # One of an Experiment that was deleted; it goes as soon as the cluster's garbage collector comes to it.
            raise RunnerUnavailable(f"{plural} {self._namespace}/{name} belongs to another Experiment, and is to go")
        return found

    def _write_trial(self, study: Study, trial: Trial) -> None:
        if trial.name not in self._trials:
            self._create(study, trial)
        status = trial_status(study, trial, trimmed=is_trimmed(self._orders.of(trial).manifest))
        self._write(TRIALS, trial.name, trial.name, status)

    def _write_suggestion(self, study: Study, newest: list[Trial]) -> None:
        if self._suggestion is None:
            try:
                self._suggestion = self._objects.create(SUGGESTIONS, suggestion_object(study, self._experiment))
            except Exists:
                self._suggestion = self._theirs(SUGGESTIONS, self._short)
        spec = suggestion_spec(study)
        if self._suggestion["spec"].get("requests", 0) != spec["requests"]:
            change = {"spec": {"requests": spec["requests"]}}
            self._suggestion = self._objects.patch(SUGGESTIONS, self._namespace, self._short, change)
        if self._suggestion is not None:
            before = (self._suggestion.get("status") or {}).get("conditions") or ()
            status = suggestion_status(study, before, newest)
            self._suggestion = (
                self._write(SUGGESTIONS, self._short, "a suggestion", status, now=self._suggestion) or self._suggestion
            )

    def _write_experiment(self, study: Study, newest: list[Trial]) -> None:
        before = (self._experiment.get("status") or {}).get("conditions") or ()
        names = [(trial.name, trial.state) for trial in newest]
        status = experiment_status(study, before, names, best_trial(self._store, study))
        self._experiment = (
            self._write(EXPERIMENTS, self._short, "an experiment", status, now=self._experiment) or self._experiment
        )

    def _write(
        self, plural: str, name: str, key: str, status: dict[str, Any], *, now: Object | None = None
    ) -> Object | None:
        """Write a status that differs from what the object has; the object as it is then."""
        digest = _digest(status)
        known = _digest(now.get("status") or {}) if now is not None else self._written.get(key)
        if known == digest:
            return None
        found = self._objects.patch_status(plural, self._namespace, name, status)
        if now is None:
            self._written[key] = digest
        return found


def _digest(status: Mapping[str, Any]) -> str:
    """Equal for statuses that say the same: what has no value is as if it were not there."""
    return json.dumps({field: value for field, value in status.items() if value is not None}, sort_keys=True)
