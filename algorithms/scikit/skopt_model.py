"""A surrogate of scikit-optimize and the point it finds most promising: the one module that imports skopt.

Everything is told to a fresh `skopt.Optimizer` at once, which fits one model and maximises one acquisition function;
that is what a live one does at each `tell`.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.multioutput import MultiOutputRegressor
from skopt import Optimizer
from skopt.acquisition import gaussian_lcb
from skopt.learning import GaussianProcessRegressor, GradientBoostingQuantileRegressor
from skopt.learning.gaussian_process.kernels import WhiteKernel
from skopt.space import Categorical, Real
from skopt.utils import cook_estimator
from threadpoolctl import threadpool_limits

from katib.core.encode import NEUTRAL, Cube, Shares
from katib.core.space import Assignment, ParameterType, Value

LEARNED = 100
"""Points that the kernel of a Gaussian process is learned from at most; learning is the part that grows fastest."""

SAMPLES, SAMPLES_BEYOND, FEW = 10_000, 2_000, 100
"""Points sampled to begin the search of the acquisition function, while it was told FEW points and beyond."""


class GaussianProcess(GaussianProcessRegressor):  # type: ignore[misc]  # skopt has no types
    """Skopt's, except that beyond LEARNED points the kernel is learned from the best quarter of so many and the latest.

    All points are conditioned on in either case.
    """

    def fit(self, X: Any, y: Any) -> "GaussianProcess":  # noqa: N803 - the name in scikit-learn
        """Learn and condition."""
        if len(y) <= LEARNED:
            super().fit(X, y)
            return self
        points, values = np.asarray(X), np.asarray(y)
        best = np.argsort(values, kind="stable")[: LEARNED // 4]
        latest = np.arange(len(y) - 3 * LEARNED // 4, len(y))
        some = np.union1d(best, latest)
        learner = GaussianProcessRegressor(**{**self.get_params(deep=False), "n_restarts_optimizer": 0})
        learner.fit(points[some], values[some])
        # Skopt's learner sets the noise of its fitted kernel to zero, for predictions, and keeps it apart.
        self.kernel = learner.kernel_.set_params(k2=WhiteKernel(learner.noise_))
        self.optimizer = None
        super().fit(points, values)
        return self


class GradientBoosting(GradientBoostingQuantileRegressor):  # type: ignore[misc]  # skopt has no types
    """Skopt's, with the quantiles 0.16, 0.5 and 0.84.

    Scikit-learn from 1.6 on does not take it for a regressor unless it says so.
    """

    def predict(self, X: Any, return_std: bool = False, return_quantiles: bool = False) -> Any:  # noqa: N803 - as above
        """As skopt's, whose deviation needs a function that numpy no longer has."""
        if not return_std:
            return super().predict(X, return_quantiles=return_quantiles)
        low, median, high = super().predict(X, return_quantiles=True).T
        return median, (high - low) / 2

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks since then."""
        from sklearn.utils import RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags


@dataclass(frozen=True)
class Dimension:
    """A parameter as skopt knows it: categories by their position, all else as the coordinate of the unit cube."""

    name: str
    space: Any
    to_skopt: Callable[[Value], Any]
    to_value: Callable[[Any], Value]
    neutral: Any

    def seen(self, assignment: Assignment) -> Any:
        """The coordinate that an assignment has; the neutral one when the parameter is not active in it."""
        return self.to_skopt(assignment[self.name]) if self.name in assignment else self.neutral


class Fitted:
    """What a fit found: the most promising point, and a rank of others."""

    def __init__(self, dimensions: Sequence[Dimension], optimizer: Optimizer) -> None:
        self._dimensions = dimensions
        self._optimizer = optimizer

    @property
    def best(self) -> dict[str, Value]:
        """The values of the open parameters at the most promising point."""
        found = self._optimizer._next_x
        return {each.name: each.to_value(x) for each, x in zip(self._dimensions, found, strict=True)}

    def most_promising(self, points: Sequence[Assignment]) -> Assignment:
        """The one with the least lower confidence bound; of equal ones the first."""
        listed = [[each.seen(point) for each in self._dimensions] for point in points]
        model = self._optimizer.models[-1]
        if isinstance(model, MultiOutputRegressor):
            model = model.estimators_[0]
        with _quiet():
            bounds = gaussian_lcb(self._optimizer.space.transform(listed), model)
        return points[int(np.argmin(bounds))]


class Surrogate:
    """The model of one study. It minimises.

    Args:
        base_estimator: GP, RF, ET or GBRT.
        acq_optimizer: auto, sampling or lbfgs.
    """

    def __init__(self, cube: Cube, *, base_estimator: str, acq_optimizer: str) -> None:
        self._base_estimator = base_estimator
        self._acq_optimizer = acq_optimizer
        self._dimensions = [
            _dimension(parameter.name, axis)
            for parameter, axis in zip(cube.space.parameters, cube.axes, strict=True)
            if parameter.size != 1
        ]

    def fit(self, told: Sequence[tuple[Assignment, Any]], *, acq_func: str, seed: int) -> Fitted:
        """Tell assignments with their values, or (value, seconds) for acquisition functions per second."""
        spaces = [each.space for each in self._dimensions]
        # An Optimizer that cooks its own estimator draws that one's seed first.
        rng = np.random.RandomState(seed)
        with _quiet():
            optimizer = Optimizer(
                spaces,
                base_estimator=self._estimator(spaces, rng.randint(0, np.iinfo(np.int32).max)),
                n_initial_points=0,
                acq_func=acq_func,
                acq_optimizer=self._acq_optimizer,
                acq_optimizer_kwargs={"n_points": SAMPLES if len(told) <= FEW else SAMPLES_BEYOND},
                random_state=rng,
            )
            optimizer.tell(
                [[each.seen(assignment) for each in self._dimensions] for assignment, _ in told],
                [value for _, value in told],
            )
        return Fitted(self._dimensions, optimizer)

    def _estimator(self, spaces: Sequence[Any], seed: int) -> Any:
        cooked = cook_estimator(self._base_estimator, space=spaces, random_state=seed)
        if self._base_estimator == "GP":
            return GaussianProcess(**cooked.get_params(deep=False))
        if self._base_estimator == "GBRT":
            return GradientBoosting(**cooked.get_params(deep=False))
        return cooked


def _dimension(name: str, axis: Any) -> Dimension:
    if isinstance(axis, Shares) and axis.parameter.type is ParameterType.CATEGORICAL:
        parameter = axis.parameter
        words = Categorical([str(position) for position in range(axis.size)])
        return Dimension(
            name, words, lambda value: str(parameter.index(value)), lambda word: parameter.at(int(word)), "0"
        )
    return Dimension(name, Real(0.0, 1.0), axis.encode, lambda u: axis.decode(min(max(float(u), 0.0), 1.0)), NEUTRAL)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without scikit-learn's warnings that a fit was not perfect, which it never is, and of what is deprecated.

    On one thread, too: for matrices of a few hundred rows several cost twice the processor, which trials want, and gain
    no time.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield
