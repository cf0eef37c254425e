"""Brings points to the DB manager, however long that takes; in the order in which they came, each at least once.

A point has the number that its source gave it, so one that is sent again is known there.
"""

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import grpc

from katib.core.observation import MetricPoint
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.methods import REPORT_OBSERVATION_LOG, stub

BATCH = 500
"""Points of one report."""

SECONDS = 10.0
"""For one answer."""

REFUSED = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND})
"""Answers that will be the same the next time: the trial is over, or not on record any more."""


class Delivery:
    """What is to be delivered of one attempt of a trial.

    Attributes:
        problem: why the last report did not arrive; empty when it did.
    """

    def __init__(self, address: str, trial: str, attempt: int) -> None:
        self._trial, self._attempt = trial, attempt
        self._waiting: deque[MetricPoint] = deque()
        self._report = stub(open_channel(address), REPORT_OBSERVATION_LOG)
        self.problem = ""

    def add(self, points: Iterable[MetricPoint]) -> None:
        """Deliver these, too."""
        self._waiting.extend(points)

    @property
    def waiting(self) -> tuple[MetricPoint, ...]:
        """What has not arrived."""
        return tuple(self._waiting)

    def send(self) -> bool:
        """Try once to deliver what waits; whether nothing waits any more."""
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(len(self._waiting), BATCH))]
            try:
                self._report(self._request(batch), timeout=SECONDS)
                self.problem = ""
            except grpc.RpcError as error:
                # What grpc raises is a call, too; its types do not say so.
                call: Any = error
                self.problem = f"{call.code().name}: {call.details()}"
                if call.code() not in REFUSED:
                    return False
            for _ in batch:
                self._waiting.popleft()
        return True

    def _request(self, points: Iterable[MetricPoint]) -> api.ReportObservationLogRequest:
        logs = [_written(point) for point in points]
        return api.ReportObservationLogRequest(
            trial_name=self._trial, observation_log=api.ObservationLog(metric_logs=logs), attempt=self._attempt
        )


def _written(point: MetricPoint) -> api.MetricLog:
    moment = datetime.fromtimestamp(point.time, UTC).isoformat().replace("+00:00", "Z")
    return api.MetricLog(
        # Katib's zero time where the trial gave none.
        time_stamp=moment if point.time else "0001-01-01T00:00:00Z",
        metric=api.Metric(name=point.metric, value=point.text),
        seq=point.seq,
        step=point.step,
    )
