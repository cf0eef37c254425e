"""What a study is, given its record: an ordered table of questions, first yes wins."""

from collections.abc import Collection

from katib.core.objective import all_reached
from katib.core.study import Condition, Study, StudyReason, StudyStatus, Summary
from katib.core.trial import UNFINISHED, TrialState


def used_up(study: Study, *, stale: int, now: float) -> tuple[StudyReason, str] | None:
    """Why nothing is begun any more though there is budget for trials: its time is over, or it gets no better.

    Args:
        stale: finished trials after the best one.
    """
    budget, started = study.budget, study.started_at
    if budget.max_seconds is not None and started is not None and now - started >= budget.max_seconds:
        return StudyReason.TIME_OVER, f"its {budget.max_seconds:g} seconds are over"
    if budget.max_stale is not None and stale >= budget.max_stale:
        return StudyReason.NO_IMPROVEMENT, f"{stale} trials after the best one were no better"
    return None


def stale(summary: Summary, open_ones: Collection[int], advised: Collection[int]) -> int:
    """How many trials after the best one are finished: later ones by ordinal, so that the order of ends is no matter.

    Args:
        open_ones: ordinals of the unfinished trials.
        advised: of unused advice; all that is before the best trial, at least.
    """
    found = [point.ordinal for point in summary.front]
    best = max(found) if found else summary.best_ordinal
    if best is None:
        return 0
    unused = summary.count(TrialState.ADVISED) - sum(ordinal < best for ordinal in advised)
    return summary.highest_ordinal - best - sum(ordinal > best for ordinal in open_ones) - unused


def verdict(study: Study, summary: Summary, *, unused_advice: int, now: float, stale: int = 0) -> Condition:
    """The study's condition after its trials moved. A verdict stands until the user reopens the study.

    Katib's order (goal, failures, budget), with two additions: an algorithm that has nothing left ends the study, and a
    study in which no trial produced a value has failed, whatever ended it.
    """
    if study.condition.concluded:
        return study.condition
    unfinished = summary.count(*UNFINISHED)
    failed = summary.count(TrialState.FAILED, TrialState.METRICS_UNAVAILABLE)
    limit, most = study.budget.max_failed, study.budget.max_trials
    if _goal_reached(study, summary):
        return _succeeded(StudyReason.GOAL_REACHED, "Experiment has succeeded because Objective goal has reached", now)
    # 0 means "at the first failure": nothing failed yet is not a failure.
    if limit is not None and failed > 0 and failed >= limit:
        said = "Experiment has failed because max failed count has reached"
        return _failed(StudyReason.TOO_MANY_FAILED, f"{said}: {failed} failed, the limit is {limit}", now)
    if most is not None and not unfinished and summary.created >= most:
        return _spent(StudyReason.MAX_TRIALS, "max trial count has reached", summary, now)
    over = used_up(study, stale=stale, now=now)
    if over is not None and not unfinished:
        return _spent(over[0], over[1], summary, now)
    if study.exhausted and not unfinished and not unused_advice:
        why = f"suggestion service has reached the end: {study.exhausted}"
        return _spent(StudyReason.SPACE_EXHAUSTED, why, summary, now)
    restarting = study.condition.reason is StudyReason.RESTARTING
    if study.condition.status is StudyStatus.RUNNING and not (restarting and unfinished):
        return study.condition
    if study.stop_requested:
        return study.condition
    return Condition(status=StudyStatus.RUNNING, reason=StudyReason.RUNNING, message="Experiment is running", since=now)


def _goal_reached(study: Study, summary: Summary) -> bool:
    if not study.further_objectives:
        return study.objective.reached(summary.best_value)
    # What reaches all goals, or what dominates it and so reaches them too, is on the front.
    return any(all_reached(study.objectives, point.values) for point in summary.front)


def _spent(reason: StudyReason, why: str, summary: Summary, now: float) -> Condition:
    if summary.has_value:
        return _succeeded(reason, f"Experiment has succeeded because {why}", now)
    number = "its only trial" if summary.created == 1 else f"none of its {summary.created} trials"
    gave = "gave no value" if summary.created == 1 else "gave a value"
    said = f"Experiment has failed because {number} {gave}, and {why}"
    return _failed(StudyReason.NONE_SUCCEEDED, said, now)


def _succeeded(reason: StudyReason, message: str, now: float) -> Condition:
    return Condition(status=StudyStatus.SUCCEEDED, reason=reason, message=message, since=now)


def _failed(reason: StudyReason, message: str, now: float) -> Condition:
    return Condition(status=StudyStatus.FAILED, reason=reason, message=message, since=now)
