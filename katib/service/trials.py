"""Lists of trials as users ask for them."""

from collections.abc import Sequence

from katib.core.objective import Direction
from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.errors import Fault, InvalidInput
from katib.stores.contract import Store, TrialFilter

SORTS = ("ordinal", "value")


def list_trials(store: Store, study: Study, *, states: Sequence[str] = (), sort: str = "ordinal") -> list[Trial]:
    """A study's trials.

    Args:
        states: names of states, in any case; empty for all.
        sort: `ordinal`, or `value` for the best first and those without a value last.

    Raises:
        InvalidInput: a state that does not exist.
    """
    known = {state.value.lower(): state for state in TrialState if state is not TrialState.ADVISED}
    unknown = [state for state in states if state.lower() not in known]
    if unknown:
        wanted = f"must be one of {', '.join(state.value for state in known.values())}"
        raise InvalidInput([Fault(path="status", given=state, wanted=wanted) for state in unknown], what="the filter")
    wanted_states = frozenset(known[state.lower()] for state in states) or None
    found = store.trials(study.uid, TrialFilter(states=wanted_states))
    if sort == "value":
        sign = 1 if study.objective.direction is Direction.MINIMIZE else -1
        found.sort(key=lambda trial: (trial.value is None, sign * (trial.value or 0.0), trial.ordinal))
    return found
