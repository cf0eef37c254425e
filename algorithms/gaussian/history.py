"""What of a record the process learns from, so that a question at 10,000 trials costs what it costs at 300."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST = 300
"""Trials with a value at most: a third the best, a third the latest, a third spread evenly over the others."""
MOST_BAD = 60
"""Trials without a value by their own fault: the latest."""
MOST_IN_FLIGHT = 60
"""Trials whose value is to come: the latest."""


def selected(values: Floats) -> npt.NDArray[np.intp]:
    """Positions of the values to keep, growing. Of equal values the earlier one is the better."""
    n, third = len(values), MOST // 3
    if n <= MOST:
        return np.arange(n)
    order = np.argsort(values, kind="stable")
    rest = np.sort(order[third:])
    older = rest[:-third]
    spread = older[np.linspace(0, len(older) - 1, MOST - 2 * third).astype(np.intp)]
    return np.sort(np.concatenate([order[:third], rest[-third:], spread]))


def fitted_at(number: int) -> int:
    """Of `number` values, how many of the first ones the hyper-parameters are fitted to.

    They are fitted anew at 1, 2 … 32, 34 … 100, 108 … 300, 350, 400 … values: the longer the record, the less one value
    changes them. The steps hang on the record's length alone, so what was fitted before is only ever a cache.
    """
    step = 1 if number < 32 else 2 if number < 100 else 8 if number < 300 else 50
    start = 0 if number < 32 else 32 if number < 100 else 100 if number < 300 else 300
    return start + (number - start) // step * step
