"""The service VizierService: every rpc of it, as a table."""

from collections.abc import Mapping
from typing import Any

from katib.rpc import vizier_methods as rpc
from katib.rpc.methods import Handler, Method
from katib.server.refusals import refusing
from katib.server.vizier.answers import Answers
from katib.server.vizier.studies import StudyRpcs
from katib.server.vizier.trials import TrialRpcs
from katib.service.desk import Desk


class VizierServicer:
    """Answers requests, from any number of threads. What it keeps makes answers cheap and is never needed.

    An rpc is refused before anything is written: NOT_FOUND, INVALID_ARGUMENT with every fault, FAILED_PRECONDITION for
    a study or a trial in the wrong state, ALREADY_EXISTS for a study with another specification.
    """

    def __init__(self, desk: Desk) -> None:
        # Without answers in stock: trials that users add get the next number, and Vizier's numbers have no gaps.
        desk = Desk(desk.store, desk.suggestions, stopping=desk.stopping, now=desk.now, stock=0)
        answers = Answers(desk.store)
        self._studies = StudyRpcs(desk, answers)
        self._trials = TrialRpcs(desk, answers)

    @property
    def handlers(self) -> Mapping[Method[Any, Any], Handler]:
        """Its methods."""
        studies, trials = self._studies, self._trials
        methods: dict[Method[Any, Any], Handler] = {
            rpc.CREATE_STUDY: studies.create_study,
            rpc.GET_STUDY: studies.get_study,
            rpc.LIST_STUDIES: studies.list_studies,
            rpc.DELETE_STUDY: studies.delete_study,
            rpc.SET_STUDY_STATE: studies.set_study_state,
            rpc.UPDATE_METADATA: studies.update_metadata,
            rpc.SUGGEST_TRIALS: trials.suggest_trials,
            rpc.GET_OPERATION: trials.get_operation,
            rpc.CREATE_TRIAL: trials.create_trial,
            rpc.GET_TRIAL: trials.get_trial,
            rpc.LIST_TRIALS: trials.list_trials,
            rpc.ADD_TRIAL_MEASUREMENT: trials.add_trial_measurement,
            rpc.COMPLETE_TRIAL: trials.complete_trial,
            rpc.DELETE_TRIAL: trials.delete_trial,
            rpc.CHECK_TRIAL_EARLY_STOPPING_STATE: trials.check_trial_early_stopping_state,
            rpc.STOP_TRIAL: trials.stop_trial,
            rpc.LIST_OPTIMAL_TRIALS: trials.list_optimal_trials,
        }
        return {method: refusing(handler) for method, handler in methods.items()}
