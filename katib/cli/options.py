"""Options that several commands share, and where the store is."""

import math
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from katib.cli.hints import remember
from katib.config import Settings, from_environment, read_endpoints
from katib.errors import Fault, InvalidInput


class Output(StrEnum):
    """How a command prints its answer: for people, or as JSON on stdout."""

    TEXT = "text"
    JSON = "json"


Db = Annotated[
    str,
    typer.Option(
        "--db",
        help="The store: a file or a database URL (sqlite, postgresql, mysql). Default: $KATIB_DB, else ./katib.db.",
        show_default=False,
        callback=remember,
    ),
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="How to print the answer: text, or json on stdout.")
]
Name = Annotated[str, typer.Argument(help="The study's name; `katib list` prints all.", show_default=False)]

Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--algorithm-endpoint",
        metavar="NAME=HOST:PORT",
        help="A server of Katib's Suggestion API answers for this algorithm. Default: $KATIB_ALGORITHM_ENDPOINTS.",
        show_default=False,
    ),
]

StoppingEndpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--early-stopping-endpoint",
        metavar="NAME=HOST:PORT",
        help="A server of Katib's EarlyStopping API answers for this early stopping. Default: "
        "$KATIB_EARLY_STOPPING_ENDPOINTS.",
        show_default=False,
    ),
]

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str) -> float:
    """`90`, `90s`, `30m`, `1.5h` or `2d` in seconds. Raises BadParameter."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS else (text, "s")
    try:
        seconds = float(number) * UNITS[unit]
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is no time: give 90s, 30m, 1.5h or 2d")
    return seconds


NUMBER = "NUMBER"


def at_least(least: int) -> Callable[[str], int]:
    """A parser of whole numbers that says what it was given. What it makes raises BadParameter."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise typer.BadParameter(f"{text!r} is not a whole number, {least} or more")
        return number

    return read


MaxTime = Annotated[
    float | None,
    typer.Option(
        "--max-time",
        metavar="TIME",
        parser=seconds_of,
        help="Begin no trial so long after the start (90s, 30m, 1.5h, 2d); what runs then may end.",
        show_default=False,
    ),
]
MaxStale = Annotated[
    int | None,
    typer.Option(
        "--max-stale",
        parser=at_least(1),
        metavar=NUMBER,
        help="End when this many trials after the best one have ended without being better.",
        show_default=False,
    ),
]

DEFAULT_FILE = "katib.db"


def settings_of(algorithms: list[str] | None = None, stopping: list[str] | None = None) -> Settings:
    """The settings of the environment, and the endpoints that the command line adds to them."""
    settings = from_environment(os.environ)
    known = {**settings.suggestion.endpoints, **read_endpoints(algorithms or [])}
    stoppers = {**settings.early_stopping.endpoints, **read_endpoints(stopping or [])}
    return replace(
        settings,
        suggestion=replace(settings.suggestion, endpoints=known),
        early_stopping=replace(settings.early_stopping, endpoints=stoppers),
    )


def named(db: str) -> str:
    """The store that --db or KATIB_DB name; empty when neither does."""
    return db or from_environment(os.environ).store


def store_location(db: str, *, creating: bool = False) -> str:
    """Where the store is: what was asked for, else katib.db in this folder.

    Where this folder cannot be written and has no store, it is the one in the user's data folder.

    Raises InvalidInput when there is no current folder any more.
    """
    asked = named(db)
    if asked:
        return asked
    here = current_folder()
    if (here / DEFAULT_FILE).exists() or os.access(here, os.W_OK):
        return str(here / DEFAULT_FILE)
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "katib"
    if not creating and not (home / DEFAULT_FILE).exists():
        return str(here / DEFAULT_FILE)
    home.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"katib: {here} is not writable; the store is {home / DEFAULT_FILE}\n")
    return str(home / DEFAULT_FILE)


def current_folder() -> Path:
    """The folder that the command was given in. Raises InvalidInput when it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        wanted = "a folder that exists: this one was deleted"
        fault = Fault(path="the current folder", wanted=wanted, hint="cd into one")
        raise InvalidInput([fault], what="the command line") from error


def run_root(location: str) -> Path:
    """The folder for trial logs: katib-runs beside the store's file, or in this folder for a database server."""
    path = location.removeprefix("sqlite:///") if location.startswith("sqlite:///") else location
    folder = current_folder() if "://" in path else Path(path).expanduser().resolve().parent
    return folder / "katib-runs"
