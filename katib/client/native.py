"""katib's own Python client: studies whose trials you run yourself."""

import math
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, SupportsFloat

from katib.client import places
from katib.client.calls import Call, Desk
from katib.client.outbox import PATIENCE, Outbox
from katib.client.remote import RemoteDesk
from katib.errors import Fault, InvalidInput, StudyClosed

Value = int | float | str
"""A parameter's value."""

Space = str | Sequence[Value]
"""A parameter: a list of values, or one of float:LO:HI[:STEP], log:LO:HI, int:LO:HI[:STEP], logint:LO:HI, with
@OTHER=VALUE,… behind it where it depends on another one.
"""

RETRY_SECONDS = 2.0
"""Between questions for trials while others run the last ones."""


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
    def value(self) -> float | None:
        """Its result: the value of the objective; None without one, and with several objectives: see `values`."""
        return _number(self._shown["value"])

    @property
    def values(self) -> dict[str, float]:
        """Its result for each objective; empty without one."""
        found = {name: _number(value) for name, value in self._shown["values"].items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def metrics(self) -> dict[str, float | None]:
        """The latest value of all that was reported."""
        return {name: _number(each["latest"]) for name, each in self._shown["metrics"].items()}

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
        measurement: dict[str, Any] = {"metrics": _metrics(metrics, named, "trial.report"), "time": time.time()}
        if step is None:
            # Growing even where the clock stands still, and after a restart of this process.
            self._seq = max(self._seq + 1, time.time_ns())
            measurement["seq"] = self._seq
        else:
            measurement |= {"step": int(step), "seq": time.time_ns()}
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
        """Keep the trial for longer, where nothing is reported for long.

        Args:
            seconds: how long; an hour by default.
        """
        if self._client is not None:
            self._move("heartbeat", {"client": self._client, "lease_seconds": seconds})

    def complete(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> "Trial":
        """End the trial with its result, such as `trial.complete(loss=0.25)`; without one what was reported counts.

        A value that is not finite ends it without a result. A trial that has ended stays as it was.

        Raises:
            InvalidInput: an objective has no value.
            ServerUnavailable: no answer, however patiently waited for.
        """
        given = _metrics(metrics, named, "trial.complete") if metrics or named else None
        return self._move("complete", {"metrics": given, "step": step})

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
            Measurement(metric=each["metric"], value=_number(each["value"]), step=each["step"], time=each["time"])
            for each in found
        ]

    def refresh(self) -> "Trial":
        """Read it again."""
        self._shown = self._outbox.call(self._call("get_trial"))
        return self

    def __enter__(self) -> "Trial":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, Exception) and not self.finished:
            self.fail(f"{kind.__name__}: {error}")

    def _move(self, operation: str, body: Mapping[str, Any] | None) -> "Trial":
        self._shown = self._outbox.call(self._call(operation, body))
        return self

    def _call(self, operation: str, body: Mapping[str, Any] | None = None) -> Call:
        return Call(operation=operation, study=self._study, ordinal=self.number, body=body)


class Study:
    """A study. What it tells is what was so when it was read; `refresh` reads it again."""

    def __init__(self, outbox: Outbox, shown: Mapping[str, Any]) -> None:
        self._outbox = outbox
        self._shown = shown

    def __repr__(self) -> str:
        return f"Study({self.name!r}, status={self.status!r})"

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._shown["name"])

    @property
    def status(self) -> str:
        """Created, Running, Succeeded, Failed or Stopped."""
        return str(self._shown["status"])

    @property
    def message(self) -> str:
        """Why, for people."""
        return str(self._shown["message"])

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each state, and how many were created."""
        return dict(self._shown["counts"])

    @property
    def max_trials(self) -> int | None:
        """How many trials it may have; None for no limit."""
        limit = self._shown["budget"]["max_trials"]
        return None if limit is None else int(limit)

    @property
    def ended(self) -> bool:
        """Whether it gives out no trials any more."""
        return self.status in ("Succeeded", "Failed", "Stopped")

    def suggest(self, count: int = 1, *, client: str | None = None, lease_seconds: float | None = None) -> list[Trial]:
        """Trials to run: fewer than `count` when the budget or the search space has no more.

        Args:
            client: who asks; the same name gets the trials back that it runs already. None for new trials each time.
            lease_seconds: how long they are yours without a report; an hour by default.

        Raises:
            StudyClosed: it has ended, or is stopped.
        """
        who = client or somebody()
        body = {"client": who, "count": count, "afresh": client is None, "lease_seconds": lease_seconds}
        answer = self._outbox.call(self._call("suggest", body))
        return [Trial(self._outbox, self.name, shown, client=who) for shown in answer["trials"]]

    def trials(self, client: str | None = None, *, lease_seconds: float | None = None) -> Iterator[Trial]:
        """Trials to run, one after the other, until the study ends or is stopped.

        A trial that was not ended is handed out again: to the same `client`, or to others when its lease is over.

        Args:
            client: who runs them: a name that stays the same when the worker starts again. By default this process.
            lease_seconds: how long one is yours without a report; an hour by default.
        """
        who = client or somebody()
        while True:
            try:
                found = self.suggest(1, client=who, lease_seconds=lease_seconds)
            except StudyClosed:
                return
            if not found:
                # Others run the last ones; should one of them be lost, it is to be run here.
                if self.refresh().ended:
                    return
                time.sleep(RETRY_SECONDS)
                continue
            yield found[0]

    def add_trial(self, parameters: Mapping[str, Value], metrics: Mapping[str, SupportsFloat] | None = None) -> Trial:
        """Add a trial of one's own: with its result, or to be run by whoever asks next.

        Raises:
            InvalidInput: the parameters are not in the search space, or an objective has no value.
        """
        values = None if metrics is None else _metrics(metrics, {}, "add_trial")
        return self._trial(
            self._outbox.call(self._call("create_trial", {"parameters": dict(parameters), "metrics": values}))
        )

    def list_trials(self, *, status: str | None = None) -> list[Trial]:
        """Its trials in their order; only those with a status, where one is given."""
        query = {"status": [status]} if status else {}
        return [self._trial(shown) for shown in pages(self._outbox, self._call("list_trials"), "trials", query)]

    def get_trial(self, number: int) -> Trial:
        """Trial 1, 2, 3 … Raises NotFound."""
        return self._trial(self._outbox.call(Call(operation="get_trial", study=self.name, ordinal=number)))

    def best(self) -> Trial | None:
        """The best trial; None while there is none, and of several objectives: see `front`."""
        found = self.front()
        return found[0] if len(found) == 1 else None

    def front(self) -> list[Trial]:
        """The best trials: of several objectives those that no other one beats in all of them."""
        return [self._trial(shown) for shown in self._outbox.call(self._call("best"))["trials"]]

    def change_budget(self, **limits: int | None) -> "Study":
        """Change `max_trials`, `parallel` or `max_failed`; a larger budget lets a study that has ended go on.

        Raises InvalidInput.
        """
        return self._move("change_budget", limits)

    def pause(self) -> "Study":
        """Give out no more trials; those that run go on."""
        return self._move("pause")

    def resume(self) -> "Study":
        """Go on after `pause` or `stop`."""
        return self._move("resume")

    def stop(self) -> "Study":
        """Give out no more trials, and have those that run stopped."""
        return self._move("stop")

    def delete(self) -> None:
        """Remove it with all that belongs to it."""
        self._outbox.call(self._call("delete_study"))

    def refresh(self) -> "Study":
        """Read it again."""
        return self._move("get_study")

    def _move(self, operation: str, body: Mapping[str, Any] | None = None) -> "Study":
        self._shown = self._outbox.call(self._call(operation, body))
        return self

    def _trial(self, shown: Mapping[str, Any]) -> Trial:
        return Trial(self._outbox, self.name, shown, client=shown.get("client"))

    def _call(self, operation: str, body: Mapping[str, Any] | None = None) -> Call:
        return Call(operation=operation, study=self.name, body=body)


class Client:
    """Studies whose trials you run yourself. A context manager; thread-safe.

    Args:
        endpoint: a server's address, `http://host:port`; else what KATIB_ENDPOINT names; else no server: the studies
            are in the store that KATIB_DB names, or katib.db in this folder.
        token: what a server with authentication asks for; else KATIB_TOKEN.
        store: a path or URL of a store; given, no server is asked.
        patience: seconds in which a server that went away is waited for.
        desk: who answers instead, for tests.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        store: str | None = None,
        patience: float = PATIENCE,
        desk: Desk | None = None,
    ) -> None:
        self.endpoint = None if store or desk else places.address(endpoint)
        if desk is None:
            desk = (
                RemoteDesk(self.endpoint, token=places.token(token)) if self.endpoint else places.embedded_calls(store)
            )
        self._outbox = Outbox(desk, patience=patience)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def create_study(
        self,
        name: str,
        *,
        parameters: Mapping[str, Space] | Sequence[Mapping[str, Any]],
        minimize: str | None = None,
        maximize: str | None = None,
        objectives: Mapping[str, str] | None = None,
        goal: float | None = None,
        algorithm: str | None = None,
        settings: Mapping[str, Any] | None = None,
        early_stopping: str | Mapping[str, Any] | None = None,
        max_trials: int | None = None,
        parallel: int | None = None,
        max_failed: int | None = None,
    ) -> Study:
        """Create a study, or find the same one: every worker may call it.

        Args:
            parameters: name -> what it may be, see Space; or a list as in an Experiment's `spec.parameters`.
            minimize, maximize: the metric that is the objective; one of the two, or
            objectives: several, metric -> minimize or maximize.
            goal: end the study when the objective reaches this.
            algorithm: `katib algorithms` lists them; by default one that fits.
            settings: the algorithm's.
            early_stopping: NAME or NAME:key=value,key=value; or as in an Experiment's `spec.earlyStopping`.
            max_trials: trials in all. None for no limit, as the following.
            parallel: trials that run at the same time.
            max_failed: end the study as failed at this many trials without a result.

        Raises:
            InvalidInput: with every fault.
            AlreadyExists: there is another study of that name.
        """
        spec: dict[str, Any] = {
            **_objective(minimize, maximize, objectives, goal),
            "parameters": dict(parameters) if isinstance(parameters, Mapping) else list(parameters),
        }
        if algorithm is not None:
            pairs = [{"name": key, "value": str(value)} for key, value in (settings or {}).items()]
            spec["algorithm"] = {"algorithmName": algorithm, **({"algorithmSettings": pairs} if pairs else {})}
        more = {
            "earlyStopping": early_stopping,
            "maxTrialCount": max_trials,
            "parallelTrialCount": parallel,
            "maxFailedTrialCount": max_failed,
        }
        spec |= {key: value for key, value in more.items() if value is not None}
        shown = self._outbox.call(Call(operation="create_study", body={"name": name, "spec": spec}))
        return Study(self._outbox, shown)

    def get_study(self, name: str) -> Study:
        """The study of that name. Raises NotFound."""
        return Study(self._outbox, self._outbox.call(Call(operation="get_study", study=name)))

    def list_studies(self) -> list[Study]:
        """All studies, oldest first."""
        return [Study(self._outbox, shown) for shown in pages(self._outbox, Call(operation="list_studies"), "studies")]

    def flush(self) -> None:
        """Send the reports that are kept while the server is away. Raises ServerUnavailable."""
        self._outbox.flush()

    def close(self) -> None:
        """Send what is kept, and let go of the server or the store. Raises ServerUnavailable."""
        self._outbox.close()


def pages(outbox: Outbox, call: Call, kind: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """All items of a list that is given out in pages."""
    after: Mapping[str, Any] = {}
    while True:
        asked = {**(query or {}), "limit": 1000, **after}
        answer = outbox.call(Call(operation=call.operation, study=call.study, query=asked))
        yield from answer[kind]
        if answer.get("next") is None:
            return
        after = {"after": answer["next"]}


def _objective(
    minimize: str | None, maximize: str | None, objectives: Mapping[str, str] | None, goal: float | None
) -> dict[str, Any]:
    given = dict(objectives or {})
    if minimize is not None:
        given[minimize] = "minimize"
    if maximize is not None:
        given[maximize] = "maximize"
    if not given or (goal is not None and len(given) > 1):
        wanted = "minimize=, maximize= or objectives=" if not given else "no goal where there are several objectives"
        raise InvalidInput([Fault(path="objective", wanted=wanted)], what="create_study")
    listed = [{"objectiveMetricName": name, "type": direction} for name, direction in given.items()]
    if len(listed) > 1:
        return {"objectives": listed}
    return {"objective": {**listed[0], **({} if goal is None else {"goal": goal})}}


def _metrics(
    given: Mapping[str, SupportsFloat] | None, named: Mapping[str, SupportsFloat], what: str
) -> dict[str, float | str]:
    values: dict[str, float | str] = {}
    faults: list[Fault] = []
    for name, value in {**(given or {}), **named}.items():
        try:
            number = float(value)
        except Exception as error:  # whatever a tensor of another library raises
            faults.append(Fault(path=str(name), given=repr(value), wanted=f"a number ({error})"))
            continue
        values[str(name)] = number if math.isfinite(number) else str(number)
    if not values and not faults:
        faults.append(Fault(path="metrics", wanted="at least one metric, as in report(loss=0.1)"))
    if faults:
        raise InvalidInput(faults, what=what)
    return values


def _number(shown: Any) -> float | None:
    """A number of an answer, in which nan and the infinities are texts."""
    try:
        return None if shown is None else float(shown)
    except ValueError:
        return None


def somebody() -> str:
    """A client's name that nobody else has."""
    return f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
