"""CatCMA with margin: a covariance matrix adaptation for numbers, steps and lists together, replayed from the record.

R. Hamano, S. Saito, M. Nomura, K. Uchida, S. Shirakawa, CatCMA with Margin, 2025 (arXiv 2504.07884), in the
implementation of the package `cmaes`.
"""

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.options import random_state
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.objective import Direction
from katib.core.space import Assignment
from katib.core.study import StudyConfig
from katib.core.trial import Trial

if TYPE_CHECKING:
    from algorithms.evolution.generations import Generations

REDRAWS = 20
"""Draws from the distribution before a point is drawn by chance instead."""


class CatCmaSearch(PointByPoint):
    """The optimiser of `cmaes`, told whole generations in the order of ordinals."""

    about = """\
Draws points from a distribution that moves towards the good trials, generation by generation: CatCMA with margin, for
long searches and rugged objectives, over numbers, steps and lists together.

Trials with an outcome are taken in the order of their ordinals, so many at a time as a generation has (4 + 3 ln of the
number of parameters); trials in flight are drawn from the same distribution until then. Of records of 2,000 trials or
more only the last thousand to two thousand are replayed, from the best trial before them. A suggestion labelled
`katib.kubeflow.org/origin: random` was drawn by chance, because the distribution kept repeating used points."""
    paper = """\
R. Hamano, S. Saito, M. Nomura, K. Uchida, S. Shirakawa, CatCMA with Margin: Stochastic Optimization for Continuous,
Integer, and Categorical Variables, GECCO 2025."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value",
            Standing.BAD: "worse than every value of its generation",
            Standing.IN_FLIGHT: "nothing yet; its point is not suggested again",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True)
    settings = (random_state(),)
    requires = ("numpy", "cmaes")
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0
        self._kept: Generations | None = None

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Replay the record."""
        told = []
        for trial in trials:
            meant = standing(trial)
            if meant is Standing.VALUE:
                told.append((trial.assignment, self._sign * (trial.value or 0.0)))
            elif meant is Standing.BAD:
                told.append((trial.assignment, math.inf))
        self._generations.tell(told)

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        if used.full:
            return None
        draw = uniforms(f"catcma/{self.seed}/{ordinal}", 1)[0]
        for point in self._generations.draw(int(draw * 2**32), REDRAWS):
            if point not in used:
                return point
        drawn = draw_unused(self.cube, used, f"catcma/{self.seed}/{ordinal}/random")
        return drawn and Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"})

    @property
    def _generations(self) -> "Generations":
        if self._kept is None:
            from algorithms.evolution.generations import Generations

            self._kept = Generations(self.cube)
        return self._kept
