"""An early stopping algorithm as somebody else would write it; the documentation shows it."""

from algorithms.options import Option
from algorithms.stopping.base import StoppingRule, shadow

CEILING = Option(
    name="ceiling",
    accepts="a number",
    default="3",
    what="What is too much.",
    absent=3.0,
    parse=float,
    allows=lambda value: True,
    refusal="",
)


class Ceiling(StoppingRule):
    """Stops a trial whose objective is above a ceiling."""

    settings = (CEILING, shadow())

    def should_stop(self, trial, report, record):
        ceiling = CEILING.of(self.config)
        if self.cost(report.value) <= ceiling:
            return None
        return self.stop(report, report.value, self.worse, ceiling, f"{report.value} is too much")
