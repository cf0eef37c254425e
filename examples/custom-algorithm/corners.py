"""An algorithm of your own: the corners of the space first, each of them once."""

from algorithms.base import PointByPoint
from algorithms.options import random_state
from katib.core.advice import Abilities
from katib.core.draw import draw_unused, uniforms


class Corners(PointByPoint):
    """Tries the corners of the space first."""

    abilities = Abilities(oblivious=True)
    settings = (random_state(),)

    def point(self, ordinal, used):
        for attempt in range(100):
            draws = uniforms(f"{self.seed}/{ordinal}/{attempt}", len(self.cube.axes))
            corner = self.cube.decode([round(u) for u in draws])
            if corner not in used:
                return corner
        return draw_unused(self.cube, used, f"{self.seed}/{ordinal}")
