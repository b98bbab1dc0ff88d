"""Escape with momentum in two coordinates, and along the line of a network's valley: the predictors against answers had elsewhere."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import solve_continuous_lyapunov
from sign_means import seen_means_are_binomial

from eyring.errors import AccuracyError
from eyring.validation.probes.gradient_covariance import projected_gradients
from eyring.validation.reproduce import xie_double_well as well
from eyring.validation.reproduce.chain_across import Across, Along, rate_across
from eyring.validation.reproduce.chain_survival import Box, chain_rate, sign_batches
from eyring.validation.reproduce.fits import mean_exit_time
from eyring.validation.reproduce.signed_sum import Run
from eyring.validation.reproduce.small_data import small_problem
from eyring.validation.reproduce.valley import gradients_along, other_directions


def run(eta, size, mu=0.0):
    """Return a setting of which the chain reads learning rate, batch and momentum."""
    return Run(eta, size, mu, 1.0, 1, 1, 0)


def test_without_momentum_the_chain_of_four_variables_is_that_of_the_plane():
    """Place and velocity on a grid and polynomials across, against both coordinates on a grid: the same rate to 0.1 %."""
    means, chances = sign_batches(7)
    eta = 0.5

    def step(x, y, noise):
        down, across = well.slope(x, y)
        return x - eta * (down + noise[0] * math.sqrt(well.C) * (1 - well.TILT * x)), y - eta * (across + noise[1] * well.G_Y)

    batches = [(m, n, p * q) for m, p in zip(means, chances, strict=True) for n, q in zip(means, chances, strict=True)]
    plane, _ = chain_rate(step, batches, Box((-2.5, -1.9), (1.0, 1.9), (75, 39)), exited=lambda x, y: x > well.GONE, start=(-1.0, 0.0))
    found = well.chain_time(run(eta, 7), True)
    assert abs(found["time"] * plane - 1) < 1e-3
    assert found["error"] < 0.02


def test_with_momentum_the_chain_is_that_of_walkers_in_numpy():
    """Heavy ball in the double well, mu = 0.9, 8192 walkers by hand: within 4 standard errors (4 %), in 1 of 16 000 seeds not.

    Plain SGD at eta/(1 - mu), which momentum is often taken for, is off by more than that.
    """
    eta, mu, size = 0.06, 0.9, 4
    rng = np.random.default_rng(3)
    x, y = np.full(8192, -1.0), np.zeros(8192)
    v, w, age, waits = np.zeros(8192), np.zeros(8192), np.zeros(8192), []
    for _ in range(1200):
        n, m = 2 * rng.binomial(size, 0.5, (2, 8192)) / size - 1
        v, w = (
            0.9 * v - eta * (0.13 * x * (x * x - 1) + 0.26 * x * y * y + n * math.sqrt(0.13) * (1 - (math.sqrt(2) - 1) * x)),
            0.9 * w - eta * (0.13 * (1 + 2 * x * x) * y + m * math.sqrt(0.39)),
        )
        x, y, age = x + v, y + w, age + 1
        gone = x > well.GONE
        waits.append(age[gone])
        for each, back in ((x, -1.0), (y, 0.0), (v, 0.0), (w, 0.0), (age, 0.0)):
            each[gone] = back
    found = mean_exit_time({"times": np.concatenate(waits), "censored": age[age > 0]}, 110)
    predicted = well.chain_time(run(eta, size, mu), True)["time"]
    assert abs(math.log(found.value / predicted)) < 4 / math.sqrt(found.events) < 0.04
    assert abs(well.chain_time(run(eta / (1 - mu), size), True)["time"] / found.value - 1) > 0.05


def test_too_coarse_a_grid_across_is_refused():
    along = Along(
        lambda x, y: well.slope(x, y)[0], lambda x: math.sqrt(well.C) * (1 - well.TILT * x), well.GONE, Box((-2.5, -0.9), (1.0, 0.9), (15, 9))
    )
    across = Across(lambda x: well.C * (1 + 2 * x * x), well.G_Y, 2 * well.C, 4)
    with pytest.raises(AccuracyError, match="degree 4"):
        rate_across(along, across, learning_rate=0.04, momentum=0.9, batch_size=7)


@pytest.mark.parametrize("size", [7, 8])
def test_batches_of_two_signs_are_binomial(size):
    """Seven signs are read off in one piece, eight are counted: after a step from the minimum each mean is seen as often as the binomial says."""
    seen_means_are_binomial(well.EXPERIMENT.landscape, size)


def test_the_other_directions_stand_as_lyapunovs_equation_says():
    """Lean and spread of all directions for a given last one, against scipy's solution conditioned by matrix inversion."""
    rng = np.random.default_rng(0)
    h, root = np.array([0.3, 0.5, 1.1, 2.0]), rng.normal(size=(4, 4))
    noise = root @ root.T
    lean, factor = other_directions(h, noise)
    stationary = solve_continuous_lyapunov(np.diag(h), noise)
    precision = np.linalg.inv(stationary)
    np.testing.assert_allclose(factor @ factor.T, np.linalg.inv(precision[:3, :3]), rtol=1e-10)
    np.testing.assert_allclose(lean, -np.linalg.solve(precision[:3, :3], precision[:3, 3]), rtol=1e-10)


def test_gradients_along_a_direction_are_those_of_the_probes():
    problem = small_problem("wine", (3,), "cross-entropy", columns=4, samples=40, decay=0.01)
    rng = np.random.default_rng(1)
    places, way = rng.normal(size=(3, problem.dimension)), rng.normal(size=problem.dimension)
    found = gradients_along(problem, places, way)
    for place, each in zip(places, found, strict=True):
        np.testing.assert_allclose(each, projected_gradients(problem, torch.as_tensor(place), way[:, None])[:, 0], rtol=1e-9, atol=1e-12)
