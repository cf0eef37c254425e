"""Progress of a running study: live in a terminal, a line per finished trial elsewhere."""

from typing import TYPE_CHECKING, Protocol, TextIO

from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.embedded.progress import LineProgress, Pace, assignment_text, duration, finished_lines, headline

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from katib.controller.controller import Progress

SHOWN_RUNS = 8
"""Running trials shown with their latest metric; the rest is counted."""


class ProgressView(Protocol):
    """Something that shows progress while it is entered."""

    def update(self, progress: "Progress") -> None:
        """Take in what the last look found."""
        ...

    def say(self, text: str) -> None:
        """Tell something that is not progress; may be called from a signal handler."""
        ...

    def __enter__(self) -> "ProgressView": ...

    def __exit__(self, *_error: object) -> None: ...


def open_progress(stream: TextIO, study: Study) -> ProgressView:
    """The view that fits the stream."""
    return LiveProgress(stream, study) if stream.isatty() else LineProgress(stream, study)


class LiveProgress:
    """For a terminal: a few lines that stay in place; trials without a value are printed above them."""

    def __init__(self, stream: TextIO, study: Study) -> None:
        self._stream = stream
        self._study = study
        self._pace = Pace()
        self._progress: Progress | None = None
        self._live: Live | None = None
        self._said = ""

    def __enter__(self) -> "LiveProgress":
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._stream, highlight=False)
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """Show a text below the progress from now on."""
        self._said = text

    def update(self, progress: "Progress") -> None:
        """Take in what is new; the screen is drawn by a thread of its own, four times a second."""
        self._progress = progress
        if self._live is None or progress.looked is None or progress.error:
            return
        for line in finished_lines(progress, self._study.objectives):
            if f" {TrialState.SUCCEEDED.value} " not in line:
                self._live.console.print(line, markup=False)

    def _render(self) -> "RenderableType":
        from rich.text import Text

        return Text(
            "\n".join([*self._lines(), *([self._said] if self._said else [])]), no_wrap=True, overflow="ellipsis"
        )

    def _lines(self) -> list[str]:
        progress = self._progress
        if progress is None or progress.looked is None:
            return [f"{self._study.name}  starting", *([f"  waiting: {progress.error}"] if progress else [])]
        snapshot = progress.looked.gathered.snapshot
        study = snapshot.study
        eta = self._pace.eta(study.summary, study.budget.max_trials)
        runs = [view.trial for view in snapshot.trials if view.trial.state is TrialState.RUNNING]
        lines = [headline(study, study.summary, eta), *(_run_line(trial, snapshot.now) for trial in runs[:SHOWN_RUNS])]
        if len(runs) > SHOWN_RUNS:
            lines.append(f"  and {len(runs) - SHOWN_RUNS} more running")
        if progress.error:
            lines.append(f"  waiting: {progress.error}")
        elif not runs:
            lines += [f"  {text}" for text in progress.looked.plan.notes]
        return lines


def _run_line(trial: Trial, now: float) -> str:
    latest = " ".join(
        f"{name}={summary.latest:.6g}" for name, summary in trial.metrics.items() if summary.latest is not None
    )
    running = duration(now - trial.started_at) if trial.started_at else "starting"
    return f"  trial {trial.ordinal}  {running}  {latest or 'no metric yet'}  {assignment_text(trial.assignment)}"
