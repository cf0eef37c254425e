"""Asynchronous successive halving (Li et al. 2020).

The paper's symbols: r and R are the least and the most that a trial may use (`r_min`, `r_max`), eta the part that goes
on, s the rungs that are left out at the bottom. Rung k uses r * eta^(s + k).
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from math import floor, inf
from types import MappingProxyType

from algorithms.base import Standing
from algorithms.fidelity.ladder import Climbing, Member, Record
from algorithms.fidelity.resource import (
    ETA,
    LEAST_FACTOR,
    RESOURCE_NAME,
    Resource,
    amount,
    rung_faults,
    rungs_between,
)
from algorithms.options import Option, path, random_state
from katib.core.space import Value
from katib.core.study import StudyConfig
from katib.errors import Fault


def _bound(name: str, what: str) -> Option[Fraction | None]:
    return Option(
        name=name,
        accepts="a number > 0",
        default="",
        what=what,
        absent=None,
        type="number",
        parse=amount,
        allows=lambda value: value is None or value > 0,
    )


R_MIN = _bound("r_min", "The resource of the lowest rung when s is 0; without it the parameter's lowest value.")
R_MAX = _bound("r_max", "The most of the resource that one trial may use; without it the parameter's highest value.")
REDUCTION_FACTOR: Option[Fraction | None] = Option(
    name="reduction_factor",
    accepts="a number >= 2",
    default="",
    what="Another name of eta.",
    absent=None,
    type="number",
    parse=amount,
    allows=lambda value: value is None or value >= LEAST_FACTOR,
)
S: Option[int] = Option(
    name="s",
    accepts="an integer >= 0",
    default="0",
    what="Rungs left out at the bottom: trials begin with r_min * eta^s.",
    absent=0,
    parse=int,
    allows=lambda value: value >= 0,
)


class Asha(Climbing):
    """One ladder that new points climb for ever."""

    about = """\
Gives a trial more of a resource as soon as it is among the best of its rung, without waiting for the others. The
resource is a parameter (epochs, samples); a trial that goes on keeps its other parameters and finds its predecessor's
[checkpoint](../checkpoints.md).

Rung k uses r_min * eta^(s + k) of the resource, up to r_max. Of the trials that are over on a rung the best 1 in eta
may go on; the highest rung that has such a one is served first, and when there is none a new point begins at the
bottom. So every worker has work at all times. The study goes on until its budget is spent. The label
`katib.kubeflow.org/rung` says where a trial stands.

The study's best trial is the best of all, whatever it used; `katib trials` shows the resource beside each value."""
    paper = (
        "L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht, A. Talwalkar, A System for "
        "Massively Parallel Hyperparameter Tuning, Conference on Machine Learning and Systems (2020), Algorithm 2."
    )
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, also when it was stopped early",
            Standing.BAD: "it counts among those that are over on its rung, as the worst; it does not go on",
            Standing.IN_FLIGHT: "nothing yet; nobody waits for it",
            Standing.SILENT: "nothing; it does not go on",
        }
    )
    settings = (RESOURCE_NAME, R_MIN, R_MAX, ETA, REDUCTION_FACTOR, S, random_state())

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        return super().validate(config) or _rung_faults(config)

    @classmethod
    def validate_settings(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate_settings(config)
        if not config.settings.get(RESOURCE_NAME.name):
            hint = "for example resource_name: epochs"
            faults.append(Fault(path=path(RESOURCE_NAME.name), wanted="resource_name must be set.", hint=hint))
        return faults

    @cached_property
    def _values(self) -> tuple[Value, ...]:
        return tuple(self.resource.at(each) for each in _amounts(self.config, self.resource))

    def values(self, bracket: int) -> Sequence[Value]:  # noqa: ARG002 - there is one
        return self._values

    def room(self, bracket: int) -> float:  # noqa: ARG002 - there is one
        return inf

    def promotable(self, record: Record) -> Iterator[Member]:
        for rung in reversed(range(len(self._values) - 1)):
            told = [each for each in record.rung(0, rung) if each.standing in (Standing.VALUE, Standing.BAD)]
            best = sorted(told, key=_rank)[: floor(len(told) / _factor(self.config))]
            yield from (each for each in best if each.loss is not None and each.trial.name not in record.continued)


def _factor(config: StudyConfig) -> Fraction:
    return REDUCTION_FACTOR.of(config) or ETA.of(config)


def _amounts(config: StudyConfig, resource: Resource) -> list[Fraction]:
    """The amounts of the rungs; none when there is no rung."""
    least = R_MIN.of(config) or (resource.least if resource.least > 0 else Fraction(1))
    most = min(R_MAX.of(config) or resource.most, resource.most)
    factor, s = _factor(config), S.of(config)
    return [least * factor ** (s + k) for k in range(rungs_between(least, most, factor) - s + 1)]


def _rung_faults(config: StudyConfig) -> list[Fault]:
    resource = Resource(config.space[RESOURCE_NAME.of(config)])
    low, high = R_MIN.of(config), R_MAX.of(config)
    if low is not None and low < resource.least:
        wanted = f"r_min must be at least {float(resource.least):g}, the lowest value of {resource.parameter.name}"
        return [Fault(path=path(R_MIN.name), given=config.settings[R_MIN.name], wanted=wanted)]
    amounts = _amounts(config, resource)
    if not amounts:
        most = resource.most if high is None else min(high, resource.most)
        wanted = f"r_min * eta^s must be at most {float(most):g}, the most of the resource"
        setting = next(each.name for each in (S, R_MIN, R_MAX) if each.of(config))
        given = f"{setting} {config.settings[setting]}"
        return [Fault(path=path(setting), given=given, wanted=wanted, hint="then there is one rung")]
    return rung_faults(R_MIN.name, [resource.at(each) for each in amounts], amounts)


def _rank(member: Member) -> tuple[float, int]:
    return member.rank
