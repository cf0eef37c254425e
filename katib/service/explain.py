"""What a study is doing or waiting for, since when, and why. Never an empty answer."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from katib.core.study import Study, StudyReason, StudyStatus, run_by_clients
from katib.core.trial import Reason, Trial, TrialState
from katib.service.owners import Owner, running_elsewhere
from katib.service.views import chosen_algorithm, event_view, metrics, moment, stopped_by
from katib.stores.contract import Store, StudyView, TrialFilter

BAD = frozenset({TrialState.FAILED, TrialState.METRICS_UNAVAILABLE})
EARLY = frozenset({TrialState.EARLY_STOPPED})
SHOWN = 5
"""Trials and events named one by one; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The answer.

    Attributes:
        doing: one sentence.
        since: seconds since the epoch; None when it never began.
        details: more sentences, the most telling first.
        hint: what a user can do about it; empty when there is nothing to do.
    """

    study: Study
    doing: str
    since: float | None
    details: tuple[str, ...]
    hint: str
    events: tuple[dict[str, Any], ...]
    running: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """The shape of `explain --output json`."""
        condition = self.study.condition
        return {
            "name": self.study.name,
            "status": condition.status.value,
            "reason": condition.reason.value,
            "doing": self.doing,
            "since": moment(self.since),
            "details": list(self.details),
            "hint": self.hint,
            "running": list(self.running),
            "events": list(self.events),
        }


ENDED_FOR_GOOD = (
    StudyReason.GOAL_REACHED,
    StudyReason.SPACE_EXHAUSTED,
    StudyReason.TIME_OVER,
    StudyReason.NO_IMPROVEMENT,
)
"""More trials change nothing about these."""

TailOf = Callable[[Trial], str]
"""The last lines of a trial's log; empty when there are none."""


def explain(store: Store, name: str, *, now: float, tail_of: TailOf) -> Explanation:
    """Explain a study. Raises NotFound."""
    study = store.get_study(name)
    view = store.view(study.uid)
    study = view.study
    events = store.events(study.uid, limit=SHOWN)
    doing, since, hint = _doing(view, now)
    return Explanation(
        study=study,
        doing=doing,
        since=since,
        hint=hint,
        details=(
            *_waits(view, now),
            *_failures(store, study, tail_of),
            *_early_stops(store, study),
            *_choice(store, study),
        ),
        events=tuple(event_view(event) for event in events),
        running=tuple(_running(trial, tail_of) for trial in view.unfinished if trial.state is TrialState.RUNNING),
    )


def _doing(view: StudyView, now: float) -> tuple[str, float | None, str]:
    study = view.study
    condition, name = study.condition, study.name
    if condition.concluded and not view.unfinished:
        return condition.message, condition.since, _hint_when_concluded(study)
    if condition.status is StudyStatus.STOPPED:
        return condition.message, condition.since, f"`katib resume {name}` goes on"
    if run_by_clients(study):
        return _lent(view)
    owner = Owner.parse(study.owner)
    if owner is not None and owner.is_alive() and study.lease_until <= now:
        said = f"held by {owner.described}, which lives and has not been able to write to the store"
        hint = "the disk may be full, or the process hangs: its own output tells, and it goes on by itself"
        return said, study.lease_until, hint
    if running_elsewhere(study, now=now) is None:
        never = "it was never started" if not study.summary.created else "whoever ran it has left"
        gone = f"{owner.described} is gone" if owner else never
        # The lease outlasts its owner, by an unknown time.
        left = min(study.lease_until, now) or study.created_at
        return f"nobody is running it: {gone}", left, f"`katib resume {name}` goes on"
    by = f" by {owner.described}" if owner else ""
    if study.stop_requested or condition.concluded:
        return f"ending{by}: {len(view.unfinished)} unfinished trials are being stopped", condition.since, ""
    return _doing_while_owned(view, by)


def _lent(view: StudyView) -> tuple[str, float | None, str]:
    """What a study does that its clients run."""
    out = [trial for trial in view.unfinished if trial.state is TrialState.RUNNING]
    if not out:
        return "run by its clients: none of them has a trial at present", view.study.condition.since, ""
    clients = sorted({trial.loan.client for trial in out if trial.loan is not None})
    who = f" of {', '.join(clients[:SHOWN])}{' and others' if len(clients) > SHOWN else ''}" if clients else ""
    since = min(trial.started_at or trial.created_at for trial in out)
    return f"run by its clients: {_number(len(out), 'trial')}{who} in progress", since, ""


def _doing_while_owned(view: StudyView, by: str) -> tuple[str, float | None, str]:
    running = [trial for trial in view.unfinished if trial.state is TrialState.RUNNING]
    pending = len(view.unfinished) - len(running)
    if running:
        since = min(trial.started_at or trial.created_at for trial in running)
        also = f", {pending} waiting to start" if pending else ""
        return f"running{by}: {_number(len(running), 'trial')} in progress{also}", since, ""
    if pending:
        since = min(trial.created_at for trial in view.unfinished)
        return f"running{by}: {_number(pending, 'trial')} waiting to start", since, ""
    return f"running{by}: waiting for the algorithm's next suggestion", view.study.condition.since, ""


def _hint_when_concluded(study: Study) -> str:
    name, reason = study.name, study.condition.reason
    best = "the trials that no other one beats" if study.further_objectives else "the best trial"
    if reason in ENDED_FOR_GOOD:
        return f"`katib show {name}` prints {best}"
    if study.condition.status is StudyStatus.SUCCEEDED:
        return f"`katib show {name}` prints {best}; `katib resume {name} --max-trials N` extends it"
    return f"`katib trials {name}` lists the trials, `katib logs {name}/TRIAL` prints what one of them said"


def _waits(view: StudyView, now: float) -> list[str]:
    paused = [
        f"trial {trial.ordinal} ({trial.name}) runs again in {trial.not_before - now:.0f} s: {trial.message}"
        for trial in view.unfinished
        if trial.not_before > now
    ]
    held: dict[str, list[Trial]] = {}
    for trial in view.unfinished:
        if trial.reason is Reason.WAITING:
            held.setdefault(trial.message, []).append(trial)
    return [*paused, *(_held(trials, message) for message, trials in held.items())]


def _held(trials: list[Trial], message: str) -> str:
    """Trials that wait for the same, in one line."""
    first = f"trial {trials[0].ordinal} ({trials[0].name})"
    others = f" and {_number(len(trials) - 1, 'other trial')}" if len(trials) > 1 else ""
    return f"{first}{others} cannot start yet: {message}"


def _failures(store: Store, study: Study, tail_of: TailOf) -> list[str]:
    bad = store.trials(study.uid, TrialFilter(states=BAD))
    if not bad:
        return []
    kinds = Counter(trial.reason.value for trial in bad)
    total = ", ".join(f"{number} x {reason}" for reason, number in kinds.most_common())
    last = bad[-1]
    said = f"the last of them, {last.name}: {last.message or last.reason.value}"
    tail = tail_of(last)
    lines = f"\nits last log lines:\n{tail}" if tail.strip() and tail.strip() not in last.message else ""
    return [f"{_number(len(bad), 'trial')} without a value: {total}", f"{said}{lines}"]


def _early_stops(store: Store, study: Study) -> list[str]:
    """How many trials were stopped early, and what the last of them was compared with."""
    stopped = store.trials(study.uid, TrialFilter(states=EARLY)) if study.summary.count(*EARLY) else []
    if not stopped:
        return []
    last = stopped[-1]
    return [f"{_number(len(stopped), 'trial')} stopped early; the last of them, {last.name}: {last.message}"]


def _choice(store: Store, study: Study) -> list[str]:
    """What the algorithm took, where it is one that takes others."""
    chosen = chosen_algorithm(store, study)
    named = (study.effective["spec"].get("algorithm") or {}).get("algorithmName")
    return [] if chosen is None else [f"algorithm {named} took {chosen} for the latest suggestion"]


def _running(trial: Trial, tail_of: TailOf) -> dict[str, Any]:
    return {
        "trial": trial.name,
        "ordinal": trial.ordinal,
        "attempt": trial.attempt,
        "since": moment(trial.started_at),
        "metrics": metrics(trial.metrics),
        "stopped_by": stopped_by(trial),
        "last_lines": tail_of(trial),
    }


def _number(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
