"""Random search: each point drawn from the space's own distributions, without replacement."""

from algorithms.base import PointByPoint
from algorithms.options import random_state
from katib.core.advice import Abilities
from katib.core.draw import UsedPoints, draw_unused
from katib.core.space import Assignment


class RandomSearch(PointByPoint):
    """The point of an ordinal depends on the seed and the ordinal; only one that was used before is drawn again."""

    about = """\
Draws each point from the parameters' own distributions. The point of a trial depends on the seed and the trial's
number only; one that was used before is drawn again."""
    abilities = Abilities(oblivious=True, conditional=True, several_objectives=True)
    settings = (random_state(),)

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | None:
        return draw_unused(self.cube, used, f"random/{self.seed}/{ordinal}")
