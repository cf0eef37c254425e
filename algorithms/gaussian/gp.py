"""Gaussian process search: the highest expected improvement under a Matern process over warped values.

J. Mockus, V. Tiesis, A. Zilinskas, The application of Bayesian methods for seeking the extremum, 1978; the parts are
from the papers named in `algorithms.gaussian`. Trials in flight: the kriging believer of D. Ginsbourger, R. Le Riche,
L. Carraro, Kriging is well-suited to parallelize optimization, 2010.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.options import Option, random_state
from algorithms.sampling.joe_kuo import BITS, DIMENSIONS
from algorithms.sampling.sobol import sobol
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.objective import Direction
from katib.core.space import Assignment, ParameterType
from katib.core.study import StudyConfig
from katib.core.trial import Trial

if TYPE_CHECKING:
    from algorithms.gaussian.process import Process

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
    refusal="n_startup_trials should be great than zero",
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
nothing but used points to offer."""
    paper = """\
C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006; S. Ament, S. Daulton,
D. Eriksson, M. Balandat, E. Bakshy, Unexpected Improvements to Expected Improvement for Bayesian Optimization, NeurIPS
2023; D. Ginsbourger, R. Le Riche, L. Carraro, Kriging is well-suited to parallelize optimization, 2010."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value",
            Standing.BAD: "as bad as the worst value; of these, the latest 60",
            Standing.IN_FLIGHT: "taken to have the value that the model expects, so that parallel trials spread out; "
            "of these, the latest 60",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True)
    settings = (random_state(), STARTUP)
    requires = ("numpy", "scipy", "threadpoolctl")
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        given = STARTUP.of(config)
        self._startup = given or min(max(len(self.cube.axes), LEAST_STARTUP), MOST_STARTUP)
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0
        self._process: Process | None = None
        self._ready = False

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Tell the process the record, once there is enough of it."""
        by_standing: dict[Standing, list[Trial]] = {each: [] for each in Standing}
        for trial in trials:
            by_standing[standing(trial)].append(trial)
        valued, bad = by_standing[Standing.VALUE], by_standing[Standing.BAD]
        self._ready = bool(valued) and len(valued) + len(bad) >= self._startup
        if self._ready:
            self._ready = self._model.tell(
                [(t.ordinal, t.assignment, self._sign * (t.value or 0.0)) for t in valued],
                bad=[(t.ordinal, t.assignment) for t in bad],
                in_flight=[(t.ordinal, t.assignment) for t in by_standing[Standing.IN_FLIGHT]],
            )

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        if used.full:
            return None
        if not self._ready:
            return self._cover(ordinal, used)
        for point in self._model.ask(f"gp/{self.seed}/{ordinal}"):
            if point not in used:
                self._model.tell_in_flight(point)
                return point
        drawn = draw_unused(self.cube, used, f"gp/{self.seed}/{ordinal}/random")
        return drawn and Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"})

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
