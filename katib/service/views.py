"""The JSON shapes that scripts may rely on. Times are RFC 3339 in UTC; a number that is not finite is a text."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from katib.core.advice import CHOSEN_LABEL
from katib.core.observation import Metrics
from katib.core.pareto import costs
from katib.core.space import Assignment, ParameterType, as_number
from katib.core.stopping import EarlyStop
from katib.core.study import UNBOUNDED, Study, run_by_clients
from katib.core.trial import UNFINISHED, Trial, TrialState
from katib.service.owners import running_elsewhere
from katib.stores.contract import Event, Observation, Store, TrialFilter

COUNTS = {
    "succeeded": TrialState.SUCCEEDED,
    "failed": TrialState.FAILED,
    "running": TrialState.RUNNING,
    "pending": TrialState.PENDING,
    "stopped_early": TrialState.EARLY_STOPPED,
    "metrics_unavailable": TrialState.METRICS_UNAVAILABLE,
    "killed": TrialState.KILLED,
}


def best_trial(store: Store, study: Study) -> Trial | None:
    """The trial with the best value; None while there is none, and with several objectives."""
    return None if study.further_objectives else next(iter(front_trials(store, study)), None)


def front_trials(store: Store, study: Study) -> list[Trial]:
    """The trials that no other one beats: with one objective the best trial, with several the Pareto front.

    The best one by the first objective comes first. Empty while no trial has a value.
    """
    summary = study.summary
    ordinals = {point.ordinal for point in summary.front}
    if summary.best_ordinal is not None:
        ordinals.add(summary.best_ordinal)
    if not ordinals:
        return []
    found = store.trials(study.uid, TrialFilter(ordinals=frozenset(ordinals)))
    return sorted(found, key=lambda trial: costs(trial.values, study.objectives))


def chosen_algorithm(store: Store, study: Study) -> str | None:
    """What an algorithm that takes others (`auto`) took for the latest suggestion; None when it says nothing."""
    latest = TrialFilter(ordinals=frozenset({study.summary.highest_ordinal}))
    return next((trial.labels.get(CHOSEN_LABEL) for trial in store.trials(study.uid, latest)), None)


def study_view(study: Study, front: Sequence[Trial], *, now: float) -> dict[str, Any]:
    """A study as `run` and `show` print it.

    `run_by` is `engine`, or `clients` where it has no trial template. `owner` is the live process that runs it; null
    when nobody does. With several objectives `best` and `objective` are null: no trial is
    the best, and whoever reads them shall not take the first objective for the only one.
    """
    owner = None if study.condition.ended else running_elsewhere(study, now=now)
    single, budget = not study.further_objectives, study.budget
    objectives = [
        {
            "metric": each.metric,
            "direction": each.direction.value,
            "goal": number(each.goal),
            "reached": _reached(study, index),
        }
        for index, each in enumerate(study.objectives)
    ]
    algorithm = study.effective["spec"].get("algorithm") or {}
    return {
        "name": study.name,
        "run_by": "clients" if run_by_clients(study) else "engine",
        "status": study.condition.status.value,
        "reason": study.condition.reason.value,
        "message": study.condition.message,
        "counts": {**counts(study), "created": study.summary.created},
        "best": best_view(study, front[0]) if single and front else None,
        "front": [front_view(study, trial) for trial in front],
        "objective": objectives[0] if single else None,
        "objectives": objectives,
        "budget": {
            "max_trials": budget.max_trials,
            "parallel": None if budget.parallel == UNBOUNDED else budget.parallel,
            "max_failed": budget.max_failed,
            "max_seconds": budget.max_seconds,
            "max_stale": budget.max_stale,
        },
        "algorithm": algorithm.get("algorithmName"),
        "owner": owner.described if owner else None,
        "stop_requested": study.stop_requested,
        "generation": study.generation,
        "created": moment(study.created_at),
        "started": moment(study.started_at),
        "ended": moment(study.ended_at),
        "run_dir": study.run_dir,
    }


def _reached(study: Study, index: int) -> bool | None:
    """Whether some trial reaches the goal of one objective, whatever it has of the others; None without a goal."""
    objective, summary = study.objectives[index], study.summary
    if objective.goal is None:
        return None
    best = [summary.best_value] if not study.further_objectives else [each.values[index] for each in summary.front]
    return any(map(objective.reached, best))


def counts(study: Study) -> dict[str, int]:
    """Trials per state, every state named."""
    return {name: study.summary.count(state) for name, state in COUNTS.items()}


def best_view(study: Study, trial: Trial) -> dict[str, Any]:
    """The best trial, in short."""
    return {
        "trial": trial.name,
        "ordinal": trial.ordinal,
        "value": number(trial.value),
        "parameters": parameters(study, trial.assignment),
    }


def front_view(study: Study, trial: Trial) -> dict[str, Any]:
    """A trial on the front, in short."""
    return {
        "trial": trial.name,
        "ordinal": trial.ordinal,
        "values": values(study, trial),
        "parameters": parameters(study, trial.assignment),
    }


def values(study: Study, trial: Trial) -> dict[str, float | str | None]:
    """Objective's metric -> value; empty when the trial has none."""
    pairs = zip(study.objectives, trial.values, strict=False)
    return {objective.metric: number(value) for objective, value in pairs}


def trial_view(study: Study, trial: Trial) -> dict[str, Any]:
    """A trial as `trials` prints it."""
    return {
        "name": trial.name,
        "ordinal": trial.ordinal,
        "status": trial.state.value,
        "reason": trial.reason.value,
        "message": trial.message,
        "parameters": parameters(study, trial.assignment),
        "value": None if study.further_objectives else number(trial.value),
        "values": values(study, trial),
        "metrics": metrics(trial.metrics),
        "labels": dict(trial.labels),
        "stopped_by": stopped_by(trial),
        "would_be_stopped_by": shadow_stop(trial),
        "attempts": trial.attempt,
        "created": moment(trial.created_at),
        "started": moment(trial.started_at),
        "ended": moment(trial.ended_at),
    }


def stopped_by(trial: Trial) -> dict[str, Any] | None:
    """What stopped the trial early, or is about to; null for one that ended otherwise."""
    early = trial.state in UNFINISHED or trial.state is TrialState.EARLY_STOPPED
    return None if trial.stopped_by is None or trial.stopped_by.shadow or not early else _stop(trial.stopped_by)


def shadow_stop(trial: Trial) -> dict[str, Any] | None:
    """What would have stopped the trial, had early stopping not been told to stop nothing."""
    return None if trial.stopped_by is None or not trial.stopped_by.shadow else _stop(trial.stopped_by)


def _stop(stop: EarlyStop) -> dict[str, Any]:
    return {
        "rule": stop.rule,
        "metric": stop.metric,
        "value": number(stop.value),
        "comparison": stop.comparison.value,
        "threshold": number(stop.threshold),
        "step": stop.step,
        "message": stop.message,
    }


def event_view(event: Event) -> dict[str, Any]:
    """An event as `explain` prints it."""
    return {
        "time": moment(event.time),
        "kind": event.kind,
        "reason": event.reason,
        "message": event.message,
        "trial": event.ordinal or None,
    }


def observation_view(observation: Observation) -> dict[str, Any]:
    """An observation as `export` prints it."""
    point = observation.point
    return {
        "trial": observation.trial,
        "attempt": observation.attempt,
        "metric": point.metric,
        "value": number(point.value) if point.value is not None else point.text,
        "step": point.step,
        "seq": point.seq,
        "time": moment(point.time or observation.arrived),
    }


def parameters(study: Study, assignment: Assignment) -> dict[str, Any]:
    """An assignment with discrete values as numbers; categorical ones stay the texts that the trial got."""
    discrete = {
        parameter["name"]
        for parameter in study.effective["spec"].get("parameters") or ()
        if parameter.get("parameterType") == ParameterType.DISCRETE
    }
    return {name: as_number(value) if name in discrete else value for name, value in assignment.items()}


def metrics(summaries: Metrics) -> dict[str, Mapping[str, Any]]:
    """Metric name -> min, max, latest."""
    return {
        name: {"min": number(summary.min), "max": number(summary.max), "latest": number(summary.latest)}
        for name, summary in summaries.items()
    }


def number(value: float | None) -> float | str | None:
    """A number JSON can hold: nan and the infinities become the texts nan, inf, -inf."""
    return value if value is None or math.isfinite(value) else str(value)


def moment(seconds: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339 in UTC with milliseconds."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
