"""Several objectives made one, by weights that change from suggestion to suggestion: ParEGO.

J. Knowles, ParEGO: A hybrid algorithm with on-line landscape approximation for expensive multiobjective optimization
problems, IEEE Transactions on Evolutionary Computation 10 (2006). The augmented Tchebycheff function, unlike a weighted
sum, has a minimum at any point of the front for some weights, also where the front is not convex.
"""

import math
from collections.abc import Sequence

from katib.core.draw import uniforms
from katib.core.pareto import Costs

RHO = 0.05
"""The share of the weighted sum, the paper's: of points with the same largest part the one that is better elsewhere."""


def weights(seed: str, number: int) -> Costs:
    """`number` weights >= 0 with the sum 1, drawn evenly from all such."""
    # The parts of a sum of exponential draws.
    parts = [-math.log(1.0 - u) for u in uniforms(f"{seed}/weights", number)]
    whole = sum(parts)
    return tuple(part / whole for part in parts)


def tchebycheff(points: Sequence[Costs], weighted: Costs) -> list[float]:
    """One value per point, to be minimised: max_j w_j f_j + rho * sum_j w_j f_j, for costs f between 0 and 1."""
    parts = [[w * f for w, f in zip(weighted, point, strict=True)] for point in points]
    return [max(each) + RHO * sum(each) for each in parts]
