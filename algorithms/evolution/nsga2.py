"""NSGA-II, one child at a time (Deb, Pratap, Agarwal, Meyarivan 2002; Nebro, Durillo 2009).

The population is what the record makes it, whether or not a generation is complete: nobody waits for a slow trial, and
nothing has to be remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.evolution.variation import crossed, mutated
from algorithms.fronts import Ranked, survivors
from algorithms.options import Option, random_state
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.encode import Axis
from katib.core.pareto import costs
from katib.core.space import Assignment, Parameter, ParameterType, Value
from katib.core.study import StudyConfig
from katib.core.trial import Trial

POPULATION_SIZE: Option[int] = Option(
    name="population_size",
    accepts="an integer >= 2",
    default="20",
    what="Trials that may become parents: the best so many. So many trials with an outcome are random, to begin with.",
    absent=20,
    parse=int,
    allows=lambda value: value >= 2,
)
CROSSOVER_PROB: Option[float] = Option(
    name="crossover_prob",
    accepts="a number from 0 to 1",
    default="0.9",
    what="How likely a child has two parents; else it is one parent, mutated.",
    absent=0.9,
    parse=float,
    allows=lambda value: 0 <= value <= 1,
)
MUTATION_PROB: Option[float | None] = Option(
    name="mutation_prob",
    accepts="a number from 0 to 1",
    default="",
    what="How likely each parameter of a child is mutated; without it 1 / the number of parameters.",
    absent=None,
    type="number",
    parse=float,
    allows=lambda value: value is None or 0 <= value <= 1,
)

CHILDREN = 30
"""Children made before a point is drawn by chance instead, when all of them are used."""

SWAPPED = 0.5
"""How likely a parameter of a child with two parents is crossed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """A trial of the population."""

    assignment: Assignment
    rank: Ranked


@dataclass(frozen=True, kw_only=True, slots=True)
class Chances:
    """What chance says of one parameter of a child."""

    cross: float
    spread: float
    side: float
    mutate: float
    move: float


class NsgaTwo(PointByPoint):
    """A steady-state NSGA-II over numbers, lists and conditional parameters."""

    about = """\
Breeds new points from the best ones, for several objectives at once: NSGA-II, one child at a time. It needs nothing
but the base, and takes one objective as well.

Of the trials with values, by their numbers and `population_size` at a time, the best of these and of the population so
far are the population: those that no other dominates, then those that only these dominate, and so on; of the last group
that does not fit whole, the points with the most room around them. A parent is the better one of two of them drawn by
chance. The coordinates of numbers (a logarithmic range by its
logarithm) are crossed by simulated binary crossover and moved by polynomial mutation, both with index 20, and one of
few values by one value at least; the values of a categorical parameter come from either parent, and mutation draws
another. A parameter that is active in one of the parents has that one's value.

The next child is bred from what is known at that moment, so trials may be of any length, and as many may run as there
are workers. A suggestion labelled `katib.kubeflow.org/origin: random` is no child: thirty of them had used points."""
    paper = (
        "K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, "
        "IEEE Transactions on Evolutionary Computation 6 (2002); one child at a time: A. J. Nebro, J. J. Durillo, On "
        "the Effect of Applying a Steady-State Selection Scheme in the Multi-Objective Genetic Algorithm NSGA-II, 2009."
    )
    trials = MappingProxyType(
        {
            Standing.VALUE: "its values, one per objective",
            Standing.BAD: "worse than every value: it is no parent, and counts among the random ones to begin with",
            Standing.IN_FLIGHT: "nothing yet; its point is not suggested again",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True, several_objectives=True)
    settings = (random_state(), POPULATION_SIZE, CROSSOVER_PROB, MUTATION_PROB)

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._size = POPULATION_SIZE.of(config)
        self._cross = CROSSOVER_PROB.of(config)
        given = MUTATION_PROB.of(config)
        self._mutate = 1 / len(self.cube.axes) if given is None else given
        self._axes = {each.name: axis for each, axis in zip(self.space.parameters, self.cube.axes, strict=True)}
        self._population: list[Parent] = []

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Find the population; there is none as long as points are random."""
        self._population = []
        valued = [trial for trial in trials if standing(trial) is Standing.VALUE]
        bad = sum(standing(trial) is Standing.BAD for trial in trials)
        if len(valued) + bad < self._size:
            return
        ranks = survivors([costs(trial.values, self.config.objectives) for trial in valued], self._size)
        parents = [Parent(assignment=valued[each.position].assignment, rank=each) for each in ranks]
        known = [each for each in parents if self.space.contains(each.assignment)]
        self._population = known if len(known) > 1 else []

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        stream = f"nsga2/{self.seed}/{ordinal}"
        if not self._population:
            return draw_unused(self.cube, used, f"{stream}/first")
        if used.full:
            return None
        for number in range(CHILDREN):
            child = self._child(f"{stream}/{number}")
            if child not in used:
                return child
        drawn = draw_unused(self.cube, used, f"{stream}/random")
        return drawn and Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"})

    def _child(self, seed: str) -> Assignment:
        two, *draws = uniforms(seed, 5 + 5 * len(self._axes))
        one = self._winner(self._population, draws[:2])
        other = self._winner([each for each in self._population if each is not one], draws[2:4])
        if two >= self._cross:
            other = one
        chances = {
            name: Chances(cross=cross, spread=spread, side=side, mutate=mutate, move=move)
            for name, (cross, spread, side, mutate, move) in zip(
                self._axes, zip(*[iter(draws[4:])] * 5, strict=True), strict=True
            )
        }

        def choose(parameter: Parameter) -> Value:
            inherited = [each.assignment[parameter.name] for each in (one, other) if parameter.name in each.assignment]
            return self._inherited(parameter, inherited, chances[parameter.name])

        return self.space.assign(choose)

    @staticmethod
    def _winner(population: Sequence[Parent], draws: Sequence[float]) -> Parent:
        """The better one of two, by front and then by room (binary tournament)."""
        two = [population[int(u * len(population))] for u in draws]
        return min(two, key=lambda each: (each.rank.front, -each.rank.distance))

    def _inherited(self, parameter: Parameter, values: Sequence[Value], chances: Chances) -> Value:
        """What becomes of the values that one or two parents have."""
        axis = self._axes[parameter.name]
        if not values:
            return axis.decode(chances.spread)
        if parameter.type is ParameterType.CATEGORICAL:
            return self._listed(parameter, axis, values, chances)
        at = axis.encode(values[0])
        if len(values) > 1 and chances.cross < SWAPPED:
            at = crossed(at, axis.encode(values[1]), chances.spread, upper=chances.side < 0.5)
        if chances.mutate < self._mutate:
            at = mutated(at, chances.move, least=1 / parameter.size if parameter.size else 0.0)
        return axis.decode(at)

    def _listed(self, parameter: Parameter, axis: Axis, values: Sequence[Value], chances: Chances) -> Value:
        """Either parent's value, or by mutation any of the others."""
        value = values[-1] if chances.cross < SWAPPED else values[0]
        size = parameter.size or 1
        if chances.mutate >= self._mutate or size == 1:
            return value
        others = [each for each in (axis.decode((k + 0.5) / size) for k in range(size)) if each != value]
        return others[int(chances.move * len(others))]
