"""Several objectives on one scale, so that none of them counts for more because of its unit."""

from collections.abc import Sequence

from katib.core.pareto import Costs


def to_unit(points: Sequence[Costs]) -> list[Costs]:
    """The points with the lowest value of each objective at 0 and the highest at 1; one that does not vary at 0."""
    # Halves, so that the extent of the largest floats is one.
    columns = [[value / 2 for value in column] for column in zip(*points, strict=True)]
    return list(zip(*(_scaled(column) for column in columns), strict=True))


def _scaled(column: Sequence[float]) -> list[float]:
    low, extent = min(column), max(column) - min(column)
    return [(value - low) / extent if extent > 0 else 0.0 for value in column]
