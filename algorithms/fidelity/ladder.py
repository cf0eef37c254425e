"""What hyperband, asha and bohb share: trials that climb from rung to rung, each time with more of the resource.

Where a trial stands is in its labels: the bracket, the rung (0 is the lowest), and the trial of the rung below that it
goes on from. Katib's controller does not send labels back, so without them it is found out from the assignment: a point
that was tried with the amount of the rung below goes on from there, any other begins a bracket.
"""

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from algorithms.base import Algorithm, Standing, is_of, standing
from algorithms.fidelity.resource import RESOURCE_NAME, Resource, resource_faults
from katib.core.advice import FALLBACK_LABEL, PARENT_LABEL, Abilities, Advice, AdviceReply
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.encode import Cube
from katib.core.objective import Direction
from katib.core.space import Assignment, SearchSpace, Value
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault

BRACKET_LABEL = "katib.kubeflow.org/bracket"
RUNG_LABEL = "katib.kubeflow.org/rung"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A trial on a rung.

    Attributes:
        standing: what it tells.
        loss: its value, lower is better; None when it has none.
    """

    trial: Trial
    bracket: int
    rung: int
    standing: Standing
    loss: float | None

    @property
    def over(self) -> bool:
        return self.standing is not Standing.IN_FLIGHT

    @property
    def rank(self) -> tuple[float, int]:
        """Sorts members from the best to the worst, those without a value last; the earlier trial wins a tie."""
        return (math.inf if self.loss is None else self.loss, self.trial.ordinal)


@dataclass(kw_only=True)
class Record:
    """The trials of a study by rung.

    Attributes:
        rungs: (bracket, rung) -> its members by ordinal.
        continued: names of the trials that others went on from.
        used: the points that were begun, without the resource.
    """

    used: UsedPoints
    rungs: dict[tuple[int, int], list[Member]] = field(default_factory=dict)
    continued: set[str] = field(default_factory=set)

    def rung(self, bracket: int, rung: int) -> list[Member]:
        return self.rungs.get((bracket, rung), [])

    @property
    def members(self) -> Iterator[Member]:
        for rung in self.rungs.values():
            yield from rung

    def add(self, member: Member, parent: str) -> None:
        self.rungs.setdefault((member.bracket, member.rung), []).append(member)
        if parent:
            self.continued.add(parent)


class Climbing(Algorithm):
    """An algorithm whose trials climb ladders. It always has an answer: a new point, when nobody can be promoted.

    A batch is the same as so many single requests with the earlier answers on record.
    """

    abilities: ClassVar[Abilities] = Abilities(never_repeats=False, fidelity=True, continues=True, conditional=True)

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self.name = RESOURCE_NAME.of(config)
        self.resource = Resource(self.space[self.name])
        rest = tuple(parameter for parameter in self.space.parameters if parameter.name != self.name)
        self.rest = Cube(SearchSpace(parameters=rest))
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        return [*super().validate(config), *resource_faults(config)]

    @abstractmethod
    def values(self, bracket: int) -> Sequence[Value]:
        """The resource's value on each rung of a bracket, the lowest first."""

    @abstractmethod
    def room(self, bracket: int) -> float:
        """How many trials begin a bracket; infinity for no limit."""

    @abstractmethod
    def promotable(self, record: Record) -> Iterator[Member]:
        """Those that may go on to the next rung now and did not, the most urgent first."""

    def prepare(self, record: Record) -> None:
        """Called with the record before the answers of a request are made."""

    def begin(self, ordinal: int, record: Record) -> tuple[Assignment, dict[str, str]]:
        """A new point, without the resource, and labels for it. By default it is drawn; again one that was used, when
        there is no other: a schedule wants its number of members.
        """
        seed = f"{self.config.algorithm}/{self.seed}/{ordinal}"
        point = draw_unused(self.rest, record.used, seed)
        return point or self.rest.decode(uniforms(f"{seed}/again", len(self.rest.axes))), {}

    def suggest(self, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        record = self.read(trials)
        self.prepare(record)
        promotable = self.promotable(record)
        begun = Counter({bracket: len(members) for (bracket, rung), members in record.rungs.items() if rung == 0})
        advice = []
        for ordinal in ordinals:
            member = next(promotable, None)
            advice.append(self._promoted(ordinal, member) if member else self._begun(ordinal, record, begun))
        return AdviceReply(advice=tuple(advice))

    def _promoted(self, ordinal: int, member: Member) -> Advice:
        above = member.rung + 1
        labels = {**_labels(member.bracket, above), PARENT_LABEL: member.trial.name}
        assignment = self._with(member.trial.assignment, self.values(member.bracket)[above])
        return Advice(ordinal=ordinal, assignment=assignment, labels=labels)

    def _begun(self, ordinal: int, record: Record, begun: Counter[int]) -> Advice:
        bracket = self._open(begun)
        begun[bracket] += 1
        point, labels = self.begin(ordinal, record)
        record.used.add(point)
        assignment = self._with(point, self.values(bracket)[0])
        return Advice(ordinal=ordinal, assignment=assignment, labels={**_labels(bracket, 0), **labels})

    def _open(self, begun: Counter[int], value: Value | None = None) -> int:
        """The first bracket that has room, and begins with `value` if one is given; -1 when there is none."""
        bracket = 0
        while begun[bracket] >= self.room(bracket) or (value is not None and self.values(bracket)[0] != value):
            # Every ladder begins somewhere in the first brackets: beyond the last begun one there is nothing new.
            if value is not None and bracket > max(begun, default=0) + len(self.values(0)):
                return -1
            bracket += 1
        return bracket

    def _with(self, point: Assignment, value: Value) -> dict[str, Value]:
        values = {**point, self.name: value}
        return {each.name: values[each.name] for each in self.space.parameters if each.name in values}

    def read(self, trials: Sequence[Trial]) -> Record:
        """Every trial put on its rung. One of the fallback, or of a space that is not this one, is on none."""
        record = Record(used=UsedPoints(self.rest.space))
        begun: Counter[int] = Counter()
        tips: dict[object, Member] = {}
        for trial in trials:
            if not is_of(self.space, trial):
                continue
            record.used.add({name: value for name, value in trial.assignment.items() if name != self.name})
            point = self.rest.space.key(trial.assignment)
            parent = tips.get(point)
            place = self._place(trial, begun, parent)
            if place is None:
                continue
            member = self._member(trial, *place)
            begun[member.bracket] += member.rung == 0
            before = trial.labels.get(PARENT_LABEL) or (parent.trial.name if parent and member.rung > 0 else "")
            record.add(member, before)
            tips[point] = member
        return record

    def _place(self, trial: Trial, begun: Counter[int], parent: Member | None) -> tuple[int, int] | None:
        """(bracket, rung): as labelled, or found out."""
        labels = trial.labels
        if FALLBACK_LABEL in labels:
            return None
        if BRACKET_LABEL in labels and RUNG_LABEL in labels:
            bracket, rung = int(labels[BRACKET_LABEL]), int(labels[RUNG_LABEL])
            return (bracket, rung) if rung < len(self.values(bracket)) else None
        value = trial.assignment[self.name]
        if parent is not None:
            above = self.values(parent.bracket)[parent.rung + 1 : parent.rung + 2]
            if list(above) == [value]:
                return parent.bracket, parent.rung + 1
        bracket = self._open(begun, value)
        return None if bracket < 0 else (bracket, 0)

    def _member(self, trial: Trial, bracket: int, rung: int) -> Member:
        stands = standing(trial)
        value = trial.value if stands is Standing.VALUE else None
        loss = None if value is None or not math.isfinite(value) else self._sign * value
        return Member(trial=trial, bracket=bracket, rung=rung, standing=stands, loss=loss)


def _labels(bracket: int, rung: int) -> dict[str, str]:
    return {BRACKET_LABEL: str(bracket), RUNG_LABEL: str(rung)}
