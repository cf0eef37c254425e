"""Log expected improvement, in a form that neither vanishes nor overflows, and its gradient.

S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, Unexpected Improvements to Expected Improvement for Bayesian
Optimization, NeurIPS 2023: (9), with another form of the far tail.

With z = (best - mean) / deviation, the expected improvement of a normal value is deviation * h(z), h(z) = pdf + z cdf.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, ndtr

Floats = npt.NDArray[np.float64]

_ROOT = 1.0 / math.sqrt(2.0 * math.pi)
_FAR = -1e3
"""Below it the difference in h loses its digits, and its series is exact."""


def log_h(z: Floats) -> tuple[Floats, Floats]:
    """The logarithm of h(z), and its derivative cdf(z) / h(z)."""
    z = np.asarray(z, dtype=np.float64)
    near = np.maximum(z, -1.0)
    cdf = ndtr(near)
    h = _ROOT * np.exp(-near * near / 2) + near * cdf
    # In the tail pdf = e phi and cdf = e t with e = exp(-z^2/2): h = e (phi + z t), and e cancels in the ratio.
    tail = np.minimum(z, -1.0)
    t = erfcx(-tail / math.sqrt(2.0)) / 2
    q = np.where(tail > _FAR, _ROOT + tail * t, _ROOT / tail**2)
    low = z < -1.0
    return np.where(low, -tail * tail / 2 + np.log(q), np.log(h)), np.where(low, t / q, cdf / h)


def log_ei(mean: Floats, deviation: Floats, best: float) -> Floats:
    """The logarithm of the expected improvement below `best`."""
    return np.log(deviation) + log_h((best - mean) / deviation)[0]


def log_ei_slope(
    mean: float, deviation: float, mean_slope: Floats, deviation_slope: Floats, best: float
) -> tuple[float, Floats]:
    """The same at one point, and its gradient."""
    z = (best - mean) / deviation
    value, ratio = log_h(np.array(z))
    slope = deviation_slope / deviation - float(ratio) * (mean_slope + z * deviation_slope) / deviation
    return math.log(deviation) + float(value), slope
