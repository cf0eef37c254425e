"""Gaussian process search: the highest expected improvement under a Matern process over warped values.

J. Mockus, V. Tiesis, A. Zilinskas, The application of Bayesian methods for seeking the extremum, 1978; the parts are
from the papers named in `algorithms.gaussian`. Trials in flight: the kriging believer of D. Ginsbourger, R. Le Riche,
L. Carraro, Kriging is well-suited to parallelize optimization, 2010.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.gaussian.parego import tchebycheff, weights
from algorithms.options import Option, random_state
from algorithms.sampling.joe_kuo import BITS, DIMENSIONS
from algorithms.sampling.sobol import sobol
from algorithms.scale import to_unit
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.pareto import Costs, costs
from katib.core.space import Assignment, ParameterType
from katib.core.study import StudyConfig
from katib.core.trial import Trial

if TYPE_CHECKING:
    from algorithms.gaussian.process import Process

Told = tuple[int, Assignment]
"""A trial: its ordinal and its assignment."""

LEAST_STARTUP, MOST_STARTUP = 4, 8

STARTUP: Option[int | None] = Option(
    name="n_startup_trials",
    accepts="an integer > 0",
    default="",
    what="Trials with an outcome before the model is used; until then points are an even cover of the space. Without "
    "it as many as there are parameters, at least 4 and at most 8.",
    type="integer",
    absent=None,
    parse=int,
    allows=lambda value: value is None or value > 0,
)


class GpSearch(PointByPoint):
    """Our own Gaussian process; numpy and scipy are imported when the model is first used."""

    about = """\
Models the objective by a Gaussian process over all parameters and suggests the point where it expects the most
improvement. The process has a Matern kernel of smoothness 5/2 with a length for each parameter, all of them the most
probable ones, and sees values warped to be closer to normal, so one huge value does no harm. Numbers are seen on their
own scale (a logarithmic range by its logarithm), list values as equal or not;
an inactive parameter is the same in all points without it.

The first points are the middle of all ranges and an even cover of the space. It learns from at most 300 trials with a
value: the best hundred, the latest hundred, and a hundred spread over the others; so an answer at 10,000 trials costs
what it costs at 300. A suggestion labelled `katib.kubeflow.org/origin: random` did not come from the model, which had
nothing but used points to offer.

Several objectives are made one for each suggestion anew, by weights that depend on its number and the seed (ParEGO):
each is scaled to the range that it has on record and weighted, and a trial's value is the largest of these parts, plus
a twentieth of their sum. So the suggestions spread along the whole front. A suggestion then costs a fit of its own."""
    paper = """\
C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006; S. Ament, S. Daulton,
D. Eriksson, M. Balandat, E. Bakshy, Unexpected Improvements to Expected Improvement for Bayesian Optimization, NeurIPS
2023; D. Ginsbourger, R. Le Riche, L. Carraro, Kriging is well-suited to parallelize optimization, 2010; J. Knowles,
ParEGO: A hybrid algorithm with on-line landscape approximation for expensive multiobjective optimization problems, IEEE
Transactions on Evolutionary Computation 10 (2006)."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, or its values, one per objective",
            Standing.BAD: "as bad as the worst value; of these, the latest 60",
            Standing.IN_FLIGHT: "taken to have the value that the model expects, so that parallel trials spread out; "
            "of these, the latest 60",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True, several_objectives=True)
    settings = (random_state(), STARTUP)
    requires = ("numpy", "scipy", "threadpoolctl")
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        given = STARTUP.of(config)
        self._startup = given or min(max(len(self.cube.axes), LEAST_STARTUP), MOST_STARTUP)
        self._process: Process | None = None
        self._ready = False
        self._costs: list[Costs] = []
        self._valued: list[Told] = []
        self._bad: list[Told] = []
        self._in_flight: list[Told] = []

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Tell the process the record, once there is enough of it; with several objectives at each point."""
        by_standing: dict[Standing, list[Trial]] = {each: [] for each in Standing}
        for trial in trials:
            by_standing[standing(trial)].append(trial)
        valued = by_standing[Standing.VALUE]
        self._costs = [costs(trial.values, self.config.objectives) for trial in valued]
        self._valued, self._bad, self._in_flight = (
            [(trial.ordinal, trial.assignment) for trial in by_standing[each]]
            for each in (Standing.VALUE, Standing.BAD, Standing.IN_FLIGHT)
        )
        self._ready = bool(valued) and len(valued) + len(self._bad) >= self._startup
        if self._ready and not self.config.further_objectives:
            self._ready = self._tell([value for (value,) in self._costs])

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        if used.full:
            return None
        stream = f"gp/{self.seed}/{ordinal}"
        if self._ready and self.config.further_objectives:
            weighted = weights(stream, len(self.config.objectives))
            self._ready = self._tell(tchebycheff(to_unit(self._costs), weighted))
        if not self._ready:
            return self._cover(ordinal, used)
        for point in self._model.ask(stream):
            if point not in used:
                return self._answered(Advice(ordinal=ordinal, assignment=point))
        drawn = draw_unused(self.cube, used, f"{stream}/random")
        return drawn and self._answered(Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"}))

    def _answered(self, advice: Advice) -> Advice:
        """Let the rest of a batch know of an answer, as the record will."""
        self._in_flight.append((advice.ordinal, advice.assignment))
        self._model.tell_in_flight(advice.assignment)
        return advice

    def _tell(self, values: Sequence[float]) -> bool:
        """Tell the process the record, with these values of the trials that have some."""
        valued = [(*told, value) for told, value in zip(self._valued, values, strict=True)]
        return self._model.tell(valued, bad=self._bad, in_flight=self._in_flight)

    def _cover(self, ordinal: int, used: UsedPoints) -> Assignment | None:
        """The middle of all ranges, with any value of a list; then a Sobol sequence shifted by the seed."""
        if len(self.cube.axes) <= DIMENSIONS:
            shift = uniforms(f"gp/{self.seed}/shift", len(self.cube.axes))
            if ordinal == 1:
                lists = [parameter.type is ParameterType.CATEGORICAL for parameter in self.space.parameters]
                point = self.cube.decode([u if listed else 0.5 for u, listed in zip(shift, lists, strict=True)])
            else:
                point = self.cube.decode(
                    [(x * 2.0**-BITS + u) % 1.0 for x, u in zip(sobol(ordinal - 1, len(shift)), shift, strict=True)]
                )
            if point not in used:
                return point
        return draw_unused(self.cube, used, f"gp/{self.seed}/{ordinal}/cover")

    @property
    def _model(self) -> "Process":
        if self._process is None:
            # Importing scipy takes most of a second, which a study's first points need not wait for.
            from algorithms.gaussian.process import Process

            self._process = Process(self.cube)
        return self._process
