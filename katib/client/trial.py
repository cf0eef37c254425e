"""A trial of a study that you run yourself."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, SupportsFloat

from katib.client.calls import Call
from katib.client.given import metrics_of, seconds_of, whole
from katib.client.outbox import Outbox

Value = int | float | str
"""A parameter's value."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A reported value.

    Attributes:
        value: None for a text that is no number.
        time: when, as 2026-11-23T13:39:47.393Z.
    """

    metric: str
    value: float | None
    step: int | None
    time: str | None


class Trial:
    """A trial to run, or one that was run. A context manager: leaving it by an exception fails the trial.

    What it tells is what was so when it was read; `refresh` reads it again.
    """

    def __init__(self, outbox: Outbox, study: str, shown: Mapping[str, Any], *, client: str | None = None) -> None:
        self._outbox = outbox
        self._study = study
        self._client = client
        self._stops = False
        self._seq = 0
        self._shown = shown

    def __repr__(self) -> str:
        return f"Trial({self.name!r}, status={self.status!r}, parameters={self.parameters!r}, values={self.values!r})"

    @property
    def number(self) -> int:
        """1, 2, 3 … in its study."""
        return int(self._shown["ordinal"])

    @property
    def name(self) -> str:
        """Its name: the study's, and eight letters."""
        return str(self._shown["name"])

    @property
    def parameters(self) -> dict[str, Value]:
        """A value for each parameter that is active: int, float, or the text of a list."""
        return dict(self._shown["parameters"])

    @property
    def status(self) -> str:
        """Pending, Running, Succeeded, Failed, Killed, EarlyStopped or MetricsUnavailable."""
        return str(self._shown["status"])

    @property
    def reason(self) -> str:
        """Why, in one word."""
        return str(self._shown["reason"])

    @property
    def message(self) -> str:
        """Why, for people."""
        return str(self._shown["message"])

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self.status not in ("Pending", "Running")

    @property
    def attempt(self) -> int:
        """1, and one more each time that it was lost and handed out again."""
        return int(self._shown["attempts"])

    @property
    def lease_seconds(self) -> float | None:
        """For how long it is its client's without a sign of life; None for one that is nobody's or never taken back."""
        seconds = self._shown.get("lease_seconds")
        return None if seconds is None else float(seconds)

    @property
    def value(self) -> float | None:
        """Its result: the value of the objective; None without one, and with several objectives: see `values`."""
        return number_of(self._shown["value"])

    @property
    def values(self) -> dict[str, float]:
        """Its result for each objective; empty without one."""
        found = {name: number_of(value) for name, value in self._shown["values"].items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def metrics(self) -> dict[str, float | None]:
        """The latest value of all that was reported."""
        return {name: number_of(each["latest"]) for name, each in self._shown["metrics"].items()}

    def report(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> None:
        """Report values on the way, such as `trial.report(loss=0.3, step=7)`. Also a sign of life.

        While the server is away, reports are kept and sent later, in order. At a step, a metric has one value: the
        first.

        Args:
            metrics: values by name, for names that are no identifiers.
            step: the training step or epoch, >= 0.

        Raises:
            InvalidInput: no metric, or a value that is no number.
            KatibError: the server refused this report, or one that was kept.
        """
        measurement: dict[str, Any] = {"metrics": metrics_of(metrics, named, "trial.report"), "time": time.time()}
        if step is None:
            # Growing even where the clock stands still, and after a restart of this process.
            self._seq = max(self._seq + 1, time.time_ns())
            measurement["seq"] = self._seq
        else:
            measurement |= {"step": whole(step, "step", least=0, what="trial.report"), "seq": time.time_ns()}
        body: dict[str, Any] = {"measurements": [measurement], "attempt": self.attempt}
        if self._client is not None:
            body["client"] = self._client
        self._stops |= self._outbox.report(self._call("report", body))

    def should_stop(self) -> bool:
        """Whether to end the trial now, because early stopping or a person says so; then `complete` it.

        False while the server cannot be reached.
        """
        return self._stops or self.stop_reason() is not None

    def stop_reason(self) -> str | None:
        """Why the trial is to stop; None when it is not to."""
        if self._outbox.away:
            return None
        answer = self._outbox.ask(self._call("should_stop"))
        if answer is None:
            return None
        self._stops = bool(answer["should_stop"])
        return str(answer["reason"]) if answer["should_stop"] else None

    def heartbeat(self, seconds: float | None = None) -> None:
        """Keep the trial for longer; done in the background, too, while this process runs it.

        Args:
            seconds: how long; by default as long again as it was lent.
        """
        if self._client is not None:
            self._shown = self._outbox.call(self.sign_of_life(seconds))

    def sign_of_life(self, seconds: float | None = None) -> Call:
        """What keeps the trial for longer; of one that is lent to a client."""
        lent = seconds_of(seconds, "seconds", what="trial.heartbeat")
        return self._call("heartbeat", {"client": self._client, "lease_seconds": lent})

    def complete(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> "Trial":
        """End the trial with its result, such as `trial.complete(loss=0.25)`; without one what was reported counts.

        A value that is not finite ends it without a result. A trial that has ended stays as it was.

        Raises:
            InvalidInput: an objective has no value.
            ServerUnavailable: no answer, however patiently waited for.
        """
        given = metrics_of(metrics, named, "trial.complete") if metrics is not None or named else None
        at = None if step is None else whole(step, "step", least=0, what="trial.complete")
        return self._move("complete", {"metrics": given, "step": at})

    def infeasible(self, reason: str = "") -> "Trial":
        """End the trial: its parameters are impossible, which algorithms learn from."""
        return self._move("infeasible", {"reason": reason})

    def fail(self, reason: str = "") -> "Trial":
        """End the trial: its run failed."""
        return self._move("fail", {"reason": reason})

    def stop(self) -> "Trial":
        """Have the trial end early: whoever runs it learns it from `should_stop`."""
        return self._move("stop_trial", None)

    def measurements(self) -> list[Measurement]:
        """All that was reported, of all attempts, by time."""
        found = self._outbox.call(self._call("list_measurements"))["measurements"]
        return [
            Measurement(metric=each["metric"], value=number_of(each["value"]), step=each["step"], time=each["time"])
            for each in found
        ]

    def refresh(self) -> "Trial":
        """Read it again."""
        self._shown = self._outbox.call(self._call("get_trial"))
        return self

    def __enter__(self) -> "Trial":
        if self._client is not None and not self.finished:
            self._outbox.keep(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, Exception) and not self.finished:
            self.fail(f"{kind.__name__}: {error}")

    def _move(self, operation: str, body: Mapping[str, Any] | None) -> "Trial":
        self._shown = self._outbox.call(self._call(operation, body))
        if self.finished:
            self._outbox.let_go(self)
        return self

    def _call(self, operation: str, body: Mapping[str, Any] | None = None) -> Call:
        return Call(operation=operation, study=self._study, ordinal=self.number, body=body)


def number_of(shown: Any) -> float | None:
    """A number of an answer, in which nan and the infinities are texts."""
    try:
        return None if shown is None else float(shown)
    except ValueError:
        return None
