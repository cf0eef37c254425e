"""What `katib.report` wrote: one JSON object per line, `{"metrics": {"loss": 0.5}, "step": 3, "time": 1700000000.0}`.

`step` may be absent. nan and infinities are strings, so that every line is standard JSON.
"""

from typing import Any

from metrics_collector.reading import Names, Reading, Written, json_object, json_readings, number, seconds, shown


class ReportParser:
    """Reads report lines. Metrics that were not asked for are passed over, and remembered as `seen`."""

    def __init__(self, metrics: tuple[str, ...]) -> None:
        self._metrics = metrics
        self._names = Names()
        self._reports = 0
        self._bad_line = ""

    @property
    def seen(self) -> tuple[str, ...]:
        return self._names.all

    def describe(self) -> str:
        bad = f", not a report: {self._bad_line!r}" if self._bad_line else ""
        return f"{self._reports or 'none'}{bad}"

    def feed(self, line: str) -> list[Reading]:
        """The readings of this report, in the order of the metrics."""
        report = json_object(line) or {}
        values: Any = report.get("metrics")
        if not isinstance(values, dict):
            self._bad_line = self._bad_line or shown(line)
            return []
        self._reports += 1
        for name in values:
            if name not in self._metrics:
                self._names.add(name)
        given = report.get("time")
        time = seconds(number(given)) if isinstance(given, Written) else 0.0
        return json_readings(values, self._metrics, time=time, step=report.get("step"))
