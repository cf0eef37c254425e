"""`katib export NAME`."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from katib.cli.opened import studies_of
from katib.cli.options import Db, Name
from katib.cli.render import print_json


class Format(StrEnum):
    """csv: a row per trial. json: the study, its specification, trials and every observation."""

    CSV = "csv"
    JSON = "json"


def export(
    name: Name,
    format: Annotated[
        Format, typer.Option("--format", help="csv: a row per trial; json: everything, observations too.")
    ] = Format.CSV,
    db: Db = "",
) -> None:
    """Print a study's results on stdout.

    Example: katib export quickstart --format csv > trials.csv
    """
    import time

    from katib.service.export import as_csv, as_document

    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        if format is Format.JSON:
            print_json(as_document(studies.store, study, now=time.time()))
        else:
            sys.stdout.write(as_csv(studies.store, study))
