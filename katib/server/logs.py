"""What trials reported, from the DB manager that a caller names. Logs of finished trials do not change, and are kept.

Losing what is kept costs a question to the DB manager for each trial, and changes nothing.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import grpc

from katib.core.curves import Curve, Record, Series
from katib.core.objective import Objective
from katib.core.observation import MetricPoint
from katib.core.trial import Trial, TrialState
from katib.errors import Fault, InvalidInput, StoreUnavailable, cut
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.convert.stopping import read_log
from katib.rpc.methods import GET_OBSERVATION_LOG, stub
from katib.rpc.status import code_of, details_of
from katib.suggestion.endpoints import ENDPOINT

COMPLETED = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})
"""Trials whose curves are looked at."""

KEPT = 20_000
"""Logs kept; the one used longest ago goes first. One of 100 values takes 4 kB."""

Curves = dict[str, Series]
Key = tuple[object, ...]


class TrialLogs:
    """Makes records of curves, for any number of threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Curves] = OrderedDict()
        self._lock = threading.Lock()

    def record(self, objective: Objective, trials: Iterable[Trial], address: str, *, seconds: float) -> Record:
        """The curves of completed trials, in the order of their ends.

        Args:
            address: a DB manager; empty for none, and then the one value that each trial came with is taken for all
                that it reported.
            seconds: for all of them.

        Raises StoreUnavailable when nobody answers there.
        """
        completed = [trial for trial in trials if trial.state in COMPLETED]
        completed.sort(key=lambda trial: (trial.ended_at or 0.0, trial.ordinal))
        if address:
            curves = self._logged(objective, completed, address, time.monotonic() + seconds)
        else:
            curves = [_single(trial, objective) for trial in completed]
        return Record(
            objective=objective,
            metrics=frozenset(objective.metrics),
            finished=[
                Curve(ordinal=trial.ordinal, attempt=trial.attempt, objective=objective, state=trial.state, series=each)
                for trial, each in zip(completed, curves, strict=True)
                if each
            ],
        )

    def _logged(self, objective: Objective, trials: Sequence[Trial], address: str, deadline: float) -> list[Curves]:
        found = []
        with open_channel(address) as channel:
            call = stub(channel, GET_OBSERVATION_LOG)
            for trial in trials:
                # A trial of this name that is made anew ends at another time.
                key = (address, trial.name, trial.ended_at, trial.value, objective.direction, objective.metrics)
                curves = self._known(key)
                if curves is None:
                    # Without additional metrics, only that of the objective is asked for; else all of them at once.
                    metric = "" if objective.additional else objective.metric
                    request = api.GetObservationLogRequest(trial_name=trial.name, metric_name=metric)
                    try:
                        reply = call(request, timeout=max(deadline - time.monotonic(), 0.001))
                    except grpc.RpcError as error:
                        raise _away(address, trial, error) from error
                    curves = _curves(objective, read_log(reply.observation_log))
                    self._keep(key, curves)
                found.append(curves)
        return found

    def _known(self, key: Key) -> Curves | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, curves: Curves) -> None:
        if not curves:
            # It may still be on its way.
            return
        with self._lock:
            self._kept[key] = curves
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def read_address(text: str) -> str:
    """The address of a DB manager, or nothing. Raises InvalidInput."""
    if text and not ENDPOINT.fullmatch(text):
        fault = Fault(path="db_manager_address", given=text, wanted="HOST:PORT of a DB manager, or nothing")
        raise InvalidInput([fault], what="the request")
    return text


def _curves(objective: Objective, points: Iterable[MetricPoint]) -> Curves:
    curve = Curve(ordinal=0, attempt=1, objective=objective)
    for point in points:
        if point.metric in objective.metrics:
            curve.add(point)
    return curve.series


def _single(trial: Trial, objective: Objective) -> Curves:
    values = {name: summary.latest for name, summary in trial.metrics.items()}
    values[objective.metric] = trial.value
    points = (
        MetricPoint(metric=name, value=value, text=repr(value), seq=1)
        for name, value in values.items()
        if value is not None
    )
    return _curves(objective, points)


def _away(address: str, trial: Trial, error: grpc.RpcError) -> StoreUnavailable:
    said = f"{code_of(error).name}: {cut(details_of(error), 300)}"
    return StoreUnavailable(
        f"the DB manager at {address} did not give the log of trial {trial.name}: {said}",
        hint="db_manager_address must be an address at which this service reaches it",
    )
