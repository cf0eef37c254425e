"""The service DBManager: what trials reported, over Katib's API. For trials that are on record, and only for those."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import grpc

from katib.core.observation import MetricPoint
from katib.core.study import Study
from katib.core.trial import FINISHED, Trial
from katib.errors import Fault, InvalidInput, NotFound, StudyClosed
from katib.rpc import api
from katib.rpc.methods import DELETE_OBSERVATION_LOG, GET_OBSERVATION_LOG, REPORT_OBSERVATION_LOG, Handler, Method
from katib.server.refusals import refusing
from katib.stores.contract import NAME_LIMIT, Store, TrialFilter, TrialPoints

MICROSECONDS = 1_000_000


class DbManagerServicer:
    """Answers requests, from any number of threads.

    Args:
        now: seconds since the epoch.
        heard: told of each report that was stored: the study's name, and what it said.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], float],
        heard: Callable[[str, TrialPoints], None] = lambda _study, _points: None,
    ) -> None:
        self._store = store
        self._now = now
        self._heard = heard

    @property
    def handlers(self) -> Mapping[Method[Any, Any], Handler]:
        """Its methods."""
        return {
            REPORT_OBSERVATION_LOG: refusing(self.report),
            GET_OBSERVATION_LOG: refusing(self.get),
            DELETE_OBSERVATION_LOG: refusing(self.delete),
        }

    def report(
        self, request: api.ReportObservationLogRequest, _context: grpc.ServicerContext
    ) -> api.ReportObservationLogReply:
        """Store values of a trial that is not finished. Reporting them again changes nothing."""
        study, trial = self._found(request.trial_name)
        if trial.state in FINISHED:
            raise StudyClosed(f"trial {trial.name!r} has ended: {trial.message}", hint="it takes no more reports")
        points = _read(request.observation_log.metric_logs, now=self._now())
        batch = TrialPoints(trial=trial.name, attempt=request.attempt or trial.attempt, points=points)
        self._store.append_observations(study.uid, [batch], now=self._now())
        self._heard(study.name, batch)
        return api.ReportObservationLogReply()

    def get(self, request: api.GetObservationLogRequest, _context: grpc.ServicerContext) -> api.GetObservationLogReply:
        """What a trial's last attempt reported, oldest first; of one metric, and from a time to a time, if asked."""
        study, trial = self._found(request.trial_name)
        first = _time(request.start_time, "start_time") if request.start_time else -math.inf
        last = _time(request.end_time, "end_time") if request.end_time else math.inf
        metric = request.metric_name or None
        stored = self._store.observations(study.uid, ordinal=trial.ordinal, metric=metric, attempt=trial.attempt)
        logs = [_written(each.point) for each in stored if first <= each.point.time <= last]
        return api.GetObservationLogReply(observation_log=api.ObservationLog(metric_logs=logs))

    def delete(
        self, request: api.DeleteObservationLogRequest, _context: grpc.ServicerContext
    ) -> api.DeleteObservationLogReply:
        """Refused for a trial that is on record: what it reported goes with it. Nothing to do for any other."""
        try:
            _, trial = self._found(request.trial_name)
        except NotFound:
            return api.DeleteObservationLogReply()
        said = f"what trial {trial.name!r} reported is kept as long as the trial"
        raise StudyClosed(said, hint="delete the study, or the trial over Vizier's API")

    def _found(self, name: str) -> tuple[Study, Trial]:
        return find_trial(self._store, name)


def find_trial(store: Store, name: str) -> tuple[Study, Trial]:
    """The trial of that name, and its study. Raises NotFound."""
    for study in _studies(store, name.rpartition("-")[0]):
        found = store.trials(study.uid, TrialFilter(names=frozenset({name})))
        if found:
            return study, found[0]
    raise NotFound(f"there is no trial {name[:NAME_LIMIT]!r}", hint="`katib trials STUDY` shows those that are")


def _studies(store: Store, name: str) -> Iterator[Study]:
    """The studies whose trials' names begin with `name`: the one of that name, and those of namespaces."""
    with contextlib.suppress(NotFound):
        yield store.get_study(name)
    for study in store.list_studies():
        before, slash, last = study.name.rpartition("/")
        if before and slash and last == name:
            yield study


def _read(logs: Iterable[api.MetricLog], *, now: float) -> tuple[MetricPoint, ...]:
    """The values as observations. Their places follow from their times, so a report that is sent again is known; one
    without times is not.
    """
    points, faults = [], []
    taken: set[tuple[str, int]] = set()
    for number, log in enumerate(logs):
        path, name, text = f"observation_log.metric_logs[{number}]", log.metric.name, log.metric.value
        if not 1 <= len(name) <= NAME_LIMIT or "\0" in name:
            wanted = f"1 to {NAME_LIMIT} characters without NUL"
            faults.append(Fault(path=f"{path}.metric.name", given=repr(name[:80]), wanted=wanted))
        try:
            time = _time(log.time_stamp, f"{path}.time_stamp")
        except InvalidInput as error:
            faults += error.faults
            continue
        numbered = log.HasField("seq")
        seq = log.seq if numbered else int((time or now) * MICROSECONDS)
        while not numbered and (name, seq) in taken:
            seq += 1
        taken.add((name, seq))
        step = log.step if log.HasField("step") else None
        points.append(MetricPoint(metric=name, value=_number(text), text=text, seq=seq, step=step, time=time))
    if faults:
        raise InvalidInput(faults, what="the report")
    return tuple(points)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _time(text: str, path: str) -> float:
    """Seconds since the epoch; Katib's zero time, and none at all, are 0. Raises InvalidInput."""
    if not text or text.startswith("0001-01-01"):
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        fault = Fault(path=path, given=repr(text[:80]), wanted="a time such as 2026-01-31T12:00:00.5Z")
        raise InvalidInput([fault], what="the time") from error


def _written(point: MetricPoint) -> api.MetricLog:
    moment = datetime.fromtimestamp(point.time, UTC).isoformat().replace("+00:00", "Z")
    time = moment if point.time else "0001-01-01T00:00:00Z"
    return api.MetricLog(time_stamp=time, metric=api.Metric(name=point.metric, value=point.text))
