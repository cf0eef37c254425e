"""CMA-ES with restarts: the cmaes package, replayed from the record.

N. Hansen, The CMA Evolution Strategy: A Tutorial, 2016; for the restarts see `algorithms.evolution.restarts`,
for how generations are told from a record `algorithms.evolution.replay`.
"""

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.evolution.restarts import RESTARTS
from algorithms.options import Option, choice, random_state
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.objective import Direction
from katib.core.space import Assignment, ParameterType
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault

if TYPE_CHECKING:
    from algorithms.evolution.replay import Evolution, Outcome

DRAWS = 32
"""Points drawn for a trial until one is unused: on a coarse space many fall on used ones."""

DEFAULT_SIGMA = 1 / 6

SIGMA: Option[float] = Option(
    name="sigma",
    accepts="a number >= 0",
    default="",
    what="The first step, as a share of each parameter's range. Without it, or with 0, a sixth.",
    absent=0.0,
    parse=float,
    allows=lambda value: 0 <= value < math.inf,
    refusal="sigma should be greate or equal than zero",
)
RESTART = choice(
    "restart_strategy",
    "none",
    "None",
    "ipop",
    "bipop",
    default="none",
    what="What happens when a run has converged: nothing; another one with twice the population (ipop); or one with a "
    "larger or a smaller population, whichever had fewer trials so far (bipop).",
    refusal="restart_strategy {} is not supported in CMAES optimization",
)
NUMERIC = frozenset({ParameterType.DOUBLE, ParameterType.INT})


class CmaEsSearch(PointByPoint):
    """The cmaes package on the unit cube; maximising is minimising the negative."""

    about = """\
Moves a normal distribution towards the better trials and learns its shape: the covariance matrix adaptation evolution
strategy, for spaces in which numbers matter most. It needs at least two parameters that are int or double. Discrete
parameters take part by their order; the values of categorical ones are drawn at random.

A generation is 4 + 3 ln(n) trials for n parameters. Trials are told in the order in which they end, a generation at a
time; so none is wasted, however many run at once, and which trials make up a generation is settled once they have
ended. A trial that began before a restart is not told to the new run. When every point drawn for a trial is used
already, an unused random one is given, with the label `katib.kubeflow.org/origin: random`."""
    paper = """\
N. Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772, 2016. ipop: A. Auger, N. Hansen, A restart CMA
evolution strategy with increasing population size, CEC 2005. bipop: N. Hansen, Benchmarking a BI-population CMA-ES on
the BBOB-2009 function testbed, GECCO 2009."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, of which only the rank in its generation counts",
            Standing.BAD: "the last rank in its generation; a generation without any value changes nothing",
            Standing.IN_FLIGHT: "nothing until it ends; its point is not suggested again",
            Standing.SILENT: "nothing: another trial takes its place; its point is not suggested again",
        }
    )
    abilities = Abilities()
    settings = (random_state(), SIGMA, RESTART)
    requires = ("cmaes",)
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0
        self._numbers = [
            position
            for position, parameter in enumerate(config.space.parameters)
            if parameter.type is not ParameterType.CATEGORICAL and parameter.size != 1
        ]
        self._outcomes: dict[int, tuple[Trial, Outcome]] = {}
        self._replayed: Evolution | None = None

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate(config)
        numeric = sum(parameter.type in NUMERIC for parameter in config.space.parameters)
        if numeric < 2:
            faults.append(
                Fault(
                    path="spec.parameters",
                    given=f"{numeric} of type int or double",
                    wanted="cmaes only supports two or more dimensional continuous search space.",
                    hint="use algorithm tpe, or catcma for categories",
                    verbatim=True,
                )
            )
        return faults

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Replay the record."""
        if self._numbers:
            self._evolution.follow([outcome for trial in trials if (outcome := self._outcome(trial)) is not None])

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        if used.full:
            return None
        if self._numbers:
            for attempt in range(DRAWS):
                point = self._draw(f"cmaes/{self.seed}/{ordinal}/{attempt}")
                if point not in used:
                    return point
        drawn = draw_unused(self.cube, used, f"cmaes/{self.seed}/{ordinal}/random")
        return None if drawn is None else Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"})

    def _draw(self, seed: str) -> Assignment:
        first, *point = uniforms(seed, 1 + len(self.cube.axes))
        for position, x in zip(self._numbers, self._evolution.ask(int(first * 2**32)), strict=True):
            point[position] = x
        return self.cube.decode(point)

    def _outcome(self, trial: Trial) -> "Outcome | None":
        known = self._outcomes.get(trial.ordinal)
        if known is not None and (known[0] is trial or known[0] == trial):
            return known[1]
        means = standing(trial)
        if means not in (Standing.VALUE, Standing.BAD):
            return None
        outcome = self._read(trial, math.inf if means is Standing.BAD else self._sign * (trial.value or 0.0))
        self._outcomes[trial.ordinal] = (trial, outcome)
        return outcome

    def _read(self, trial: Trial, value: float) -> "Outcome":
        from algorithms.evolution.replay import Outcome

        try:
            coordinates = self.cube.encode(trial.assignment)
        except (KeyError, ValueError):
            point = None
        else:
            point = tuple(coordinates[position] for position in self._numbers)
        return Outcome(
            ordinal=trial.ordinal, point=point, value=value, created=trial.created_at, ended=trial.ended_at or 0.0
        )

    @property
    def _evolution(self) -> "Evolution":
        if self._replayed is None:
            # Importing numpy takes a tenth of a second, which those who never use this need not wait for.
            from algorithms.evolution.replay import Evolution

            self._replayed = Evolution(
                dimensions=len(self._numbers),
                sigma=SIGMA.of(self.config) or DEFAULT_SIGMA,
                restart=RESTARTS.get(RESTART.of(self.config)),
                seed=f"cmaes/{self.seed}",
            )
        return self._replayed
