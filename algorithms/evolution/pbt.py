"""Population based training (Jaderberg et al. 2017).

The paper's words: a member trains for an interval, is *ready*, *exploits* (becomes a copy of a better member, if it is
among the worst) and *explores* (changes what it copied). Here an interval is a trial, and the member's weights are the
checkpoint that the next trial starts from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from algorithms.base import Algorithm, Standing, is_of, standing
from algorithms.options import Option, path, random_state
from katib.core.advice import FALLBACK_LABEL, PARENT_LABEL, Abilities, Advice, AdviceReply
from katib.core.draw import uniforms
from katib.core.objective import Direction
from katib.core.space import Choice, Parameter, ParameterType, Value
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault

MEMBER_LABEL = "katib.kubeflow.org/member"
"""Which member of the population a trial is an interval of, from 0."""
GENERATION_LABEL = "pbt.suggestion.katib.kubeflow.org/generation"
"""How many intervals its checkpoint has behind it. This and the next are Katib's names."""
PARENT_LABEL_OF_KATIB = "pbt.suggestion.katib.kubeflow.org/parent"

LESS, MORE = 0.8, 1.2
"""The factors by which exploring changes a number; the paper's."""

N_POPULATION: Option[int | None] = Option(
    name="n_population",
    accepts="an integer >= 5",
    default="",
    what="Members of the population.",
    absent=None,
    parse=int,
    allows=lambda value: value is not None and value >= 5,
    refusal="Param(n_population) should be >= 5",
)
TRUNCATION_THRESHOLD: Option[float] = Option(
    name="truncation_threshold",
    accepts="a number from 0 to 1",
    default="",
    what="The share of the members that counts as the worst, and as the best that these copy; the paper has 0.2.",
    absent=0.0,
    parse=float,
    allows=lambda value: 0 <= value <= 1,
    refusal="Param(truncation_threshold) should be between 0 and 1, inclusive",
)
RESAMPLE_PROBABILITY: Option[float] = Option(
    name="resample_probability",
    accepts="a number from 0 to 1",
    default="",
    what="How likely exploring draws a parameter anew instead of changing it a little; without it never.",
    absent=0.0,
    parse=float,
    allows=lambda value: 0 <= value <= 1,
    refusal="Param(resample_probability) should be between 0 and 1, inclusive",
)
SUGGESTION_TRIAL_DIR: Option[str] = Option(
    name="suggestion_trial_dir",
    accepts="a path",
    default="",
    what="Katib's way to name the checkpoint directory: where the template has this path, a trial finds its own.",
    absent="",
    parse=str,
    allows=bool,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A trial with a value: what a member is after it.

    Attributes:
        generation: how many intervals its checkpoint had behind it.
        loss: its value, lower is better.
    """

    trial: Trial
    member: int
    generation: int
    loss: float


@dataclass
class Member:
    """A member of the population.

    Attributes:
        latest: its last interval's trial; None when there is none on record.
        at_work: whether its last interval goes on, or was suggested in this very answer.
        generation: of its last interval.
        now: its last interval with a value; None when there is none.
    """

    number: int
    latest: Trial | None = None
    at_work: bool = False
    generation: int = 0
    now: Interval | None = None


class PopulationBasedTraining(Algorithm):
    """A population that trains in intervals. Asynchronous: a member that is ready waits for nobody."""

    about = """\
Trains a population in intervals; after each one the worst members go on from a copy of one of the best, with changed
parameters. So the parameters change while a model trains, and no training is thrown away. A trial is one interval: it
goes on from the [checkpoint](../checkpoints.md) that it finds, and trains for a while more, say 5 epochs.

A member that is ready is compared with what the other members are at that moment. If it is among the worst
(`truncation_threshold`, a share of them), it copies one of the best, parameters and checkpoint, and changes each
parameter: a number times 0.8 or 1.2, to an allowed value, by at least one step; an item of a list to its neighbour (a
categorical list is a ring, a discrete one has ends); or, with `resample_probability`, any value. If it is not, it goes
on as it is: the same point with its own checkpoint.

Of the members that are ready the one that trained least is first, and none waits for another. When more trials may run
than there are members, the population grows until all workers have work. The study goes on until its budget is spent:
`n_population` times the number of intervals is a good `maxTrialCount`.

Labels: `katib.kubeflow.org/member`, and Katib's `pbt.suggestion.katib.kubeflow.org/generation`, the number of intervals
behind the checkpoint that the trial starts from. The best trial of the study is the best interval of all; that it is as
good as it is, it owes to its parents' parameters too, which the label `katib.kubeflow.org/parent` leads back to."""
    paper = (
        "M. Jaderberg, V. Dalibard, S. Osindero, W. M. Czarnecki, J. Donahue, A. Razavi, O. Vinyals, T. Green, "
        "I. Dunning, K. Simonyan, C. Fernando, K. Kavukcuoglu, Population Based Training of Neural Networks, "
        "arXiv 1711.09846 (2017), with truncation selection."
    )
    trials = MappingProxyType(
        {
            Standing.VALUE: "what its member is from then on",
            Standing.BAD: "its member is replaced: it copies one of the best and explores; or begins anew, when nobody "
            "has a value yet",
            Standing.IN_FLIGHT: "its member is at work; it counts as what it was before",
            Standing.SILENT: "the interval is run again, from the same checkpoint",
        }
    )
    abilities = Abilities(never_repeats=False, continues=True, conditional=True)
    settings = (N_POPULATION, TRUNCATION_THRESHOLD, RESAMPLE_PROBABILITY, SUGGESTION_TRIAL_DIR, random_state())

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._size = N_POPULATION.of(config) or 0
        self._threshold = TRUNCATION_THRESHOLD.of(config)
        self._resample = RESAMPLE_PROBABILITY.of(config)
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0

    @classmethod
    def validate_settings(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate_settings(config)
        required = (N_POPULATION.name, TRUNCATION_THRESHOLD.name)
        missing = [name for name in required if name not in config.settings]
        if missing:
            wanted = f"Required params missing: {', '.join(missing)}"
            hint = "for example n_population: 10 and truncation_threshold: 0.2"
            faults.append(Fault(path=path(missing[0]), wanted=wanted, hint=hint, verbatim=True))
        return faults

    def suggest(self, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        population = self._read(trials)
        return AdviceReply(advice=tuple(self._next(ordinal, population) for ordinal in ordinals))

    def _read(self, trials: Sequence[Trial]) -> list[Member]:
        """The population, by the labels of its intervals.

        Katib's controller does not send labels back; then the members are taken to have had their turns in order.
        """
        members: list[Member] = []
        own = (t for t in trials if FALLBACK_LABEL not in t.labels and is_of(self.space, t))
        for count, trial in enumerate(own):
            turn, number = divmod(count, self._size)
            number = int(trial.labels.get(MEMBER_LABEL, number))
            members += [Member(number=each) for each in range(len(members), number + 1)]
            member = members[number]
            member.latest, member.at_work = trial, standing(trial) is Standing.IN_FLIGHT
            member.generation = int(trial.labels.get(GENERATION_LABEL, turn))
            value = trial.value if standing(trial) is Standing.VALUE else None
            if value is not None and math.isfinite(value):
                loss = self._sign * value
                member.now = Interval(trial=trial, member=number, generation=member.generation, loss=loss)
        return members

    def _next(self, ordinal: int, population: list[Member]) -> Advice:
        free = [member for member in population if not member.at_work]
        if len(population) < self._size or not free:
            population.append(Member(number=len(population)))
            return self._anew(ordinal, population[-1])
        return self._interval(ordinal, min(free, key=lambda each: (each.generation, each.number)), population)

    def _interval(self, ordinal: int, member: Member, population: list[Member]) -> Advice:
        """The next interval of a member that is ready."""
        latest = member.latest
        if latest is None:
            return self._anew(ordinal, member)
        stands = standing(latest)
        if stands is Standing.SILENT:
            return self._again(ordinal, member, latest)
        ranked = sorted((each.now for each in population if each.now), key=lambda each: (each.loss, each.member))
        few = math.floor(self._threshold * len(ranked))
        own = member.now if member.now and member.now.trial is latest else None
        if own is None:
            donors = [each for each in ranked[: max(few, 1)] if each is not member.now] or ranked[:1]
        elif own in ranked[len(ranked) - few :]:
            donors = [each for each in ranked[:few] if each.loss < own.loss]
        else:
            donors = []
        if donors:
            (share,) = uniforms(f"{self._stream(ordinal)}/donor", 1)
            return self._copy(ordinal, member, donors[int(share * len(donors))])
        return self._on(ordinal, member, own) if own else self._anew(ordinal, member)

    def _anew(self, ordinal: int, member: Member) -> Advice:
        point = self.cube.decode(uniforms(f"{self._stream(ordinal)}/anew", len(self.cube.axes)))
        return self._advice(ordinal, member, point, generation=0, parent="")

    def _again(self, ordinal: int, member: Member, trial: Trial) -> Advice:
        parent = trial.labels.get(PARENT_LABEL, "")
        return self._advice(ordinal, member, dict(trial.assignment), generation=member.generation, parent=parent)

    def _on(self, ordinal: int, member: Member, own: Interval) -> Advice:
        point = dict(own.trial.assignment)
        return self._advice(ordinal, member, point, generation=own.generation + 1, parent=own.trial.name)

    def _copy(self, ordinal: int, member: Member, donor: Interval) -> Advice:
        """Exploit and explore."""
        trial = donor.trial
        axes = zip(self.space.parameters, self.cube.axes, strict=True)
        draws = uniforms(f"{self._stream(ordinal)}/explore", 3 * len(self.cube.axes))
        at = {parameter.name: (axis, draws[3 * k : 3 * k + 3]) for k, (parameter, axis) in enumerate(axes)}

        def choose(parameter: Parameter) -> Value:
            axis, (resample, direction, anew) = at[parameter.name]
            # One that what was chosen before has made active has no value to change.
            if parameter.name not in trial.assignment or resample < self._resample:
                return axis.decode(anew)
            return neighbour(parameter, trial.assignment[parameter.name], up=direction < 0.5)

        point = self.space.assign(choose)
        return self._advice(ordinal, member, point, generation=donor.generation + 1, parent=trial.name)

    def _advice(self, ordinal: int, member: Member, point: dict[str, Value], *, generation: int, parent: str) -> Advice:
        member.at_work, member.generation = True, generation
        labels = {MEMBER_LABEL: str(member.number), GENERATION_LABEL: str(generation)}
        if parent:
            labels |= {PARENT_LABEL: parent, PARENT_LABEL_OF_KATIB: parent}
        return Advice(ordinal=ordinal, assignment=point, labels=labels)

    def _stream(self, ordinal: int) -> str:
        return f"pbt/{self.seed}/{ordinal}"


def neighbour(parameter: Parameter, value: Value, *, up: bool) -> Value:
    """What exploring turns `value` into. At the end of its range it stays; in a list it moves the other way."""
    if isinstance(parameter, Choice):
        return _listed(parameter, value, up=up)
    number = float(value)
    # A zero has no size of its own to change by; then the range has.
    change = (MORE - 1 if up else LESS - 1) * (abs(number) or parameter.high - parameter.low)
    near = parameter.nearest(number + change)
    if near != value or parameter.size is None:
        return near
    position = parameter.index(value) + (1 if up else -1)
    return parameter.at(position) if 0 <= position < parameter.size else value


def _listed(parameter: Choice, value: Value, *, up: bool) -> Value:
    step = 1 if up else -1
    if parameter.type is ParameterType.CATEGORICAL:
        return parameter.at((parameter.index(value) + step) % parameter.size)
    ordered = sorted(parameter.values, key=float)
    position = ordered.index(str(value)) + step
    if not 0 <= position < len(ordered):
        position -= 2 * step
    return ordered[position] if 0 <= position < len(ordered) else value
