"""Writes down what a world goes through, look by look: what was seen, what was decided, and why."""

from collections.abc import Iterator

from katib.core.decide import Plan, Snapshot
from katib.core.run import Phase, RunReport
from katib.core.study import Study
from katib.core.trial import Transition, TrialState
from katib.testing.clock import A_MONDAY
from katib.testing.simulator import FRESH, Lag, World


class Story:
    """A world, and the log of its looks."""

    def __init__(self, world: World) -> None:
        self.lines: list[str] = []
        self.world = world
        world.watch = self._watch

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def say(self, event: str) -> None:
        """Note an event from outside."""
        self.lines.append(f"* {event}")

    def look(self, times: int = 1, *, seconds: float = 1.0, lag: Lag = FRESH) -> None:
        """Look, let the algorithm answer, and let `seconds` pass; as often as said."""
        for _ in range(times):
            if self.world.step(lag) is None:
                self.say("the look was dropped: the study had changed since it was read")
            self.world.answer()
            self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and runs run."""
        self.world.clock.advance(seconds)
        self.world.runner.work(seconds)
        self.world.remember()

    def finish(self) -> None:
        """Look every second until the study has ended and is at rest."""
        self.world.play(passes=100)

    def _watch(self, snapshot: Snapshot, plan: Plan) -> None:
        self.lines.extend(narrate(snapshot, plan))


def narrate(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """One look in lines: the time, what was seen, what was decided."""
    yield f"at {_after(snapshot.now)}: {_standing(snapshot.study)}"
    for view in snapshot.trials:
        yield f"    sees    {view.trial.ordinal}/{view.trial.attempt} {view.trial.state}, {_run(view.run)}"
    if snapshot.advised:
        yield f"    sees    advice for {', '.join(str(trial.ordinal) for trial in snapshot.advised)}"
    for move in plan.transitions:
        yield f"    move    {_move(move)}"
    if plan.condition is not None:
        yield f"    study   {plan.condition.status} ({plan.condition.reason}): {plan.condition.message}"
    for stop in plan.stops:
        yield f"    stop    {stop.ordinal}/{stop.attempt}: {stop.why}"
    for launch in plan.launches:
        yield f"    launch  {launch.ordinal}/{launch.attempt}: {launch.why}"
    if plan.advise_upto is not None:
        yield f"    ask     for advice up to {plan.advise_upto}"
    for note in plan.notes:
        yield f"    note    {note}"
    if plan.wake_at is not None:
        yield f"    wake    at {_after(plan.wake_at)}"


def _after(time: float) -> str:
    return f"{time - A_MONDAY:g} s"


def _standing(study: Study) -> str:
    most = "any number of" if study.budget.max_trials is None else study.budget.max_trials
    best = "" if study.summary.best_ordinal is None else f", best {study.summary.best_value:g}"
    wish = ", to stop" if study.stop_requested else ""
    counts = ", ".join(
        f"{number} {state}" for state in TrialState if (number := study.summary.count(state)) and state != "Advised"
    )
    return f"{study.condition.status}{wish}; {counts or 'no trials'} of {most}{best}"


def _run(run: RunReport) -> str:
    if run.phase is Phase.UNKNOWN:
        return "no run"
    if run.phase is not Phase.ENDED:
        return f"its run is {run.phase}"
    how = f"signal {run.signal}" if run.code is None else f"code {run.code}"
    asked = "" if run.cause is None else f" ({run.cause})"
    return f"its run ended with {how}{asked}{'' if run.drained else ', metrics on their way'}"


def _move(move: Transition) -> str:
    again = "" if move.attempt_after in (None, move.attempt) else f" as attempt {move.attempt_after}"
    message = "".join(f": {line}" for line in move.message.splitlines()[:1])
    return f"{move.ordinal}/{move.attempt} {move.source} -> {move.target}{again} ({move.reason}){message}"
