"""Grid search: every point of a finite space once, the last parameter changing fastest; they are never listed."""

from algorithms.base import PointByPoint
from algorithms.options import random_state
from katib.core.advice import Abilities
from katib.core.draw import UsedPoints
from katib.core.space import Assignment
from katib.core.study import StudyConfig
from katib.errors import Fault


class GridSearch(PointByPoint):
    """The first point of the grid that is not on record.

    `random_state` is accepted because Katib accepts it; the order is fixed. Distributions do not matter here.
    """

    about = """\
Goes through every combination once, the last parameter changing fastest. Every parameter needs to be countable: a
double needs a step. The combinations are never listed, so a grid of 10^9 points costs nothing until it is walked.

The study ends when the grid is used up; a grid smaller than `maxTrialCount` is therefore no fault, except for Katib's
controller, which would ask for ever. `katib run` and `katib validate` say how many points there are. Distributions do
not matter here, and `random_state` is accepted because Katib accepts it: the order is fixed."""
    abilities = Abilities(oblivious=True, finite_only=True, conditional=True, several_objectives=True)
    settings = (random_state(),)

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._points = self.space.size or 0

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        return super().validate(config) + [
            Fault(
                path=f"spec.parameters[{position}].feasibleSpace.step",
                wanted=f"failed to validate parameters({parameter.name}): a double needs a step to be enumerated",
                hint="give it a step, or use algorithm random or sobol",
                verbatim=True,
            )
            for position, parameter in enumerate(config.space.parameters)
            if parameter.size is None
        ]

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | None:  # noqa: ARG002 - the record alone decides
        index = used.first_free()
        return None if index is None else self.space.at(index)
