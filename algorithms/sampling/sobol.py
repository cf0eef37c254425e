"""Sobol search: a low-discrepancy sequence, so that any number of points covers the space evenly.

I. M. Sobol (1967), with the direction numbers of Joe and Kuo (see `joe_kuo`) and a random digital shift: the seed moves
the whole sequence by an exclusive-or, which keeps its evenness and makes each single point uniform (Owen, Monte Carlo
theory, methods and examples, chapter 17).
"""

from algorithms.base import PointByPoint
from algorithms.options import random_state
from algorithms.sampling.joe_kuo import BITS, DIMENSIONS, directions
from katib.core.advice import Abilities
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.space import Assignment
from katib.core.study import StudyConfig
from katib.errors import Fault

STEPS = 64
"""Points of the sequence to try for an ordinal before one is drawn: on a coarse space many fall on used ones."""


def sobol(index: int, dimensions: int) -> list[int]:
    """Point `index` (from 0) of the unshifted sequence, each coordinate times 2^32."""
    # In Gray code order one digit changes from a point to the next; the set of the first 2^k points is the same.
    gray = index ^ (index >> 1)
    digits = [k for k in range(gray.bit_length()) if gray >> k & 1]
    point = []
    for dimension in range(dimensions):
        numbers, coordinate = directions(dimension), 0
        for k in digits:
            coordinate ^= numbers[k]
        point.append(coordinate)
    return point


class SobolSearch(PointByPoint):
    """Ordinal k gets point k of the sequence, or the next one that rounds to a point not used yet."""

    about = """\
Covers the space evenly, however many points are taken: a Sobol sequence, shifted at random by the seed. Trial k gets
point k of the sequence, or the next one that was not used yet. It takes up to 256 parameters."""
    paper = """\
I. M. Sobol, On the distribution of points in a cube and the approximate evaluation of integrals, USSR Comput. Math.
Math. Phys. 7, 1967. Direction numbers: S. Joe, F. Y. Kuo, Constructing Sobol sequences with better two-dimensional
projections, SIAM J. Sci. Comput. 30, 2008. Digital shift: A. B. Owen, Monte Carlo theory, methods and examples,
chapter 17."""
    abilities = Abilities(oblivious=True, conditional=True, several_objectives=True)
    settings = (random_state(),)

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        draws = uniforms(f"sobol/{self.seed}", len(self.cube.axes))
        self._shift = [int(draw * 2**BITS) for draw in draws]

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate(config)
        number = len(config.space.parameters)
        if number > DIMENSIONS:
            wanted = f"sobol takes at most {DIMENSIONS} parameters"
            faults.append(Fault(path="spec.parameters", given=str(number), wanted=wanted, hint="use algorithm random"))
        return faults

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | None:
        if used.full:
            return None
        for index in range(ordinal - 1, ordinal - 1 + STEPS):
            coordinates = zip(sobol(index, len(self._shift)), self._shift, strict=True)
            point = self.cube.decode([(x ^ shift) * 2.0**-BITS for x, shift in coordinates])
            if point not in used:
                return point
        return draw_unused(self.cube, used, f"sobol/{self.seed}/{ordinal}")
