"""`katib explain NAME`."""

from typing import TYPE_CHECKING

from katib.cli.hints import complete
from katib.cli.opened import studies_of
from katib.cli.options import Db, Name, Output, OutputOption
from katib.cli.render import print_json, say

if TYPE_CHECKING:
    from katib.service.explain import Explanation


def explain(name: Name, db: Db = "", output: OutputOption = Output.TEXT) -> None:
    """Say what a study is doing or waiting for, since when, and why, with the raw cause.

    Example: katib explain quickstart
    """
    import time
    from pathlib import Path

    from katib.core.trial import Trial
    from katib.runners.local import plain, read_log
    from katib.service.explain import explain as explained

    with studies_of(db) as studies:
        folder = Path(studies.store.get_study(name).run_dir)

        def tail_of(trial: Trial) -> str:
            return plain(read_log(folder, trial.name, attempt=trial.attempt, tail=5) or "")

        answer = explained(studies.store, name, now=time.time(), tail_of=tail_of)
    if output is Output.JSON:
        print_json(answer.as_json())
    else:
        say(complete("\n".join(_lines(answer))))


def _lines(answer: "Explanation") -> list[str]:
    from katib.embedded.progress import brief
    from katib.service.views import moment

    since = f" (since {moment(answer.since)})" if answer.since else ""
    lines = [f"{answer.study.name}: {answer.doing}{since}"]
    lines += [f"  {detail}".replace("\n", "\n    ") for detail in answer.details]
    for run in answer.running:
        latest = ", ".join(f"{name}={value['latest']}" for name, value in run["metrics"].items())
        lines.append(f"  trial {run['ordinal']} since {run['since']}: {latest or 'no metric yet'}")
        lines += [f"    | {line}" for line in run["last_lines"].splitlines()]
    if answer.events:
        lines.append("  last events:")
        lines += [
            f"    {event['time']} {event['reason']}"
            f"{' trial ' + str(event['trial']) if event['trial'] else ''}: {brief(event['message'])}"
            for event in answer.events
            if event["message"]
        ]
    return [*lines, f"  {answer.hint}"] if answer.hint else lines
