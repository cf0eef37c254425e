"""A study with its best trial and the command that reproduces it: what `run` and `show` print."""

from typing import Any

from katib.core.study import Study, StudyStatus
from katib.core.trial import TrialState
from katib.errors import InvalidInput
from katib.service.reproduce import command_line
from katib.service.views import best_trial, chosen_algorithm, study_view
from katib.stores.contract import Store, TrialFilter

WITHOUT_A_VALUE = frozenset({TrialState.FAILED, TrialState.METRICS_UNAVAILABLE})


def study_report(store: Store, study: Study, *, now: float) -> dict[str, Any]:
    """`study_view` with `command`: a shell line that runs the best trial again; null when there is none; with
    `algorithm_chosen`, see `chosen_algorithm`; and with `last_failure`: of a study that failed, the last trial without
    a value, and why; null in every other.
    """
    best = best_trial(store, study)
    try:
        command = command_line(study, best) if best else None
    except InvalidInput:
        # A template that this machine cannot run (a ConfigMap's, an image's ENTRYPOINT) has no command line.
        command = None
    chosen = chosen_algorithm(store, study)
    return {
        **study_view(study, best, now=now),
        "command": command,
        "algorithm_chosen": chosen,
        "last_failure": _last_failure(store, study),
    }


def _last_failure(store: Store, study: Study) -> dict[str, Any] | None:
    if study.condition.status is not StudyStatus.FAILED:
        return None
    bad = store.trials(study.uid, TrialFilter(states=WITHOUT_A_VALUE))
    return {"trial": bad[-1].name, "ordinal": bad[-1].ordinal, "message": bad[-1].message} if bad else None
