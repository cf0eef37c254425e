"""The runner's contract, in words. `katib.testing.runners` holds every implementation to it.

* A run is named (trial name, attempt). Launching a run that exists or existed does nothing: doing twice is doing once.
* `observe` reports every run the runner knows of that was asked for, again and again until `forget`: from the moment
  `launch` returned (STARTING at least), and never an older state than it reported before. A run that was reported as
  running and is not reported any more counts as vanished, and is started again; so is one that was not running yet,
  which is how a runner tells that a launch came to nothing after `launch` had returned.
* After a restart a runner knows the runs of its predecessor: running ones are adopted, ended ones are reported with how
  they ended, and one whose end nobody saw is reported as LOST.
* Metric points are delivered at least once; their sequence numbers are the same each time.
* A run's points are complete once its report says `drained`. An ENDED report becomes drained in bounded time.
* A runner that queues lets launched runs wait, STARTING, while as many go on as its limit allows. One that is stopped
  while it waits was never launched: it is not reported any more, and may be launched again.
* A run whose order says so finds `KATIB_CHECKPOINT_DIR`, a directory that all attempts of its trial share. It is empty
  at first, or a copy of the parent's: never a part of one, and what the trial changes there the parent does not see.
* No method blocks for longer than a local call should; slow work happens behind `observe`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from katib.core.observation import MetricPoint
from katib.core.run import Cause, Phase, RunKey, RunReport

__all__ = ["Cause", "LaunchOrder", "Phase", "RunKey", "RunReport", "TrialRunner"]


@dataclass(frozen=True, kw_only=True)
class LaunchOrder:
    """A run to start.

    Attributes:
        manifest: the rendered trial template (a Job or other object), as plain data.
        container: the primary container's name.
        metrics: the metrics to collect, the objective first.
        collector: the Experiment's effective metricsCollectorSpec, as plain data.
        checkpoints: whether the trial gets a checkpoint directory.
        parent: the finished trial whose checkpoint it starts from; empty for none.
        checkpoint_path: a path that stands for the checkpoint directory in the manifest's words; empty for none.
    """

    trial: str
    attempt: int
    manifest: Mapping[str, Any]
    container: str
    metrics: tuple[str, ...]
    collector: Mapping[str, Any]
    checkpoints: bool = False
    parent: str = ""
    checkpoint_path: str = ""

    @property
    def key(self) -> RunKey:
        return (self.trial, self.attempt)


class TrialRunner(Protocol):
    """See the module's text for what holds for all methods. One runner serves one study.

    Attributes:
        queues: whether it keeps to a limit; else what is launched starts at once.
    """

    queues: bool

    def limit(self, most: int) -> None:
        """Let so many runs go on at a time from now on; those that go on already do. Any number before this is called.

        Raises RunnerUnavailable when nobody can be told. A runner that does not queue ignores it.
        """
        ...

    def launch(self, orders: Sequence[LaunchOrder]) -> None:
        """Start runs. One that cannot start is reported REFUSED. Raises RunnerUnavailable when nothing was started."""
        ...

    def adopt(self, orders: Sequence[LaunchOrder]) -> None:
        """Look after runs that a predecessor may have launched, without launching any."""
        ...

    def stop(self, key: RunKey, *, grace: float | None = None) -> None:
        """End a run: SIGTERM, and SIGKILL after `grace` seconds (None: the template's own). Twice does no harm."""
        ...

    def observe(self) -> tuple[Mapping[RunKey, RunReport], Mapping[RunKey, tuple[MetricPoint, ...]]]:
        """Every known run's report, and the points that came since the last call."""
        ...

    def forget(self, keys: Iterable[RunKey]) -> None:
        """Their outcome is on record: report them no more. Logs stay."""
        ...

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from any thread, whenever `observe` may have news."""
        ...

    def close(self, *, kill: bool = False) -> None:
        """Let go. Running runs go on unless `kill`."""
        ...
