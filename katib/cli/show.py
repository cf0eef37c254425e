"""`katib show NAME`."""

from katib.cli.hints import complete
from katib.cli.opened import studies_of
from katib.cli.options import Db, Name, Output, OutputOption
from katib.cli.render import print_json, say, study_lines


def show(name: Name, db: Db = "", output: OutputOption = Output.TEXT) -> None:
    """Show a study: its status and why, its counts, its best trial and the command that reproduces it.

    Example: katib show quickstart --output json
    """
    import time

    from katib.service.reports import study_report

    with studies_of(db) as studies:
        report = study_report(studies.store, studies.store.get_study(name), now=time.time())
    if output is Output.JSON:
        print_json(report)
    else:
        say(complete("\n".join(study_lines(report, report["command"] or ""))))
