"""What commands print: JSON on stdout for machines, plain tables for people."""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from katib.cli.hints import complete

SHOWN_FRONT = 20
"""Trials of a front that are shown; the rest is counted."""


def print_json(data: Any) -> None:
    """One JSON document on stdout, strictly valid."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def say(line: str = "") -> None:
    """A line for a person, on stdout."""
    sys.stdout.write(line + "\n")


def note(line: str) -> None:
    """A line that is not the answer, on stderr."""
    sys.stderr.write(complete(line) + "\n")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Rows under their headings, columns aligned, without any decoration that would hinder grep.

    On a terminal the last column is broken where the line would be, if enough of the line is left for it.
    """
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    lines = [[column.upper() for column in columns], *cells]
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * len(widths[:-1])
    if not sys.stdout.isatty() or room < LEAST_ROOM:
        return [_row(line, widths) for line in lines]
    broken = [(line[:-1], textwrap.wrap(line[-1], room, break_on_hyphens=False) or [""]) for line in lines]
    return [
        _row([*(before if number == 0 else [""] * len(before)), piece], widths)
        for before, pieces in broken
        for number, piece in enumerate(pieces)
    ]


LEAST_ROOM = 30
"""Characters: a column narrower than this is no easier to read than a line that the terminal breaks."""


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip()


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """name=value pairs on one line."""
    return " ".join(f"{name}={_cell(value)}" for name, value in parameters.items())


def study_lines(view: Mapping[str, Any], command: str = "") -> list[str]:
    """A study's summary for people."""
    counts = view["counts"]
    told = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number)
    limit = view["budget"]["max_trials"]
    alone = view["run_by"] == "engine" and view["status"] in ("Created", "Running") and view["owner"] is None
    unowned = [f"  nobody is running it; `katib resume {view['name']}` goes on"] if alone else []
    lines = [
        f"{view['name']}: {view['status']} ({view['reason']})",
        f"  {view['message']}",
        *unowned,
        f"  trials     {told or 'none yet'}{f' (of at most {limit})' if limit else ''}",
    ]
    if view["algorithm_chosen"]:
        lines.append(f"  algorithm  {view['algorithm']}, which took {view['algorithm_chosen']}")
    objective, best = view["objective"], view["best"]
    if objective is None:
        return [*lines, *_front_lines(view)]
    if best is None:
        return [*lines, "  best       none: no trial has reported a value", *_failure_lines(view)]
    lines += [
        f"  best       {objective['metric']} = {best['value']} ({objective['direction']}), trial {best['ordinal']}"
        f" ({best['trial']})",
        *(f"    {name} = {_cell(value)}" for name, value in best["parameters"].items()),
    ]
    return [*lines, *_again(view["name"], command)]


_ACTS_ON_A_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, but for those that lay out a script: a line's end and a tab."""


def _again(shown: str, command: str | None) -> list[str]:
    """The command that runs again what `katib show` names so."""
    if not command:
        return []
    if _ACTS_ON_A_TERMINAL.search(command):
        command = f"`katib show {shown} -o json` has the command line: it would act on this terminal"
    return [f"  run again  {command}"]


def _failure_lines(view: Mapping[str, Any]) -> list[str]:
    failure = view["last_failure"]
    if failure is None:
        return []
    said = failure["message"].splitlines()[:SHOWN_LINES]
    look = f"  look       `katib explain {view['name']}`, `katib logs {view['name']}/{failure['ordinal']}`"
    return [f"  last       trial {failure['ordinal']}: {said[0]}", *(f"    | {line}" for line in said[1:]), look]


SHOWN_LINES = 6
"""Of why the last trial failed; `explain` shows all."""


def trial_lines(view: Mapping[str, Any], study: str) -> list[str]:
    """A trial for people."""
    values = (f"{metric} = {_cell(value)}" for metric, value in view["values"].items())
    lines = [
        f"{study}/{view['ordinal']} ({view['name']}): {view['status']} ({view['reason']})",
        *([f"  {view['message']}"] if view["message"] else []),
        f"  values     {', '.join(values) or 'none'}",
        *(f"    {name} = {_cell(value)}" for name, value in view["parameters"].items()),
    ]
    return [*lines, *_again(f"{study}/{view['ordinal']}", view["command"])]


def _front_lines(view: Mapping[str, Any]) -> list[str]:
    """The trials that no other one beats, as a table."""
    front = view["front"]
    if not front:
        return ["  front      empty: no trial has reported values", *_failure_lines(view)]
    titles = {each["metric"]: f"{each['metric']} ({_wanted(each)})" for each in view["objectives"]}
    rows = [
        {
            "trial": each["ordinal"],
            **{titles[metric]: value for metric, value in each["values"].items()},
            "parameters": parameters_text(each["parameters"]),
        }
        for each in front[:SHOWN_FRONT]
    ]
    more = len(front) - len(rows)
    trials = "1 trial that no other one beats" if len(front) == 1 else f"{len(front)} trials that no other one beats"
    return [
        f"  front      {trials} in every objective",
        *(f"    {line}" for line in table(rows, ["trial", *titles.values(), "parameters"])),
        *([f"    and {more} more; --output json has all of them"] if more else []),
        f"  run again  `katib show {view['name']}/TRIAL` prints the command line of one",
    ]


def _wanted(objective: Mapping[str, Any]) -> str:
    goal = objective["goal"]
    reached = "reached" if objective["reached"] else "not reached"
    return objective["direction"] if goal is None else f"{objective['direction']}, goal {_cell(goal)} {reached}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    # A value with a line's end or a terminal's command in it must not act on the terminal.
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
