"""`katib logs NAME/TRIAL`."""

import sys
from typing import Annotated

import typer

from katib.cli.opened import find_trial, studies_of
from katib.cli.options import Db
from katib.errors import Fault, InvalidInput, NotFound


def logs(
    trial: Annotated[str, typer.Argument(metavar="NAME/TRIAL", help="The study and the trial: its name or number.")],
    attempt: Annotated[int, typer.Option("--attempt", help="Which attempt; the latest by default.", min=0)] = 0,
    tail: Annotated[int, typer.Option("--tail", help="Only the last N lines; 0 for all.", min=0)] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing until the trial ends.")] = False,
    db: Db = "",
) -> None:
    """Print what a trial printed.

    Example: katib logs quickstart/3 --tail 20
    """
    from pathlib import Path

    from katib.embedded.leftovers import unowned_run_is_over
    from katib.runners.local import follow_log, read_log

    name, separator, wanted = trial.partition("/")
    if not separator or not wanted:
        fault = Fault(
            path="NAME/TRIAL", given=trial, wanted="must name a study and a trial", hint="for example mnist/3"
        )
        raise InvalidInput([fault], what="the trial")
    with studies_of(db) as studies:
        study = studies.store.get_study(name)
        found = find_trial(studies, study, wanted)
        number = attempt or found.attempt
        folder = Path(study.run_dir)
        if follow:

            def over() -> bool:
                now = find_trial(studies, study, str(found.ordinal))
                return now.finished or now.attempt != number or unowned_run_is_over(studies, name, now)

            for chunk in follow_log(folder, found.name, number, over=over):
                sys.stdout.write(chunk)
                sys.stdout.flush()
            return
        text = read_log(folder, found.name, attempt=number, tail=tail or None)
    if text is None:
        raise NotFound(
            f"trial {found.name} has no log of attempt {number} in {folder}",
            hint=f"it is {found.state.value}: {found.message or found.reason.value}",
        )
    sys.stdout.write(text)
