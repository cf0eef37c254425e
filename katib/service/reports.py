"""A study with its best trials and the commands that reproduce them: what `run` and `show` print."""

from typing import Any

from katib.core.study import Study, StudyStatus
from katib.core.trial import Trial, TrialState
from katib.errors import InvalidInput
from katib.service.reproduce import command_line
from katib.service.views import chosen_algorithm, front_trials, study_view, trial_view
from katib.stores.contract import Store, TrialFilter

WITHOUT_A_VALUE = frozenset({TrialState.FAILED, TrialState.METRICS_UNAVAILABLE})


def study_report(store: Store, study: Study, *, now: float) -> dict[str, Any]:
    """`study_view` with `command`: a shell line that runs the best trial again; null when there is none, and with
    several objectives, where each trial of `front` has its own; with `algorithm_chosen`, see `chosen_algorithm`; and
    with `last_failure`: of a study that failed, the last trial without a value, and why; null in every other.
    """
    front = front_trials(store, study)
    view = study_view(study, front, now=now)
    commands = [_command(study, trial) for trial in front]
    listed = [{**each, "command": command} for each, command in zip(view["front"], commands, strict=True)]
    best = commands[0] if view["best"] else None
    return {
        **view,
        "front": listed,
        "command": best,
        "algorithm_chosen": chosen_algorithm(store, study),
        "last_failure": _last_failure(store, study),
    }


def trial_report(study: Study, trial: Trial) -> dict[str, Any]:
    """`trial_view` with `command`: a shell line that runs the trial again; null when there is none."""
    return {**trial_view(study, trial), "command": _command(study, trial)}


def _command(study: Study, trial: Trial) -> str | None:
    try:
        return command_line(study, trial)
    except InvalidInput:
        # A template that this machine cannot run (a ConfigMap's, an image's ENTRYPOINT) has no command line.
        return None


def _last_failure(store: Store, study: Study) -> dict[str, Any] | None:
    if study.condition.status is not StudyStatus.FAILED:
        return None
    bad = store.trials(study.uid, TrialFilter(states=WITHOUT_A_VALUE))
    return {"trial": bad[-1].name, "ordinal": bad[-1].ordinal, "message": bad[-1].message} if bad else None
