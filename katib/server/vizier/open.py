"""Studies that may be changed, and trials that may."""

from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.errors import NotFound, StudyClosed
from katib.rpc.convert.vizier.study import is_closed_by_user
from katib.service.desk import Desk
from katib.stores.contract import TrialFilter


class WrongState(StudyClosed):
    """The trial is in a state in which that cannot be done."""


def open_study(desk: Desk, name: str) -> Study:
    """The study, unless its user set it to INACTIVE or COMPLETED. Raises NotFound, StudyClosed."""
    study = desk.study(name)
    if is_closed_by_user(study):
        raise StudyClosed(
            f"study {name!r} is not active: {study.condition.message if study.condition.ended else 'it is to stop'}",
            hint="set its state to ACTIVE to go on",
        )
    return study


def find_trial(desk: Desk, study: Study, ordinal: int) -> Trial:
    """A trial. Raises NotFound."""
    found = desk.store.trials(study.uid, TrialFilter(ordinals=frozenset({ordinal})))
    if not found:
        raise NotFound(f"there is no trial {ordinal} in study {study.name!r}", hint="ListTrials shows those that are")
    return found[0]


def check_running(trial: Trial) -> None:
    """Raises WrongState for a trial that is neither ACTIVE nor STOPPING."""
    if trial.state is not TrialState.RUNNING:
        state = "REQUESTED" if trial.state is TrialState.PENDING else "over"
        raise WrongState(
            f"trial {trial.ordinal} is {state}, not ACTIVE or STOPPING: {trial.message}",
            hint="SuggestTrials makes a REQUESTED trial ACTIVE; one that is over stays as it is",
        )
