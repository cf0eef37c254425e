"""A trial's Prometheus endpoint as a source."""

import http.client
import threading
import time
from collections.abc import Callable

from katib.core.observation import MetricPoint
from metrics_collector.exposition import Sample, samples, selector
from metrics_collector.reading import Names, number, shown

INTERVAL = 1.0
"""Seconds between two scrapes."""

TIMEOUT = 1.0
"""Seconds that one step of a scrape may take."""

PAGE_LIMIT = 8 << 20
"""Bytes of a page that are read."""


class PrometheusSource:
    """Scrapes an endpoint once a second, in a thread of its own: a trial that does not answer holds nobody up.

    Of the samples that a metric's name stands for the first one counts. A value is a point when it differs from the
    scrape before; its sequence number is the time in milliseconds, which grows over restarts. What the trial sets
    between the last scrape and its end is not seen.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        path: str,
        metrics: tuple[str, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._host, self._port, self._path = host, port, path
        self._selectors = {metric: selector(metric) for metric in metrics}
        self._clock = clock
        self._names = Names()
        self._problem = "it has not been asked yet"
        self._last: dict[str, str] = {}
        self._seq = 0
        self._points: list[MetricPoint] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"katib-scrape-{port}", daemon=True)
        self._thread.start()

    def poll(self) -> list[MetricPoint]:
        with self._lock:
            points, self._points = self._points, []
        return points

    def drain(self) -> list[MetricPoint]:
        self.close()
        return self.poll()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(2 * TIMEOUT)

    @property
    def seen(self) -> tuple[str, ...]:
        return self._names.all

    def describe(self) -> str:
        problem = f" ({self._problem})" if self._problem else ""
        return f"Prometheus endpoint http://{self._host}:{self._port}{self._path}{problem}"

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                page = self._page()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._problem = f"no answer: {error}"
            else:
                self._problem = ""
                self._scraped(page)
            self._closing.wait(INTERVAL)

    def _page(self) -> str:
        # Not urllib: a proxy from the environment has no business between a trial and its collector.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.request("GET", self._path, headers={"Accept": "text/plain"})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise http.client.HTTPException(f"HTTP {response.status} {shown(response.reason)}")
            return response.read(PAGE_LIMIT).decode(errors="replace")
        finally:
            connection.close()

    def _scraped(self, page: str) -> None:
        now = self._clock()
        self._seq = max(self._seq + 1, int(now * 1000))
        first: dict[str, Sample] = {}
        for sample in samples(page):
            wanted = [metric for metric, wants in self._selectors.items() if wants.selects(sample)]
            for metric in wanted:
                first.setdefault(metric, sample)
            if not wanted and not self._names.full:
                self._names.add(sample.full_name)
        fresh = {metric: sample.text for metric, sample in first.items() if self._last.get(metric) != sample.text}
        self._last.update(fresh)
        points = [
            MetricPoint(metric=metric, value=number(text), text=shown(text), seq=self._seq, time=now)
            for metric, text in fresh.items()
        ]
        with self._lock:
            self._points += points
