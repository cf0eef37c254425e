"""From a trial on record to the order that its runner gets."""

from collections.abc import Mapping
from typing import Any

from katib.core.advice import PARENT_LABEL
from katib.core.objective import metrics_of
from katib.core.trial import Trial
from katib.runners.contract import LaunchOrder
from katib.spec.container import grace_of
from katib.spec.prepare import from_effective
from katib.spec.render import Template
from katib.spec.study import objectives

CHECKPOINT_SETTING = "suggestion_trial_dir"
"""The algorithm setting in which Katib's experiments say where a trial finds its checkpoint directory."""


class Orders:
    """Makes the orders of one study.

    Args:
        effective: the study's Experiment with defaults filled in, as plain data.
        checkpoints: whether its trials may continue others, and so get a checkpoint directory.

    Attributes:
        grace: seconds that a trial gets to end when it is stopped.
    """

    def __init__(self, effective: Mapping[str, Any], *, checkpoints: bool = False) -> None:
        self._checkpoints = checkpoints
        settings = (effective["spec"].get("algorithm") or {}).get("algorithmSettings") or ()
        self._checkpoint_path = next((each["value"] for each in settings if each["name"] == CHECKPOINT_SETTING), "")
        self.experiment = from_effective(effective)
        self._template = Template.of(self.experiment)
        self._metrics = metrics_of(objectives(self.experiment))
        self._collector = dict(effective["spec"]["metricsCollectorSpec"])
        self._container = str(effective["spec"]["trialTemplate"]["primaryContainerName"])
        self.grace = grace_of(self.experiment.spec.trial_template.trial_spec or {}, self._container)

    def of(self, trial: Trial, attempt: int | None = None) -> LaunchOrder:
        """The order to run an attempt, the trial's own by default.

        Raises:
            InvalidInput: the template cannot be rendered for this trial.
        """
        return LaunchOrder(
            trial=trial.name,
            attempt=trial.attempt if attempt is None else attempt,
            manifest=self._template.render(
                name=trial.name, namespace=self.experiment.namespace, assignment=trial.assignment
            ),
            container=self._container,
            metrics=self._metrics,
            collector=self._collector,
            checkpoints=self._checkpoints,
            parent=trial.labels.get(PARENT_LABEL, "") if self._checkpoints else "",
            checkpoint_path=self._checkpoint_path if self._checkpoints else "",
        )
