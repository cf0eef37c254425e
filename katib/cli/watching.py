"""Runs a study in this terminal: progress while it runs, the result at the end, and what Ctrl-C does."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from katib.cli.hints import complete
from katib.cli.options import Output
from katib.cli.progress import ProgressView, open_progress
from katib.cli.render import note, print_json, say, study_lines
from katib.config import Settings, endpoint_variables
from katib.core.study import Study, StudyStatus
from katib.embedded.session import Session
from katib.embedded.starting import Started
from katib.errors import StoreError
from katib.service.reports import study_report
from katib.stores.contract import Store

INTERRUPTED = 130


def watch(session: Session, started: Started, *, output: Output) -> int:
    """Run the study to its end and print the result; returns the exit code."""
    study = started.study
    name = study.name
    for line in started.notes:
        note(f"note: {line}")
    if study.condition.concluded:
        if not started.created:
            note(f"{name} has ended before, and nothing was run: {study.condition.message}")
            note(f"`katib resume {name} --max-trials N` extends it, and another --name begins anew")
        return finish(session.store, study, output)
    session.own(name)
    if study.summary.created:
        note(f"{name} exists and goes on: {study.summary.created} trials so far")
    progress = open_progress(sys.stderr, study)
    with progress, _interruptible(session, name, progress, session.grace(name)) as interrupted:
        try:
            study = session.run(name, progress.update)
        except KeyboardInterrupt:
            interrupted.set()
            _kill(session, name)
    if not interrupted.is_set():
        return finish(session.store, study, output)
    study = session.store.get_study(name)
    note(f"interrupted; `katib resume {name}` goes on, unfinished trials run again")
    finish(session.store, study, output)
    return INTERRUPTED


def detach(study: Study, location: str, output: Output, settings: Settings) -> int:
    """Leave the study running in a process of its own; returns the exit code."""
    folder = Path(study.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "controller.log"
    words = [sys.executable, "-m", "katib", "resume", study.name, "--db", location]
    with log.open("ab") as out:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd=Path.cwd(),
            env={**os.environ, **endpoint_variables(settings)},
        )
    if output is Output.JSON:
        print_json({"name": study.name, "pid": process.pid, "log": str(log)})
    else:
        say(f"{study.name} runs in the background as process {process.pid}; its log is {log}")
        names = f"`katib show {study.name}`, `katib explain {study.name}` and `katib stop {study.name}`"
        say(complete(f"{names} work on it"))
    return 0


def finish(store: Store, study: Study, output: Output) -> int:
    """Print how the study stands; returns the exit code that goes with it."""
    report = study_report(store, study, now=time.time())
    if output is Output.JSON:
        print_json(report)
    else:
        say(complete("\n".join(study_lines(report, report["command"] or ""))))
    return 0 if study.condition.status is StudyStatus.SUCCEEDED else 1


def _kill(session: Session, name: str) -> None:
    try:
        session.kill(name)
    except StoreError as error:
        # Its runs are ended all the same. That it was interrupted is found when it goes on.
        note(f"not on record that {name} was interrupted: {error}")


@contextmanager
def _interruptible(session: Session, name: str, progress: ProgressView, grace: float) -> Iterator[threading.Event]:
    """The first signal asks the study to stop cleanly; the second raises KeyboardInterrupt. Yields a flag."""
    interrupted = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()
        progress.say(f"stopping: running trials get {grace:g} s to end; Ctrl-C again kills them")
        # Not in the handler itself: the main thread may hold the store's lock at this very moment.
        threading.Thread(target=session.interrupt, args=(name,), daemon=True).start()

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    old: dict[signal.Signals, Any] = {number: signal.signal(number, on_signal) for number in wanted}
    try:
        yield interrupted
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
