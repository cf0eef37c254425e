"""A DB manager for one reader: early stopping services of Katib's API ask one for what trials reported.

It answers `GetObservationLog` and nothing else, on the one address by which the service can reach this machine, from
the record that the service was last asked with. Values have no times, as those that Katib collects from text without.
"""

import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc

from katib.core.curves import Curve, Record
from katib.core.observation import MetricPoint
from katib.core.trial import Trial
from katib.rpc import api
from katib.rpc.channels import OPTIONS
from katib.rpc.convert.stopping import write_log
from katib.rpc.methods import GET_OBSERVATION_LOG, handlers

THREADS = 4


class LogServer:
    """Serves logs to the service at `endpoint`, until `close`. Raises OSError when no way leads there."""

    def __init__(self, endpoint: str) -> None:
        self._curves: dict[str, Curve] = {}
        self._lock = threading.Lock()
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix="early-stopping-logs")
        self._server = grpc.server(threads, options=(*OPTIONS, ("grpc.so_reuseport", 0)))
        self._server.add_generic_rpc_handlers(handlers({GET_OBSERVATION_LOG: self._get}))
        host = _here_for(endpoint)
        host = f"[{host}]" if ":" in host else host
        self.address = f"{host}:{self._server.add_insecure_port(f'{host}:0')}"
        self._server.start()

    def show(self, trials: Sequence[Trial], record: Record) -> None:
        """From now on, what these trials reported is what `record` says."""
        curves = {curve.ordinal: curve for curve in (*record.finished, *record.running.values())}
        named = {trial.name: curves[trial.ordinal] for trial in trials if trial.ordinal in curves}
        with self._lock:
            self._curves = named

    def close(self) -> None:
        """Answer no more."""
        self._server.stop(None).wait()

    def _get(
        self,
        request: api.GetObservationLogRequest,
        _context: grpc.ServicerContext,
    ) -> api.GetObservationLogReply:
        """The log of a trial; an empty one for a trial that is not known, as Katib answers."""
        with self._lock:
            curve = self._curves.get(request.trial_name)
        points = () if curve is None else _points(curve, request.metric_name)
        return api.GetObservationLogReply(observation_log=write_log(points))


def _points(curve: Curve, metric: str) -> Iterator[MetricPoint]:
    for name, series in curve.series.items():
        if metric in ("", name):
            for seq, value in enumerate(series.values, start=1):
                yield MetricPoint(metric=name, value=value, text=repr(value), seq=seq)


def _here_for(endpoint: str) -> str:
    """The address of this machine by which the one behind `endpoint` knows it: another one could not be reached."""
    host, _, port = endpoint.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
    family, kind, protocol, _, target = found[0]
    with socket.socket(family, kind, protocol) as way:
        # Nothing is sent: it only chooses the way.
        way.connect(target)
        return str(way.getsockname()[0])
