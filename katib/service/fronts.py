"""How a study's front grew: its hypervolume over time."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from katib.core.hypervolume import Hypervolume
from katib.core.objective import Objective
from katib.core.pareto import costs
from katib.core.study import Study
from katib.core.trial import Trial
from katib.errors import Fault, InvalidInput
from katib.service.views import moment, number
from katib.stores.contract import Store

MARGIN = 0.1


def hypervolume_view(store: Store, study: Study, reference: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The hypervolume of a study's front, and an entry for each trial that made it larger, in the order of their ends.

    Args:
        reference: metric -> a value so bad that a trial must be better to count; an objective without one gets the
            worst value that any trial has and a tenth of the range of all, so that the ends of the front count, too.
            Volumes compare only by the same reference.

    Raises:
        InvalidInput: a reference for what is no objective.
    """
    _check(study.objectives, reference or {})
    trials = _by_end(store, study)
    limits = _limits(study.objectives, trials, reference or {})
    grown = Hypervolume(costs(tuple(limits.values()), study.objectives) if limits else ())
    history = []
    for count, trial in enumerate(trials, start=1):
        if grown.add(costs(trial.values, study.objectives)) > 0:
            entry = {"ordinal": trial.ordinal, "trials": count, "time": moment(trial.ended_at)}
            history.append({**entry, "hypervolume": number(grown.value)})
    return {
        "hypervolume": number(grown.value),
        "reference": {metric: number(value) for metric, value in limits.items()},
        "history": history,
    }


def reference_of(texts: Sequence[str]) -> dict[str, float]:
    """METRIC=VALUE, as an address has it. Raises InvalidInput."""
    found: dict[str, float] = {}
    for text in texts:
        metric, _, value = text.rpartition("=")
        try:
            found[metric] = float(value)
        except ValueError:
            found[metric] = math.nan
        if not metric or not math.isfinite(found[metric]):
            fault = Fault(path="reference", given=text, wanted="METRIC=VALUE, with a finite number as the value")
            raise InvalidInput([fault], what="the reference point")
    return found


def hypervolume_at_ends(store: Store, study: Study) -> dict[int, float | str | None]:
    """Ordinal -> the hypervolume when that trial had ended; of trials with values."""
    view = hypervolume_view(store, study)
    grown = {entry["ordinal"]: entry["hypervolume"] for entry in view["history"]}
    found: dict[int, float | str | None] = {}
    volume: float | str | None = 0.0
    for trial in _by_end(store, study):
        volume = found[trial.ordinal] = grown.get(trial.ordinal, volume)
    return found


def _by_end(store: Store, study: Study) -> list[Trial]:
    """The trials with values, in the order of their ends."""
    valued = (trial for trial in store.trials(study.uid) if trial.values)
    return sorted(valued, key=lambda trial: (trial.ended_at or 0.0, trial.ordinal))


def _limits(objectives: Sequence[Objective], trials: Sequence[Trial], given: Mapping[str, float]) -> dict[str, float]:
    """The reference point; empty when nothing says what one objective's worst is."""
    if not trials:
        return dict(given) if all(objective.metric in given for objective in objectives) else {}
    return {
        objective.metric: given[objective.metric]
        if objective.metric in given
        else _beyond_the_worst(objective, [trial.values[index] for trial in trials])
        for index, objective in enumerate(objectives)
    }


def _beyond_the_worst(objective: Objective, values: Sequence[float]) -> float:
    found = [objective.cost(value) for value in values]
    worst = max(found)
    return objective.cost(worst + MARGIN * ((worst - min(found)) or abs(worst) or 1.0))


def _check(objectives: Sequence[Objective], reference: Mapping[str, float]) -> None:
    known = [objective.metric for objective in objectives]
    faults = [
        Fault(path="reference", given=metric, wanted=f"one of the objectives: {', '.join(known)}")
        for metric in reference
        if metric not in known
    ]
    if faults:
        raise InvalidInput(faults, what="the reference point")
