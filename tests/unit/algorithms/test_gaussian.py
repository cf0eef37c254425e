"""The parts of the Gaussian process: each against hand-worked numbers, finite differences or a law."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from algorithms.gaussian.acquisition import log_ei, log_ei_slope, log_h
from algorithms.gaussian.history import MOST, fitted_at, selected
from algorithms.gaussian.layout import Layout
from algorithms.gaussian.model import Hyper, Posterior, fit
from algorithms.gaussian.process import Process
from algorithms.gaussian.warp import POWERS, warped, yeo_johnson
from katib.core.draw import uniforms
from katib.core.encode import Cube
from katib.testing.algorithms import SPACES

NUMERIC = np.zeros(3, dtype=bool)
rng = np.random.default_rng(1)
X = rng.random((12, 3))
Y = np.sin(5 * X[:, 0]) + X[:, 1] ** 2
HYPER = Hyper(weights=np.array([4.0, 2.0, 0.5]), scale=1.3, noise=1e-6)


def test_improvement_by_hand() -> None:
    """h(0) = pdf(0); h(-1) and h(-5) from tables of the normal distribution; h(-z) falls as pdf(z)/z^2."""
    logs, ratios = log_h(np.array([0.0, -1.0, -5.0, -1e5, 30.0]))
    assert np.exp(logs[:3]) == pytest.approx([0.3989422804, 0.0833154706, 5.3461e-8], rel=1e-4)
    assert logs[3] == pytest.approx(-0.5e10 - math.log(math.sqrt(2 * math.pi)) - 2 * math.log(1e5))
    assert logs[4] == pytest.approx(math.log(30))
    assert ratios[0] == pytest.approx(0.5 / 0.3989422804)


@given(st.floats(-2000, 20))
def test_improvement_grows_by_its_slope(z: float) -> None:
    step = 1e-4 * max(1.0, abs(z))
    values, _ = log_h(np.array([z - step, z + step]))
    _, slope = log_h(np.array(z))
    assert (values[1] - values[0]) / (2 * step) == pytest.approx(float(slope), rel=1e-3)


def test_the_posterior_goes_through_the_data_and_knows_nothing_far_away() -> None:
    posterior = Posterior(HYPER, X, Y, NUMERIC)
    mean, deviation = posterior.at(X)
    assert mean == pytest.approx(Y, abs=1e-3)
    assert deviation.max() < 0.01
    mean, deviation = posterior.at(np.full((1, 3), 50.0))
    assert mean == pytest.approx([0.0], abs=1e-6)
    assert deviation == pytest.approx([math.sqrt(1.3)])


def test_slopes_are_those_of_finite_differences() -> None:
    posterior, row, columns = Posterior(HYPER, X, Y, NUMERIC), np.array([0.3, 0.6, 0.2]), np.arange(3)
    mean, deviation, mean_slope, deviation_slope = posterior.slopes(row, columns)
    value, slope = log_ei_slope(mean, deviation, mean_slope, deviation_slope, -0.5)
    for column in columns:
        step = np.zeros(3)
        step[column] = 1e-5
        means, deviations = posterior.at(np.array([row - step, row + step]))
        assert (means[1] - means[0]) / 2e-5 == pytest.approx(mean_slope[column], rel=1e-3)
        assert (deviations[1] - deviations[0]) / 2e-5 == pytest.approx(deviation_slope[column], rel=1e-3)
        logs = log_ei(means, deviations, -0.5)
        assert (logs[1] - logs[0]) / 2e-5 == pytest.approx(slope[column], rel=1e-3)
    assert value == pytest.approx(float(log_ei(np.array([mean]), np.array([deviation]), -0.5)[0]))


def test_a_believed_point_changes_no_mean_and_takes_the_doubt_away() -> None:
    posterior, row = Posterior(HYPER, X, Y, NUMERIC), np.array([0.9, 0.1, 0.9])
    believed = posterior.with_believed(row)
    before, after = posterior.at(row[None, :]), believed.at(row[None, :])
    assert after[0] == pytest.approx(before[0], abs=1e-4)
    assert after[1][0] < 0.05 * before[1][0]


def test_the_fit_finds_which_columns_matter() -> None:
    x = np.random.default_rng(3).random((40, 3))
    y = np.sin(9 * x[:, 0])
    weights = fit(x, (y - y.mean()) / y.std(), NUMERIC).weights
    assert weights[0] > 20 * max(weights[1], weights[2])


def test_listed_columns_are_compared_by_equality() -> None:
    listed = np.array([True, False, False])
    x = np.column_stack([np.arange(12) % 3.0, X[:, 1:]])
    posterior = Posterior(HYPER, x, Y, listed)
    rows = np.array([[7.0, 0.5, 0.5], [90.0, 0.5, 0.5]])  # neither is a value that was seen
    mean, deviation = posterior.at(rows)
    assert mean[0] == mean[1]
    assert deviation[0] == deviation[1]


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=40))
@example([0.0, 1e-309, 2e-309, 3e-309, 1.0])
def test_warping_keeps_the_order_whatever_the_values(values: list[float]) -> None:
    z = warped(np.array(values))
    assert np.all(np.isfinite(z))
    assert np.all(np.diff(z[np.argsort(values, kind="stable")]) >= -1e-9)


@pytest.mark.parametrize("power", POWERS)
def test_the_transformation_has_slope_one_at_zero(power: float) -> None:
    step = 1e-6
    low, high = yeo_johnson(np.array([-step, step]), float(power))
    assert (high - low) / (2 * step) == pytest.approx(1.0, abs=1e-4)


def test_warping_pulls_the_bad_ones_in() -> None:
    """Ten ordinary values and one of a million: without warping it would be all the variance there is."""
    z = warped(np.array([*np.linspace(0, 1, 10), 1e6]))
    assert z[:10].max() - z[:10].min() > 0.5
    assert z.mean() == pytest.approx(0.0, abs=1e-9)
    assert z.std() == pytest.approx(1.0)


def test_of_a_long_record_the_best_the_latest_and_a_spread_are_kept() -> None:
    values = np.random.default_rng(0).permutation(5000).astype(float)
    kept = selected(values)
    assert len(kept) == len(set(kept.tolist())) == MOST
    best, latest = set(np.argsort(values)[:100].tolist()), set(range(4900, 5000))
    assert best <= set(kept.tolist())
    assert len(latest - set(kept.tolist())) == 0
    assert list(selected(values[:MOST])) == list(range(MOST))


def test_hyper_parameters_are_fitted_anew_on_a_schedule_of_the_length_alone() -> None:
    assert [fitted_at(n) for n in (1, 31, 32, 33, 34, 99, 100, 107, 108, 299, 300, 349, 350, 10_049)] == [
        *(1, 31, 32, 32, 34, 98, 100, 100, 108, 292, 300, 300, 350, 10_000)
    ]


@pytest.mark.parametrize("name", SPACES)
def test_a_row_is_its_assignment(name: str) -> None:
    cube = Cube(SPACES[name])
    layout = Layout(cube)
    for number in range(20):
        assignment = cube.decode(uniforms(f"{name}/{number}", len(cube.axes)))
        row = layout.row(assignment)
        again = layout.assignment(layout.snap(row[None, :])[0])
        assert again.keys() == assignment.keys()
        assert layout.row(again) == pytest.approx(row, abs=1e-9)


def test_what_is_not_in_the_space_any_more_is_passed_over() -> None:
    process = Process(Cube(SPACES["categorical"]))
    gone = {"optimizer": "lion", "act": "relu"}
    assert not process.tell([(1, gone, 0.5)], bad=[], in_flight=[])
    kept = {"optimizer": "sgd", "act": "relu"}
    assert process.tell([(1, gone, 0.5), (2, kept, 0.7)], bad=[(3, gone)], in_flight=[(4, gone)])
    assert next(process.ask("seed"))["optimizer"] in ("sgd", "adam", "ftrl")
