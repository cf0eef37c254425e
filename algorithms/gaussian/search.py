"""Where the acquisition is highest: many candidates, the best few of them refined by gradient and by single steps."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from algorithms.gaussian.acquisition import log_ei, log_ei_slope
from algorithms.gaussian.layout import Layout
from algorithms.gaussian.model import Posterior

Floats = npt.NDArray[np.float64]

SPREAD_OUT = 300
"""Candidates drawn evenly from the whole space."""
AROUND = 60
"""Candidates around each of the best points on record, and NEAR of these."""
NEAR = 5
REFINED = 4
"""Candidates that are refined."""
ROUNDS = 2
"""Times that gradient and single steps take turns."""


def candidates(layout: Layout, rows: Floats, order: Sequence[int], rng: np.random.Generator) -> Floats:
    """Rows to look at: everywhere, and around the best of `rows`, of which `order` lists the best first."""
    pools = [layout.spread(rng.random((SPREAD_OUT, layout.width)))]
    for rank in order[:NEAR]:
        pools.append(around(layout, rows[rank], rng, AROUND))
    return np.vstack(pools)


def around(layout: Layout, row: Floats, rng: np.random.Generator, number: int) -> Floats:
    """Rows near one: some of its columns moved, by anything from a thousandth of their range to all of it."""
    moved = np.repeat(row[None, :], number, axis=0)
    scale = 10.0 ** rng.uniform(-3.0, 0.0, (number, 1))
    step = rng.standard_normal(moved.shape) * scale
    share = rng.choice([1.0, 0.5, 0.2], (number, 1))
    chosen = rng.random(moved.shape) < np.maximum(share, 1.0 / layout.width)
    chosen[np.arange(number), rng.integers(layout.width, size=number)] = True
    fresh = layout.spread(rng.random(moved.shape))
    numeric = ~layout.listed
    moved[:, numeric] = np.where(chosen, _reflected(moved + step), moved)[:, numeric]
    flipped = chosen & layout.listed & (rng.random(moved.shape) < 0.5)
    moved = np.where(flipped, fresh, moved)
    return layout.snap(moved)


def _reflected(rows: Floats) -> Floats:
    """Coordinates beyond 0 or 1 folded back."""
    folded = np.abs(rows) % 2.0
    return np.where(folded > 1.0, 2.0 - folded, folded)


def ascend(layout: Layout, posterior: Posterior, best: float, pool: Floats) -> Floats:
    """The pool's best rows after refinement, then the pool itself, all by falling acquisition."""
    values = log_ei(*posterior.at(pool), best)
    order = np.argsort(-values, kind="stable")
    starts = _distinct(pool, order, REFINED)
    refined = np.array([_refined(layout, posterior, best, row) for row in starts])
    scores = log_ei(*posterior.at(refined), best)
    top = refined[np.argsort(-scores, kind="stable")]
    return np.vstack([top, pool[order[:50]]])


def _distinct(pool: Floats, order: npt.NDArray[np.intp], number: int) -> Floats:
    """The first `number` rows in `order` that are not next to each other."""
    kept: list[Floats] = []
    for i in order[:200]:
        if all(np.abs(pool[i] - row).max() > 0.05 for row in kept):
            kept.append(pool[i])
        if len(kept) == number:
            break
    return np.array(kept)


def _refined(layout: Layout, posterior: Posterior, best: float, row: Floats) -> Floats:
    for _ in range(ROUNDS if layout.stepped else 1):
        before = row
        row = _by_gradient(layout, posterior, best, row)
        if layout.stepped:
            row = _by_steps(layout, posterior, best, row)
        if np.array_equal(before, row):
            break
    return row


def _by_gradient(layout: Layout, posterior: Posterior, best: float, row: Floats) -> Floats:
    free, at = layout.free[layout.active(row[None, :])[0, layout.free]], row.copy()
    if not len(free):
        return row

    def loss(u: Floats) -> tuple[float, Floats]:
        at[free] = u
        value, slope = log_ei_slope(*posterior.slopes(at, free), best)
        return -value, -slope

    options = {"maxiter": 30, "ftol": 1e-6}
    found = minimize(loss, row[free], jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(free), options=options)
    moved = row.copy()
    moved[free] = np.clip(found.x, 0.0, 1.0)
    return moved


def _by_steps(layout: Layout, posterior: Posterior, best: float, row: Floats) -> Floats:
    """Better neighbours one after the other: another value of a list, or another place on a grid."""
    score = float(log_ei(*posterior.at(row[None, :]), best)[0])
    for _ in range(8):
        around_it = _neighbours(layout, row)
        scores = log_ei(*posterior.at(around_it), best)
        top = int(np.argmax(scores))
        if scores[top] <= score + 1e-9:
            break
        row, score = around_it[top], float(scores[top])
    return row


def _neighbours(layout: Layout, row: Floats) -> Floats:
    rows = []
    for column in layout.stepped:
        grid = layout.grids[column]
        place = int(np.argmin(np.abs(grid - row[column])))
        if layout.listed[column] or len(grid) <= 8:
            others = list(range(len(grid)))
        else:
            jump = max(len(grid) // 8, 2)
            others = [place + step for step in (-jump, -2, -1, 1, 2, jump) if 0 <= place + step < len(grid)]
        for other in others:
            if other != place:
                moved = row.copy()
                moved[column] = grid[other]
                rows.append(moved)
    return layout.snap(np.array(rows))
