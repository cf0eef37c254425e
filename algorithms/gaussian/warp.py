"""Objective values made ready for a Gaussian process: mean 0, deviation 1, the bad ones drawn together.

I.-K. Yeo, R. A. Johnson, A new family of power transformations to improve normality or symmetry, Biometrika 2000.
A transformation of this kind in front of a Gaussian process: A. I. Cowen-Rivers et al., HEBO, JAIR 2022.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POWERS = np.linspace(-2.0, 2.0, 41)
"""Exponents tried; 1 leaves the values as they are."""
FARTHEST = 1e6
"""Widths from the median beyond which values are as good as equal."""
FEW = 4
"""Below so many values they are only shifted and scaled."""


def warped(values: Floats) -> Floats:
    """The values (to be minimised), in the same order, on the scale that is closest to a normal one."""
    # Half the range first: the largest floats have a range that is none.
    values = values / max(float(np.abs(values).max()), 1e-300)
    centre = float(np.median(values))
    width = float(np.subtract(*np.percentile(values, [75, 25]))) / 1.35
    if width <= 0:
        width = float(values.std())
    if width <= 0:
        return np.zeros_like(values)
    # A width of almost nothing would make the others infinite.
    scaled = np.clip((values - centre) / max(width, 1e-300), -FARTHEST, FARTHEST)
    if len(values) >= FEW:
        scaled = yeo_johnson(scaled, best_power(scaled))
    spread = float(scaled.std())
    return (scaled - scaled.mean()) / spread if spread > 0 else np.zeros_like(scaled)


def yeo_johnson(x: Floats, power: float) -> Floats:
    """The transformation; it keeps the order for every power."""
    up, down = np.maximum(x, 0.0), np.maximum(-x, 0.0)
    right = np.log1p(up) if abs(power) < 1e-9 else ((1.0 + up) ** power - 1.0) / power
    other = 2.0 - power
    left = np.log1p(down) if abs(other) < 1e-9 else ((1.0 + down) ** other - 1.0) / other
    return right - left


def best_power(x: Floats) -> float:
    """The most likely power if the transformed values are normal, among POWERS."""
    logs = np.sign(x) * np.log1p(np.abs(x))
    likelihood = [
        -len(x) / 2 * np.log(max(float(yeo_johnson(x, power).var()), 1e-300)) + (power - 1.0) * logs.sum()
        for power in POWERS
    ]
    return float(POWERS[int(np.argmax(likelihood))])
