"""Reads the metrics of one run, whatever goes wrong in it."""

import logging
from collections.abc import Callable
from pathlib import Path

from katib.core.observation import MetricPoint
from katib.runners.contract import LaunchOrder
from katib.runners.local.places import collected_path, moved_collector, place_of
from katib.runners.local.supervisor import layout
from katib.spec.container import process_of
from metrics_collector.sources import Source, open_sources

log = logging.getLogger(__name__)


class Collection:
    """The points of one run. For one thread; opens nothing before the first look.

    A fault in reading one run's metrics must not end the reading of all others: it is kept for the run's message.
    """

    def __init__(self, run_dir: Path, order: LaunchOrder) -> None:
        self._dir = run_dir
        self._order = order
        self._source: Source | None = None
        self._fault = ""

    def poll(self) -> list[MetricPoint]:
        """What came since the last call."""
        return self._read(lambda source: source.poll())

    def drain(self) -> list[MetricPoint]:
        """All that is left of a run that is over."""
        return self._read(lambda source: source.drain())

    def describe(self) -> str:
        """Where and how its metrics were looked for."""
        return self._fault or (self._source.describe() if self._source is not None else "")

    def close(self) -> None:
        """Let go of files and connections."""
        if self._source is not None:
            self._source.close()

    def _read(self, read: Callable[[Source], list[MetricPoint]]) -> list[MetricPoint]:
        if self._fault:
            return []
        try:
            if self._source is None:
                self._source = self._open()
            return read(self._source)
        except Exception as error:
            log.exception("the metrics of %s cannot be read", self._order.key)
            self._fault = f"its metrics could not be read: {error}"
            return []

    def _open(self) -> Source:
        order = self._order
        own = layout.metrics(self._dir, *order.key)
        place = None
        if collected_path(order.collector) is not None:
            place = place_of(order.collector, process_of(order.manifest, order.container), own)
        return open_sources(
            moved_collector(order.collector, place) if place else order.collector,
            metrics=order.metrics,
            log=layout.log(self._dir, *order.key),
            reports=layout.reports(self._dir, *order.key),
        )
