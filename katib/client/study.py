"""A study whose trials you run yourself."""

import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, SupportsFloat, TypedDict, Unpack

from katib.client.calls import Call
from katib.client.given import metrics_of, seconds_of, whole
from katib.client.outbox import Outbox
from katib.client.trial import Trial, Value
from katib.errors import Fault, InvalidInput, StudyClosed

RETRY_SECONDS = 2.0
"""Between questions for trials while others run the last ones."""


STATUSES = ("Pending", "Running", "Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable")
"""Of trials."""


class Limits(TypedDict, total=False):
    """How much a study may do; None for no limit.

    Attributes:
        max_trials: trials in all.
        parallel: trials that run at the same time.
        max_failed: end the study as failed at this many trials without a result.
        max_seconds: since its first trial: then none is begun any more.
        max_stale: end the study when this many trials after the best one have ended without being better.
    """

    max_trials: int | None
    parallel: int | None
    max_failed: int | None
    max_seconds: float | None
    max_stale: int | None


@dataclass(frozen=True, kw_only=True)
class GrownTo:
    """A trial that made the hypervolume larger.

    Attributes:
        number: the trial's.
        trials: how many with values had ended then, this one included.
        time: when it ended, as 2026-11-23T13:39:47.393Z.
    """

    number: int
    trials: int
    time: str | None
    hypervolume: float


@dataclass(frozen=True, kw_only=True)
class Hypervolume:
    """How much of the space up to a reference point the best trials dominate.

    Attributes:
        value: now.
        reference: metric -> value; empty while no trial has values.
        history: an entry each time that it grew, in the order of the trials' ends.
    """

    value: float
    reference: dict[str, float]
    history: list[GrownTo]


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
    def goals_reached(self) -> dict[str, bool]:
        """Objective -> whether some trial reaches its goal, for those that have one. A study of several objectives ends
        when one and the same trial reaches all of them.
        """
        goals = (each for each in self._shown["objectives"] if each["goal"] is not None)
        return {each["metric"]: bool(each["reached"]) for each in goals}

    @property
    def ended(self) -> bool:
        """Whether it gives out no trials any more."""
        return self.status in ("Succeeded", "Failed", "Stopped")

    def suggest(self, count: int = 1, *, client: str | None = None, lease_seconds: float | None = None) -> list[Trial]:
        """Trials to run: fewer than `count` when the budget or the search space has no more.

        Args:
            client: who asks; the same name gets the trials back that it runs already. None for new trials each time.
            lease_seconds: how long they are yours without a sign of life; an hour by default.

        Raises:
            StudyClosed: it has ended, or is stopped.
            InvalidInput: a number that is none.
        """
        hint = "who asks is told as client=" if isinstance(count, str) else ""
        wanted = whole(count, "count", least=1, what="suggest", hint=hint)
        lent = seconds_of(lease_seconds, "lease_seconds", what="suggest")
        who = somebody() if client is None else str(client)
        body = {"client": who, "count": wanted, "afresh": client is None, "lease_seconds": lent}
        answer = self._outbox.call(self._call("suggest", body))
        found = [Trial(self._outbox, self.name, shown, client=who) for shown in answer["trials"]]
        for trial in found:
            self._outbox.keep(trial)
        return found

    def trials(self, client: str | None = None, *, lease_seconds: float | None = None) -> Iterator[Trial]:
        """Trials to run, one after the other, until the study ends or is stopped.

        A trial that was not ended is handed out again: to the same `client`, or to others when its lease is over.

        Args:
            client: who runs them: a name that stays the same when the worker starts again. By default this process.
            lease_seconds: how long one is yours without a sign of life; an hour by default.
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
        values = None if metrics is None else metrics_of(metrics, {}, "add_trial")
        return self._trial(
            self._outbox.call(self._call("create_trial", {"parameters": dict(parameters), "metrics": values}))
        )

    def list_trials(self, *, status: str | None = None) -> list[Trial]:
        """Its trials in their order; only those with a status, where one is given."""
        if status is not None and status not in STATUSES:
            raise InvalidInput([Fault(path="status", given=repr(status), wanted=f"one of {', '.join(STATUSES)}")])
        query = {"status": [status]} if status else {}
        return [self._trial(shown) for shown in pages(self._outbox, self._call("list_trials"), "trials", query)]

    def get_trial(self, number: int) -> Trial:
        """Trial 1, 2, 3 … Raises NotFound."""
        ordinal = whole(number, "number", least=1, what="get_trial")
        return self._trial(self._outbox.call(Call(operation="get_trial", study=self.name, ordinal=ordinal)))

    def best(self) -> Trial | None:
        """The best trial; None while there is none, and of several objectives: see `front`."""
        found = self.front()
        return found[0] if len(found) == 1 else None

    def front(self) -> list[Trial]:
        """The best trials: of several objectives those that no other one beats in all of them."""
        return [self._trial(shown) for shown in self._outbox.call(self._call("best"))["trials"]]

    def hypervolume(self, reference: Mapping[str, float] | None = None) -> Hypervolume:
        """How much the best trials dominate of the space between them and a reference point, and how that grew.

        Args:
            reference: metric -> a value so bad that a trial must be better to count; an objective without one gets the
                worst value that any trial has, and a tenth of the range of all. Volumes compare only by the same one.
        """
        query = {"reference": [f"{metric}={value!r}" for metric, value in (reference or {}).items()]}
        answer = self._outbox.call(Call(operation="hypervolume", study=self.name, query=query))
        return Hypervolume(
            value=float(answer["hypervolume"]),
            reference={metric: float(value) for metric, value in answer["reference"].items()},
            history=[
                GrownTo(
                    number=each["ordinal"],
                    trials=each["trials"],
                    time=each["time"],
                    hypervolume=float(each["hypervolume"]),
                )
                for each in answer["history"]
            ],
        )

    def change_budget(self, **limits: Unpack[Limits]) -> "Study":
        """Change some limits; a larger budget lets a study that has ended go on.

        Raises InvalidInput.
        """
        spec_of(limits, "change_budget")
        return self._move("change_budget", dict(limits))

    def clone(self, name: str, *, trials: bool = True, **budget: Unpack[Limits]) -> "Study":
        """Create a study like this one under another name, or find it.

        Args:
            trials: begin with this one's results; they do not count against `max_trials`.
            budget: limits that are to be others.

        Raises AlreadyExists.
        """
        body = {"name": name, "spec": spec_of(budget, "clone"), "trials": trials}
        return Study(self._outbox, self._outbox.call(self._call("clone", body))["study"])

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


BUDGET = {
    "max_trials": "maxTrialCount",
    "parallel": "parallelTrialCount",
    "max_failed": "maxFailedTrialCount",
    "max_seconds": "maxSeconds",
    "max_stale": "maxStaleTrialCount",
}
"""Fields of Limits -> what a specification calls them."""


def spec_of(limits: Limits, what: str) -> dict[str, Any]:
    """Limits as a specification has them. Raises TypeError for what is none."""
    if unknown := limits.keys() - BUDGET.keys():
        raise TypeError(f"{what}() got unexpected arguments: {', '.join(sorted(unknown))}")
    return {BUDGET[name]: limit for name, limit in limits.items()}


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


def somebody() -> str:
    """A client's name that nobody else has."""
    return f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
