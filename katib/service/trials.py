"""Lists of trials as users ask for them."""

from collections.abc import Sequence

from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.errors import Fault, InvalidInput
from katib.stores.contract import Store, TrialFilter


def list_trials(store: Store, study: Study, *, states: Sequence[str] = (), sort: str = "ordinal") -> list[Trial]:
    """A study's trials.

    Args:
        states: names of states, in any case; empty for all.
        sort: `ordinal`; or `value`, of several objectives the metric of one, for the best first and those without a
            value last.

    Raises:
        InvalidInput: a state or an order that does not exist.
    """
    known = {state.value.lower(): state for state in TrialState if state is not TrialState.ADVISED}
    unknown = [state for state in states if state.lower() not in known]
    if unknown:
        wanted = f"must be one of {', '.join(state.value for state in known.values())}"
        raise InvalidInput([Fault(path="status", given=state, wanted=wanted) for state in unknown], what="the filter")
    positions = {} if study.further_objectives else {"value": 0}
    positions |= {objective.metric: index for index, objective in enumerate(study.objectives)}
    if sort not in ("ordinal", *positions):
        wanted = f"must be one of ordinal, {', '.join(positions)}"
        raise InvalidInput([Fault(path="--sort", given=sort, wanted=wanted)], what="the order")
    wanted_states = frozenset(known[state.lower()] for state in states) or None
    found = store.trials(study.uid, TrialFilter(states=wanted_states))
    if sort != "ordinal":
        index = positions[sort]
        cost = study.objectives[index].cost
        found.sort(key=lambda trial: (not trial.values, cost(trial.values[index]) if trial.values else 0.0))
    return found
