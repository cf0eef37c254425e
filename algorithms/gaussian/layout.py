"""Assignments as rows of numbers that a Gaussian process can compare, and back.

A numeric parameter is its coordinate in the unit cube, so logarithms and bells are straight; one with steps lies on a
grid, the middles of the shares that its values have. A categorical parameter is the position of its value: only whether
two are equal means anything. An inactive parameter is put where the cube puts it, so two points without it agree in it.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from katib.core.encode import NEUTRAL, Cube
from katib.core.space import Assignment, ParameterType

Floats = npt.NDArray[np.float64]

FINEST = 2048
"""Values of a stepped parameter up to which its grid is kept; one with more is as good as continuous."""


class Layout:
    """The columns of one search space.

    Attributes:
        listed: per column, whether it is categorical: compared by equality.
        grids: of the columns on a grid, the places its values have, growing.
        free: the continuous columns: those with a gradient.
        stepped: the columns that vary on a grid.
    """

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        self.width = len(cube.axes)
        parameters = cube.space.parameters
        self.listed = np.array([each.type is ParameterType.CATEGORICAL for each in parameters], dtype=bool)
        self.grids: dict[int, Floats] = {}
        for column, (parameter, axis) in enumerate(zip(parameters, cube.axes, strict=True)):
            if self.listed[column]:
                self.grids[column] = np.arange(parameter.size or 0, dtype=np.float64)
            elif parameter.size is not None and parameter.size <= FINEST:
                self.grids[column] = np.sort([axis.encode(parameter.at(i)) for i in range(parameter.size)])
        self.free = np.array([column for column in range(self.width) if column not in self.grids], dtype=np.intp)
        self.stepped = [column for column, grid in self.grids.items() if len(grid) > 1]
        self._lists = {int(column): len(self.grids[int(column)]) for column in np.flatnonzero(self.listed)}
        self._neutral = np.full(self.width, NEUTRAL)
        for column, size in self._lists.items():
            self._neutral[column] = int(NEUTRAL * size)
        self._conditions = list(self._conditions_of(cube))

    def _conditions_of(self, cube: Cube) -> Iterator[tuple[int, int, Floats]]:
        """Of each column with a condition its parent, and the places there that make it active; parents first."""
        columns = {parameter.name: column for column, parameter in enumerate(cube.space.parameters)}
        left = [parameter for parameter in cube.space.parameters if parameter.condition is not None]
        while left:
            waiting = {parameter.name for parameter in left}
            for parameter in left:
                when = parameter.condition
                if when is None or when.parameter in waiting:
                    continue
                parent = columns[when.parameter]
                places = [cube.axes[parent].encode(value) for value in when.values]
                if parent in self._lists:
                    places = [float(int(place * self._lists[parent])) for place in places]
                yield columns[parameter.name], parent, np.array(places)
            left = [each for each in left if each.condition is not None and each.condition.parameter in waiting]

    def row(self, assignment: Assignment) -> Floats:
        """The row of an assignment. Raises ValueError or KeyError when it is not in the space."""
        row = self._cube.encode(assignment)
        for column, size in self._lists.items():
            row[column] = float(int(row[column] * size))
        return np.array(row)

    def active(self, rows: Floats) -> npt.NDArray[np.bool_]:
        """Which columns of which rows belong to parameters that are active."""
        active = np.ones(rows.shape, dtype=bool)
        for column, parent, places in self._conditions:
            matches = np.abs(rows[:, parent, None] - places).min(axis=1) < 1e-9
            active[:, column] = active[:, parent] & matches
        return active

    def assignment(self, row: Floats) -> Assignment:
        """The assignment of a row that was `snap`ped."""
        point: list[float] = row.tolist()
        for column, size in self._lists.items():
            point[column] = (point[column] + 0.5) / size
        return self._cube.decode(point)

    def snap(self, rows: Floats) -> Floats:
        """The rows with every column in its bounds, on its grid; an inactive one where `row` has it."""
        rows = np.array(rows)
        rows[:, self.free] = np.clip(rows[:, self.free], 0.0, 1.0)
        for column, grid in self.grids.items():
            middles = (grid[1:] + grid[:-1]) / 2
            rows[:, column] = grid[np.searchsorted(middles, rows[:, column])]
        return np.where(self.active(rows), rows, self._neutral) if self._conditions else rows

    def spread(self, uniforms: Floats) -> Floats:
        """Rows from points of the unit cube."""
        rows = np.array(uniforms)
        for column, size in self._lists.items():
            rows[:, column] = np.floor(rows[:, column] * size)
        return self.snap(rows)
