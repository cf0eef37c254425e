"""Hyperband (Li et al. 2018).

The paper's symbols: R is the most that one trial may use (`r_l`), eta the part that is kept, s a bracket's number of
halvings, n its number of members, n_i and r_i the number and the resource on rung i.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar

from algorithms.base import Standing
from algorithms.fidelity.ladder import Climbing, Member, Record
from algorithms.fidelity.resource import ETA, RESOURCE_NAME, Resource, amount, rung_faults, rungs_between
from algorithms.options import Option, path, random_state
from katib.core.advice import Setting
from katib.core.space import Value
from katib.core.study import StudyConfig
from katib.errors import Fault

R_L: Option[Fraction | None] = Option(
    name="r_l",
    accepts="a number > 0",
    default="",
    what="The most of the resource that one trial may use; the parameter's highest value if that is less.",
    absent=None,
    type="number",
    parse=amount,
    allows=lambda value: value is None or value > 0,
    refusal="r_l must be a positive float number.",
)

STATE_OF_KATIB = frozenset({"s_max", "b_l", "r", "n", "current_s", "current_i", "evaluating_trials"})
"""Settings in which Katib's service keeps where it is. Here that follows from the trials, so they are read past."""


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """One run of successive halving: rung i has `sizes[i]` members, and each uses `amounts[i]` of the resource."""

    sizes: tuple[int, ...]
    amounts: tuple[Fraction, ...]


def brackets(most: Fraction, factor: Fraction, s_max: int) -> tuple[Bracket, ...]:
    """The brackets of one round, s = s_max … 0, by Algorithm 1:

    n = ceil((s_max + 1) * eta^s / (s + 1)), r = R * eta^-s, n_i = floor(n * eta^-i), r_i = r * eta^i.
    """
    return tuple(
        Bracket(
            sizes=tuple(math.floor(math.ceil((s_max + 1) * factor**s / (s + 1)) / factor**i) for i in range(s + 1)),
            amounts=tuple(most * factor ** (i - s) for i in range(s + 1)),
        )
        for s in range(s_max, -1, -1)
    )


class Hyperband(Climbing):
    """Brackets in the paper's order, each one run of successive halving; after the last, another round."""

    about = """\
Starts many trials with little of a resource and gives the best of them more: successive halving, at every trade-off
between many trials with little and few with much. The resource is a parameter (epochs, samples); a trial that goes on
keeps its other parameters and finds its predecessor's [checkpoint](../checkpoints.md).

Each bracket begins with n trials and goes through s halvings, s = s_max, …, 0: n is ceil((s_max + 1) * eta^s / (s +
1)), and rung i has floor(n / eta^i) of them with r_l * eta^(i - s) each. Numbers are exact: r_l 243 with eta 3 makes
6 brackets. s_max is the highest s that leaves a trial at least the smallest amount: the parameter's lowest value, or
1 when that is 0 or less. An amount between two allowed values becomes the lower one. For r_l 9 and eta 3 (trials @
resource):

    s = 2:  9 @ 1   3 @ 3   1 @ 9
    s = 1:  5 @ 3   1 @ 9
    s = 0:  3 @ 9

That is a round of 22 trials, of which 5 go on from another. With r_l 27 a round has 69 trials, with 81 it has 206.
When a round is over the next one begins, with new points, until `maxTrialCount`.

A rung is left when all of its trials are over. Nobody waits for that: meanwhile the trials of the brackets after it
are started, so every worker has work, however many there are. The labels `katib.kubeflow.org/bracket` (counted
through all rounds) and `katib.kubeflow.org/rung` say where a trial stands.

The study's best trial is the best of all, whatever it used; `katib trials` shows the resource beside each value."""
    paper = (
        "L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, Hyperband: A Novel Bandit-Based Approach to "
        "Hyperparameter Optimization, Journal of Machine Learning Research 18 (2018), Algorithm 1."
    )
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, also when it was stopped early",
            Standing.BAD: "it is over, ranks behind every value and does not go on; if too few have values, fewer do",
            Standing.IN_FLIGHT: "its rung waits for it; other brackets do not",
            Standing.SILENT: "the same as one that failed",
        }
    )
    settings: ClassVar[tuple[Setting, ...]] = (RESOURCE_NAME, R_L, ETA, random_state())

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        return super().validate(config) or _schedule_faults(config)

    @classmethod
    def validate_settings(cls, config: StudyConfig) -> list[Fault]:
        kept = {name: text for name, text in config.settings.items() if name not in STATE_OF_KATIB}
        faults = super().validate_settings(replace(config, settings=kept))
        if not kept.get("r_l") or not kept.get("resource_name"):
            given = ", ".join(sorted(kept)) or "neither"
            wanted = "r_l and resource_name must be set."
            faults.append(Fault(path=path("r_l"), given=given, wanted=wanted, hint=HINT, verbatim=True))
        return faults

    @cached_property
    def schedule(self) -> tuple[Bracket, ...]:
        """The brackets of a round."""
        return _schedule(self.config, self.resource)

    @cached_property
    def _values(self) -> list[tuple[Value, ...]]:
        return [tuple(self.resource.at(each) for each in bracket.amounts) for bracket in self.schedule]

    def values(self, bracket: int) -> Sequence[Value]:
        return self._values[bracket % len(self.schedule)]

    def room(self, bracket: int) -> float:
        return self.schedule[bracket % len(self.schedule)].sizes[0]

    def promotable(self, record: Record) -> Iterator[Member]:
        for bracket in sorted({bracket for bracket, _ in record.rungs}):
            wanted = self.schedule[bracket % len(self.schedule)].sizes
            size = wanted[0]
            for rung, survivors in enumerate(wanted[1:]):
                members = record.rung(bracket, rung)
                if len(members) < size or not all(member.over for member in members):
                    break
                # One without a value has nothing to go on from: then fewer go on.
                best = sorted((member for member in members if member.loss is not None), key=_rank)[:survivors]
                yield from (member for member in best if member.trial.name not in record.continued)
                size = len(best)


HINT = "for example r_l: 27 and resource_name: epochs"


def _schedule_faults(config: StudyConfig) -> list[Fault]:
    resource = Resource(config.space[RESOURCE_NAME.of(config)])
    most = R_L.of(config) or resource.most
    if most < resource.least:
        wanted = f"r_l must reach the lowest value of {resource.parameter.name}, {float(resource.least):g}"
        return [Fault(path=path("r_l"), given=f"{float(most):g}", wanted=wanted)]
    amounts = _schedule(config, resource)[0].amounts
    return rung_faults("r_l", [resource.at(each) for each in amounts], amounts)


def _schedule(config: StudyConfig, resource: Resource) -> tuple[Bracket, ...]:
    most = min(R_L.of(config) or resource.most, resource.most)
    factor = ETA.of(config)
    least = resource.least if resource.least > 0 else Fraction(1)
    return brackets(most, factor, max(rungs_between(least, most, factor), 0))


def _rank(member: Member) -> tuple[float, int]:
    return member.rank
