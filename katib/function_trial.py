"""A trial of `katib.tune`: runs the user's function on one assignment.

Started as `python -m katib.function_trial FILE name=value…`. The file holds two pickles: plain data first (import paths
and the objects that texts stand for), then the function, which may need those import paths to load.
"""

import inspect
import json
import pickle
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from katib.reporting import has_reported, report


def save(
    path: Path, fn: Callable[..., Any], *, objectives: Sequence[str], values: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write a function to a file that a trial can load.

    Args:
        values: parameter -> text -> the object that the function gets for it; numbers are not in it.
    """
    import cloudpickle

    head = {"sys_path": [str(Path(entry).resolve()) for entry in sys.path], "objectives": objectives, "values": values}
    temporary = path.with_suffix(".new")
    temporary.write_bytes(cloudpickle.dumps(head) + cloudpickle.dumps(fn))
    temporary.replace(path)


def main(words: Sequence[str]) -> None:
    """Load the function, call it, and report what it returns."""
    with Path(words[0]).open("rb") as file:
        head = pickle.load(file)  # noqa: S301 - written by this user's own call of tune
        sys.path.extend(entry for entry in head["sys_path"] if entry not in sys.path)
        fn = pickle.load(file)  # noqa: S301 - as above
    assignment = dict(_parse(word, head["values"]) for word in words[1:])
    _report(call(fn, assignment), head["objectives"])


def call(fn: Callable[..., Any], assignment: Mapping[str, Any]) -> Any:
    """Call `fn` with the assignment: as keywords when it names the parameters, else as one mapping."""
    if as_keywords(fn, assignment):
        return fn(**assignment)
    try:
        return fn(dict(assignment))
    except TypeError as error:
        names = ", ".join(assignment)
        error.add_note(f"{error} (it does not name all of {names}, so it was given one dict of them)")
        raise


def as_keywords(fn: Callable[..., Any], names: Collection[str]) -> bool:
    """Whether a function takes parameters of these names as keywords, and not as one mapping."""
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return False
    by_name = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return set(names) <= by_name or any(p.kind is p.VAR_KEYWORD for p in parameters)


def _parse(word: str, values: Mapping[str, Mapping[str, Any]]) -> tuple[str, Any]:
    name, _, text = word.partition("=")
    return name, values[name][text] if name in values else json.loads(text)


def _report(result: Any, objectives: Sequence[str]) -> None:
    if result is None:
        if not has_reported():
            names = ", ".join(f"{name}=…" for name in objectives)
            print(f"the function returned None, and has not called katib.report({names}): it must do one of the two")
        return
    several = len(objectives) > 1
    if isinstance(result, Mapping):
        report(dict(result))
    elif not several and (isinstance(result, Real) or hasattr(result, "__float__")):
        report({objectives[0]: float(result)})
    else:
        names = ", ".join(map(repr, objectives))
        number = "" if several else f"a number (the objective {names}), "
        mapping = f"a mapping with {names}" if several else "a mapping of metrics"
        raise TypeError(
            f"the function returned {type(result).__name__}; wanted {number}{mapping}, "
            "or None when it has called katib.report"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
