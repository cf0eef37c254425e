"""A Gaussian process with automatic relevance determination, its hyper-parameters the most probable ones.

C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006: (2.25), (2.26),
(5.8), (5.9).

    X  n x d   rows of a layout          y  n     warped values, to be minimised
    w  d       inverse squared lengths   s  1     variance of the process        v  1   variance of the noise
    r^2(a, b)  sum of w_k (a_k - b_k)^2 over numeric columns, and of w_k for each categorical one that differs
    k(a, b)    s (1 + c + c^2/3) exp(-c) with c = sqrt(5) r: the Matern kernel of smoothness 5/2

The prior of lengths grows with the root of d, so that a space of many parameters is not taken for a rugged one:
C. Hvarfner, E. Hellsten, L. Nardi, Vanilla Bayesian Optimization Performs Great in High Dimensions, ICML 2024.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack
from scipy.optimize import minimize

Floats = npt.NDArray[np.float64]

LENGTH = 0.3
LENGTH_SPREAD = 0.8
"""Deviation of the prior of a length's logarithm."""
NOISE = (math.log(1e-4), 2.0)
"""Mean and deviation of the prior of the noise variance's logarithm, for values of variance 1."""
LEAST_NOISE = 1e-6
ITERATIONS = 40


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Hyper-parameters: inverse squared lengths, process variance, noise variance."""

    weights: Floats
    scale: float
    noise: float


def matern(squared: Floats) -> tuple[Floats, Floats]:
    """The kernel of variance 1 at squared distances, and its derivative by the squared distance."""
    c = np.sqrt(5.0 * squared)
    decay = np.exp(-c)
    return (1.0 + c + c * c / 3.0) * decay, -5.0 / 6.0 * (1.0 + c) * decay


def differences(a: Floats, b: Floats, listed: npt.NDArray[np.bool_]) -> Floats:
    """Squared differences per column, d x len(a) x len(b)."""
    parts = np.square(a.T[:, :, None] - b.T[:, None, :])
    parts[listed] = parts[listed] > 0
    return parts


def fit(x: Floats, y: Floats, listed: npt.NDArray[np.bool_]) -> Hyper:
    """The most probable hyper-parameters, found from the prior's own mode: a function of (x, y)."""
    n, d = x.shape
    upper = np.triu_indices(n, 1)
    pairs = differences(x, x, listed)[:, upper[0], upper[1]]
    # A column that does not vary in x says nothing of its length.
    lengths = math.log(LENGTH * math.sqrt(d))
    centre = np.array([*[-2.0 * lengths] * d, 0.0, NOISE[0]])
    spread = np.array([*[2.0 * LENGTH_SPREAD] * d, 1.0, NOISE[1]])
    kernel = np.empty((n, n))

    def loss(theta: Floats) -> tuple[float, Floats]:
        w, scale, noise = np.exp(theta[:d]), math.exp(theta[d]), math.exp(theta[d + 1])
        correlation, slope = matern(w @ pairs)
        kernel.fill(0.0)
        kernel[upper] = scale * correlation
        kernel[np.diag_indices(n)] = scale + noise + LEAST_NOISE
        factor, bad = lapack.dpotrf(kernel, lower=0, clean=1)
        if bad:
            return 1e25, np.zeros_like(theta)
        inverse, _ = lapack.dpotri(factor, lower=0)
        full = inverse + np.triu(inverse, 1).T
        alpha = full @ y
        # (5.9): the gradient is half the trace of (K^-1 - alpha alpha^T) dK.
        outer = inverse[upper] - alpha[upper[0]] * alpha[upper[1]]
        diagonal = np.trace(inverse) - alpha @ alpha
        gradient = np.empty_like(theta)
        gradient[:d] = w * (pairs @ (outer * slope)) * scale
        gradient[d] = scale * (outer @ correlation + diagonal / 2)
        gradient[d + 1] = noise * diagonal / 2
        value = y @ alpha / 2 + np.log(np.diag(factor)).sum()
        off = (theta - centre) / spread
        return float(value + off @ off / 2), gradient + off / spread

    bounds = [*[(-14.0, 14.0)] * d, (-6.0, 6.0), (math.log(LEAST_NOISE), 1.0)]
    options = {"maxiter": ITERATIONS, "ftol": 1e-5}
    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Hyper(weights=np.exp(found[:d]), scale=math.exp(found[d]), noise=math.exp(found[d + 1]))


class Posterior:
    """The process given data: mean and deviation at rows, with gradients; more data may be added one by one."""

    def __init__(self, hyper: Hyper, x: Floats, y: Floats, listed: npt.NDArray[np.bool_]) -> None:
        self.hyper, self.x, self.y, self._listed = hyper, x, y, listed
        self._root = np.sqrt(hyper.weights)
        self._numeric = np.flatnonzero(~listed)
        self._categories = np.flatnonzero(listed)
        kernel = hyper.scale * matern(self._squared(x, x))[0]
        noise = hyper.noise + LEAST_NOISE
        jitter = 0.0
        while True:
            kernel[np.diag_indices(len(x))] = hyper.scale + noise + jitter
            factor, bad = lapack.dpotrf(kernel, lower=1, clean=1)
            if not bad:
                break
            jitter = max(10 * jitter, 1e-8)
        inverse, _ = lapack.dpotri(factor, lower=1)
        self._inverse = np.tril(inverse) + np.tril(inverse, -1).T
        self._alpha = self._inverse @ y

    def with_believed(self, row: Floats) -> "Posterior":
        """With the mean at `row` taken for its value (the kriging believer of Ginsbourger et al. 2010)."""
        mean, _ = self.at(row[None, :])
        return Posterior(self.hyper, np.vstack([self.x, row]), np.append(self.y, mean), self._listed)

    def at(self, rows: Floats) -> tuple[Floats, Floats]:
        """Means and deviations of the function without noise."""
        cross = self.hyper.scale * matern(self._squared(rows, self.x))[0]
        variance = self.hyper.scale - np.einsum("ij,ij->i", cross @ self._inverse, cross)
        return cross @ self._alpha, np.sqrt(np.maximum(variance, 1e-12))

    def slopes(self, row: Floats, columns: npt.NDArray[np.intp]) -> tuple[float, float, Floats, Floats]:
        """Mean and deviation at one row, and their gradients by its numeric `columns`."""
        squared = self._squared(row[None, :], self.x)[0]
        correlation, slope = matern(squared)
        cross, slope = self.hyper.scale * correlation, self.hyper.scale * slope
        solved = self._inverse @ cross
        deviation = math.sqrt(max(self.hyper.scale - solved @ cross, 1e-12))
        # d k(x, x_i) / d x_k = k' 2 w_k (x_k - x_ik)
        moved = 2.0 * self.hyper.weights[columns] * (row[columns] - self.x[:, columns]) * slope[:, None]
        return float(cross @ self._alpha), deviation, self._alpha @ moved, -(solved @ moved) / deviation

    def _squared(self, a: Floats, b: Floats) -> Floats:
        left, right = a[:, self._numeric] * self._root[self._numeric], b[:, self._numeric] * self._root[self._numeric]
        squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2.0 * left @ right.T
        for column in self._categories:
            squared = squared + self.hyper.weights[column] * (a[:, column][:, None] != b[:, column])
        clipped: Floats = np.maximum(squared, 0.0)
        return clipped
