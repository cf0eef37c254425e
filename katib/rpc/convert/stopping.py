"""Early stopping: EarlyStoppingSpec <-> the study's configuration for it, EarlyStoppingRule <-> StopRule, and logs.

What early stopping is told of a study is a StudyConfig whose algorithm and settings are its own.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from katib.core.objective import Direction, Objective
from katib.core.observation import MetricPoint
from katib.core.space import SearchSpace
from katib.core.stopping import Comparison, StopRule
from katib.core.study import Budget, StudyConfig
from katib.rpc import api
from katib.rpc.convert.study import write_experiment

ZERO_TIME = "0001-01-01T00:00:00Z"
"""What Katib writes where no time is known."""

_COMPARISONS: Mapping[Comparison, api.ComparisonType] = {
    Comparison.EQUAL: api.EQUAL,
    Comparison.LESS: api.LESS,
    Comparison.GREATER: api.GREATER,
}
_COMPARISON_OF = {int(number): comparison for comparison, number in _COMPARISONS.items()}


def write_stopping(config: StudyConfig) -> api.EarlyStoppingSpec:
    """The message of an algorithm with its settings."""
    return api.EarlyStoppingSpec(
        algorithm_name=config.algorithm,
        algorithm_settings=[api.EarlyStoppingSetting(name=name, value=text) for name, text in config.settings.items()],
    )


def write_stopped_experiment(config: StudyConfig) -> api.Experiment:
    """The message of the study that early stopping is for. Which algorithm searches it is not known here."""
    message = write_experiment(config)
    message.spec.ClearField("algorithm")
    message.spec.early_stopping.CopyFrom(write_stopping(config))
    return message


def stopped_experiment(message: api.Experiment) -> api.Experiment:
    """The experiment with early stopping's algorithm in the place of the search's, so that it is read as any other."""
    own = api.Experiment()
    own.CopyFrom(message)
    own.spec.ClearField("early_stopping")
    own.spec.algorithm.algorithm_name = message.spec.early_stopping.algorithm_name
    del own.spec.algorithm.algorithm_settings[:]
    own.spec.algorithm.algorithm_settings.extend(
        api.AlgorithmSetting(name=each.name, value=each.value)
        for each in message.spec.early_stopping.algorithm_settings
    )
    return own


def read_unknown_study(message: api.EarlyStoppingSpec) -> StudyConfig:
    """An algorithm with its settings, for a study of which nothing is known."""
    return StudyConfig(
        name="",
        uid="",
        space=SearchSpace(parameters=()),
        objective=Objective(metric="", direction=Direction.MINIMIZE),
        algorithm=message.algorithm_name,
        settings={each.name: each.value for each in message.algorithm_settings},
        budget=Budget(),
    )


def write_rules(rules: Iterable[StopRule]) -> list[api.EarlyStoppingRule]:
    """The messages of rules."""
    return [
        api.EarlyStoppingRule(
            name=rule.name,
            value=repr(rule.value),
            comparison=_COMPARISONS[rule.comparison],
            start_step=rule.start_step,
        )
        for rule in rules
    ]


def read_rules(messages: Iterable[api.EarlyStoppingRule], metrics: Sequence[str]) -> tuple[StopRule, ...]:
    """The rules of messages; a comparison that is not known means equal, as in Katib.

    Raises ValueError for one that no trial could ever meet.
    """
    return tuple(_read_rule(each, metrics) for each in messages)


def _read_rule(message: api.EarlyStoppingRule, metrics: Sequence[str]) -> StopRule:
    if message.name not in metrics:
        raise ValueError(f"a rule for {message.name!r}, which is none of the metrics {', '.join(metrics)}")
    try:
        value = float(message.value)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"a rule that compares {message.name} with {message.value!r}, which is no number")
    if message.start_step < 0:
        raise ValueError(f"a rule with the start step {message.start_step}")
    return StopRule(
        name=message.name,
        value=value,
        comparison=_COMPARISON_OF.get(message.comparison, Comparison.EQUAL),
        start_step=message.start_step,
    )


def write_log(points: Iterable[MetricPoint]) -> api.ObservationLog:
    """The log of points, in their order."""
    return api.ObservationLog(
        metric_logs=[
            api.MetricLog(time_stamp=_moment(each.time), metric=api.Metric(name=each.metric, value=each.text))
            for each in points
        ]
    )


def read_log(message: api.ObservationLog) -> list[MetricPoint]:
    """The points of a log, in its order; none of them has a step."""
    return [
        MetricPoint(
            metric=each.metric.name, value=_number(each.metric.value), text=each.metric.value, seq=seq, time=0.0
        )
        for seq, each in enumerate(message.metric_logs, start=1)
    ]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(seconds: float) -> str:
    """As Katib's database writes times: UTC, to the microsecond, without the zeros at the end."""
    if not seconds:
        return ZERO_TIME
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
