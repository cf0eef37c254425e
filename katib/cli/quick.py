"""`katib run --param … -- COMMAND`: from the words of the command line to an Experiment."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from katib.errors import Fault, InvalidInput

DEFAULT_TRIALS = 20


def from_command(
    words: list[str],
    params: list[str],
    name: str | None,
    objectives: list[tuple[str, str]],
    goals: list[str],
    algorithm: str,
    early_stopping: str,
    max_trials: int | None,
    parallel: int | None,
    image: str,
    trial_time: float | None,
) -> dict[str, Any]:
    """The Experiment of a command and its options. Raises InvalidInput.

    Args:
        objectives: metrics and their directions, see `objectives_in`.
    """
    from katib.spec.defaults import DEFAULT_ALGORITHM
    from katib.spec.quick import experiment_from_command

    metrics = [metric for metric, _direction in objectives]
    faults: list[Fault] = []
    for index, (metric, direction) in enumerate(objectives):
        if not metric or metric.startswith("-"):
            faults.append(Fault(path=f"--{direction}", given=metric or "''", wanted="the name of a metric behind it"))
        elif metric in metrics[:index]:
            faults.append(Fault(path=f"--{direction}", given=metric, wanted="each metric once"))
    if not metrics:
        faults.append(Fault(path="--minimize", wanted="give --minimize METRIC, --maximize METRIC, or several"))
    if faults:
        raise InvalidInput(faults, what="the command line")
    return experiment_from_command(
        name=name or _name_for(words),
        params=params,
        command=words,
        objectives=dict(objectives),
        goals=_goals(goals, metrics),
        # Named, though it is the default: a cluster wants one.
        algorithm=algorithm or DEFAULT_ALGORITHM,
        early_stopping=early_stopping or None,
        max_trials=max_trials or DEFAULT_TRIALS,
        parallel=parallel,
        image=image,
        trial_seconds=trial_time,
    )


def objectives_in(args: list[str]) -> Iterator[tuple[str, str]]:
    """The metrics and directions of a command line, in order."""
    options = {f"--{direction}": direction for direction in ("minimize", "maximize")}
    ours = args[: args.index("--")] if "--" in args else args
    for word, following in pairwise([*ours, ""]):
        option, equals, metric = word.partition("=")
        if option in options:
            yield (metric if equals else following), options[option]


def _goals(texts: list[str], metrics: list[str]) -> dict[str, float]:
    """`loss=0.1`, or `0.1` where there is one objective. Raises InvalidInput."""
    from katib.spec.rules.parameters import number

    goals: dict[str, float] = {}
    faults: list[Fault] = []
    for text in texts:
        metric, equals, written = text.rpartition("=")
        name = metric if equals or len(metrics) > 1 else metrics[0]
        value = number(written)
        if name not in metrics:
            wanted = f"METRIC=VALUE, where METRIC is an objective: {', '.join(metrics)}"
            faults.append(Fault(path="--goal", given=text, wanted=wanted))
        elif value is None:
            faults.append(Fault(path="--goal", given=text, wanted="a finite number as the value"))
        elif name in goals:
            faults.append(Fault(path="--goal", given=text, wanted=f"one goal for {name}"))
        else:
            goals[name] = value
    if faults:
        raise InvalidInput(faults, what="the command line")
    return goals


def _name_for(words: list[str]) -> str:
    """A name from the command: the script's, else the program's."""
    import re

    script = next(
        (word for word in words if Path(word).suffix in {".py", ".sh", ".R", ".jl"}), words[0] if words else ""
    )
    stem = re.sub(r"[^a-z0-9]+", "-", Path(script).stem.lower()).strip("-")
    return (stem if stem[:1].isalpha() else f"study-{stem}".strip("-"))[:40].rstrip("-")
