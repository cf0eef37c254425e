"""Progress in words: how fast trials finish, what just finished, and where the study stands."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TextIO

from katib.controller.controller import Progress
from katib.core.objective import Objective
from katib.core.space import Assignment
from katib.core.study import Study, Summary
from katib.core.trial import FINISHED, Trial, TrialState


@dataclass
class Pace:
    """How fast trials finish, counted from the first look."""

    began: float = field(default_factory=time.monotonic)
    finished_before: int | None = None

    def eta(self, summary: Summary, limit: int | None) -> float | None:
        """Seconds until the budget is spent at the pace so far; None while nobody can know."""
        finished = summary.count(*FINISHED)
        if self.finished_before is None:
            self.finished_before = finished
        done = finished - self.finished_before
        if limit is None or done <= 0:
            return None
        return (time.monotonic() - self.began) / done * max(limit - finished, 0)


def finished_lines(progress: Progress, objectives: Sequence[Objective]) -> Iterator[str]:
    """A line for each trial that the last look saw finish."""
    looked = progress.looked
    if looked is None:
        return
    for move in looked.plan.transitions:
        if move.target in FINISHED:
            before = looked.gathered.trials[move.ordinal]
            value, *further = move.values or (None,)
            after = replace(
                before,
                state=move.target,
                reason=move.reason,
                message=move.message,
                value=value,
                further_values=tuple(further),
            )
            yield finished_line(after, objectives)


def finished_line(trial: Trial, objectives: Sequence[Objective]) -> str:
    """A finished trial on one line: its values, or why it has none, and its parameters."""
    values = () if trial.value is None else (trial.value, *trial.further_values)
    told = " ".join(f"{objective.metric}={value!r}" for objective, value in zip(objectives, values, strict=False))
    told = told or f"{trial.reason.value}: {brief(trial.message)}"
    return f"trial {trial.ordinal} {trial.state.value} {told} ({assignment_text(trial.assignment)})"


def brief(message: str) -> str:
    """A message on one line: its first line and, where the end of a log follows, that end."""
    first, *more = message.splitlines() or [""]
    last = next((line.strip() for line in reversed(more) if line.strip()), "")
    return f"{first.removesuffix('; last lines:')[:160]}{f' … {last[:160]}' if last else ''}"


def headline(study: Study, summary: Summary, eta: float | None) -> str:
    """One line: counts, best so far, time left."""
    bad = summary.count(TrialState.FAILED, TrialState.METRICS_UNAVAILABLE, TrialState.KILLED)
    done = summary.count(*FINISHED)
    limit = f"/{study.budget.max_trials}" if study.budget.max_trials is not None else ""
    left = "" if eta is None else f"  about {duration(eta)} left"
    counts = f"{done}{limit} done, {summary.count(TrialState.RUNNING)} running, {bad} failed"
    return f"{study.name}  {counts}  {_best(study, summary)}{left}"


def _best(study: Study, summary: Summary) -> str:
    """The best value so far; of several objectives the size of the front, and the best value of each."""
    if not study.further_objectives:
        value, ordinal = summary.best_value, summary.best_ordinal
        return f"best {study.objective.metric} {'none yet' if value is None else f'{value:.6g} (trial {ordinal})'}"
    if not summary.front:
        return "front empty yet"
    said = []
    for index, objective in enumerate(study.objectives):
        best = min(summary.front, key=lambda point: objective.cost(point.values[index]))
        said.append(f"{objective.metric} {best.values[index]:.6g} (trial {best.ordinal})")
    return f"front {len(summary.front)}  best {', '.join(said)}"


def assignment_text(assignment: Assignment) -> str:
    """name=value pairs on one line, numbers shortened."""
    return " ".join(f"{name}={f'{v:.6g}' if isinstance(v, float) else v}" for name, v in assignment.items())


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    whole = max(math.ceil(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, seconds_left = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {seconds_left} s"


class LineProgress:
    """For pipes, files and notebooks: a line per finished trial, and a line when something goes wrong."""

    def __init__(self, stream: TextIO, study: Study) -> None:
        self._stream = stream
        self._objectives = study.objectives
        self._error = ""

    def __enter__(self) -> "LineProgress":
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.flush()

    def say(self, text: str) -> None:
        """Tell something that is not progress; may be called from a signal handler, where a stream may not be used."""
        os.write(self._stream.fileno(), f"{text}\n".encode())

    def update(self, progress: Progress) -> None:
        """Print what is new."""
        if progress.error:
            if progress.error != self._error:
                self._stream.write(f"waiting: {progress.error}\n")
        else:
            for line in finished_lines(progress, self._objectives):
                self._stream.write(line + "\n")
        self._error = progress.error
