"""From a study on record and a lease on it to what the controller needs to carry it on."""

from collections.abc import Callable

from katib.config import Settings
from katib.controller.orders import Orders
from katib.controller.owned import OwnedStudy
from katib.controller.stopping import Stopper
from katib.core.study import RetryPolicy, Study
from katib.runners.contract import TrialRunner
from katib.service.studies import cluster_of
from katib.spec.container import retries_of
from katib.spec.experiment import Experiment
from katib.spec.kinds import is_job
from katib.spec.prepare import from_effective
from katib.spec.study import stopping_config
from katib.stores.contract import Lease, Store
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping.contract import EarlyStopping


class Opener:
    """Opens studies for one controller.

    Args:
        news: called with a study's name, from any thread, when early stopping has judged one of its trials.
    """

    def __init__(
        self,
        store: Store,
        suggestions: SuggestionService,
        early_stopping: EarlyStopping,
        settings: Settings,
        news: Callable[[str], None],
    ) -> None:
        self._store, self._suggestions, self._early_stopping = store, suggestions, early_stopping
        self._settings, self._news = settings, news

    def open(self, lease: Lease, study: Study, runner: TrialRunner) -> OwnedStudy:
        """The study, owned. Raises AlgorithmUnknown."""
        experiment = from_effective(study.effective)
        abilities = self._suggestions.abilities(experiment.spec.algorithm.algorithm_name)
        owned = OwnedStudy(
            lease=lease,
            orders=Orders(study.effective, checkpoints=abilities.continues),
            runner=runner,
            retry=_retry_policy(study, experiment),
            abilities=abilities,
        )
        stopping = stopping_config(experiment, uid=study.uid, budget=study.budget)
        if stopping is not None:
            owned.stopper = Stopper(stopping, self._early_stopping, self._store, lambda: self._news(lease.study))
            owned.stopper.wait_for_rules(self._settings.early_stopping.first)
        return owned


def _retry_policy(study: Study, experiment: Experiment) -> RetryPolicy:
    """How often a trial is tried again: the backoffLimit of its template. On a cluster another kind than a Job has a
    controller that sees to that.
    """
    manifest = experiment.spec.trial_template.trial_spec or {}
    if cluster_of(study.effective) is not None and not is_job(manifest):
        return RetryPolicy(retries=0)
    return RetryPolicy(retries=retries_of(manifest))
