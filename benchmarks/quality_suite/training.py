"""Problems from real training: scikit-learn models on its small data sets, tabulated once by `tabulate.py`.

A table holds the validation error of every point of a grid. Between the grid's points of a number the table is
interpolated linearly (in the logarithm where the parameter is logarithmic), so the lowest value is one of the table's.
"""

import itertools
import json
import math
from bisect import bisect_right
from pathlib import Path
from typing import Any

from quality_suite.problem import Param, Point, Problem

TABLES = Path(__file__).parent / "tables"


class Table:
    """The errors over a grid: for each branch (the texts of the choices) an array over the grids of its numbers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.params = tuple(_param(each) for each in document["params"])
        self.grids: dict[str, list[float]] = {
            each["name"]: each["grid"] for each in document["params"] if "grid" in each
        }
        self._logs = {param.name for param in self.params if param.log}
        self.branches: dict[tuple[str, ...], list[float]] = {
            tuple(branch["choices"]): branch["errors"] for branch in document["branches"]
        }
        self.best = min(min(errors) for errors in self.branches.values())

    def __call__(self, point: Point) -> float:
        choices = tuple(str(value) for name, value in point.items() if name not in self.grids)
        corners = [self._around(name, float(value)) for name, value in point.items() if name in self.grids]
        sizes = [len(self.grids[name]) for name in point if name in self.grids]
        errors, total = self.branches[choices], 0.0
        for corner in itertools.product(*corners):
            index = 0
            for size, (position, _) in zip(sizes, corner, strict=True):
                index = index * size + position
            total += math.prod(weight for _, weight in corner) * errors[index]
        return total

    def _around(self, name: str, value: float) -> list[tuple[int, float]]:
        """The grid's positions on both sides of a value, and how much each counts."""
        grid = self.grids[name]
        below = min(max(bisect_right(grid, value) - 1, 0), len(grid) - 2)
        at, low, high = (
            (math.log(max(v, 1e-300)) if name in self._logs else v) for v in (value, grid[below], grid[below + 1])
        )
        share = min(max((at - low) / (high - low), 0.0), 1.0)
        return [(each, part) for each, part in ((below, 1 - share), (below + 1, share)) if part > 0]


def _param(document: dict[str, Any]) -> Param:
    fields = {key: document[key] for key in ("name", "kind", "low", "high", "log") if key in document}
    when = document.get("when")
    return Param(
        **fields,
        choices=tuple(document.get("choices", ())),
        when=(when[0], tuple(when[1])) if when else None,
    )


def _problem(path: Path) -> Problem:
    document = json.loads(path.read_text())
    table = Table(document)
    return Problem(
        name=path.stem,
        params=table.params,
        function=table,
        best=table.best,
        source=document["source"],
        tags=tuple(document["tags"]),
    )


TRAINING = tuple(_problem(path) for path in sorted(TABLES.glob("*.json")))
