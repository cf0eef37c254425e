"""`katib show NAME`, `katib show NAME/TRIAL`."""

from typing import Annotated

import typer

from katib.cli.hints import complete
from katib.cli.opened import find_trial, studies_of, study_and_trial
from katib.cli.options import Db, Output, OutputOption
from katib.cli.render import print_json, say, study_lines, trial_lines

Shown = Annotated[
    str,
    typer.Argument(
        metavar="NAME[/TRIAL]", help="The study; or one of its trials, by name or number.", show_default=False
    ),
]


def show(name: Shown, db: Db = "", output: OutputOption = Output.TEXT) -> None:
    """Show a study: its status and why, its counts, its best trial and the command that reproduces it.

    With several objectives that is a table of the trials that no other one beats. NAME/TRIAL shows one trial, and the
    command that reproduces it.

    \b
    Examples:
      katib show quickstart --output json
      katib show quickstart/3
    """  # noqa: D301 - the formatter of help wants the very character
    import time

    from katib.service.fronts import hypervolume_view
    from katib.service.reports import study_report, trial_report

    with studies_of(db) as studies:
        study, wanted = study_and_trial(studies, name)
        if wanted:
            report = trial_report(study, find_trial(studies, study, wanted))
            lines = trial_lines(report, study.name)
        else:
            report = study_report(studies.store, study, now=time.time())
            if output is Output.JSON:
                report["hypervolume"] = hypervolume_view(studies.store, study) if study.further_objectives else None
            lines = study_lines(report, report["command"] or "")
    if output is Output.JSON:
        print_json(report)
    else:
        say(complete("\n".join(lines)))
