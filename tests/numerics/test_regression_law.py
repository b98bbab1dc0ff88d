"""The law of minibatch SGD in least squares, against enumeration of every batch, against label noise, and at its edges."""

import itertools
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.numerics.exact.regression_law import (
    INDEPENDENT_SAMPLERS,
    LeastSquares,
    continuous_regression_covariance,
    largest_stable_learning_rate,
    regression_covariance,
    second_moment_radius,
)

REFERENCES = {c["name"]: c for c in json.loads((Path(__file__).parent.parent / "fixtures" / "reference_cases.json").read_text())}
INPUTS = [[1, 2], [-2, 1], [3, 1], [1, -1]]
TARGETS = [1, 3, -1, 2]
RATE = Fraction(1, 9)


def all_batches(sampler, size):
    if sampler == "with replacement":
        return list(itertools.product(range(len(INPUTS)), repeat=size))
    return list(itertools.combinations(range(len(INPUTS)), size))


def enumerated_covariance(sampler, size):
    """Solve Sigma = mean over every batch of (1 - eta A) Sigma (1 - eta A) + eta^2 b b^T in exact rationals."""
    X, y = sp.Matrix(INPUTS), sp.Matrix(TARGETS)
    minimum = (X.T * X).inv() * X.T * y
    eta = sp.Rational(RATE.numerator, RATE.denominator)
    a, b, c = sp.symbols("a b c")
    sigma = sp.Matrix([[a, b], [b, c]])
    after = sp.zeros(2)
    batches = all_batches(sampler, size)
    for batch in batches:
        rows = [X.row(i) for i in batch]
        curvature = sum((r.T * r for r in rows), sp.zeros(2)) / size
        pull = sum((X.row(i).T * (y[i] - (X.row(i) * minimum)[0]) for i in batch), sp.zeros(2, 1)) / size
        keep = sp.eye(2) - eta * curvature
        after += (keep * sigma * keep + eta**2 * pull * pull.T) / len(batches)
    solution = sp.solve(list((after - sigma).expand()), [a, b, c])
    return np.array(sigma.subs(solution).tolist(), dtype=float)


@pytest.mark.parametrize("sampler", INDEPENDENT_SAMPLERS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_law_is_what_enumerating_every_batch_gives(sampler, size):
    """Four samples, exact rationals: agreement to 1e-13; the two samplers differ by over 10 % from batches of 2 on."""
    law = regression_covariance(LeastSquares(INPUTS, TARGETS), learning_rate=float(RATE), batch_size=size, sampler=sampler)
    expected = enumerated_covariance(sampler, size)
    assert np.abs(law - expected).max() <= 1e-13 * np.abs(expected).max()
    other = enumerated_covariance(INDEPENDENT_SAMPLERS[sampler == INDEPENDENT_SAMPLERS[0]], size)
    assert (np.abs(other - expected).max() > 0.1 * np.abs(expected).max()) == (size > 1)


def gaussian_like_data(covariance, noise_variance):
    """Return 72 samples whose moments up to the fourth are those of Gaussian inputs with independent label noise."""
    line = np.sqrt(3.0) * np.array([1, -1, 0, 0, 0, 0])  # mean of x^2 is 1, of x^4 is 3
    grid = np.array(list(itertools.product(line, line)))
    inputs = np.repeat(grid @ np.linalg.cholesky(covariance).T, 2, axis=0)
    noise = np.tile([1.0, -1.0], len(grid)) * np.sqrt(noise_variance)
    return LeastSquares(inputs, inputs @ np.array([0.4, -1.1]) + noise)


def test_with_gaussian_moments_it_is_the_label_noise_law_of_ziyin():
    """Theorem 2 of Ziyin et al. 2022 in exact rationals: reference case label_noise_cov_mu0_S2, to 1e-13."""
    data = gaussian_like_data(np.array([[1, 0.3], [0.3, 0.5]]), 0.7)
    law = regression_covariance(data, learning_rate=0.3, batch_size=2, sampler="with replacement")
    expected = np.array([float(v) for v in REFERENCES["label_noise_cov_mu0_S2"]["value"]])
    assert np.abs(law[np.triu_indices(2)] - expected).max() <= 1e-13
    train = (np.trace(data.hessian @ law) + 0.7) / 2
    assert train == pytest.approx(float(REFERENCES["label_noise_train_loss_mu0_S2"]["value"]), rel=1e-13)


@pytest.mark.parametrize("size", [1, 2, 8])
def test_gaussian_data_in_one_dimension_lose_their_variance_at_2s_over_s_plus_2(size):
    data = LeastSquares(np.repeat(np.sqrt(3.0) * np.array([[1], [-1], [0], [0], [0], [0]]), 2, axis=0), np.tile([1.0, -1.0], 6))
    limit = largest_stable_learning_rate(data, batch_size=size, sampler="with replacement")
    assert limit == pytest.approx(2 * size / (size + 2), rel=1e-13)


@pytest.mark.parametrize("sampler", INDEPENDENT_SAMPLERS)
def test_at_the_largest_stable_learning_rate_the_second_moment_neither_grows_nor_decays(sampler):
    data = LeastSquares(INPUTS, TARGETS)
    limit = largest_stable_learning_rate(data, batch_size=2, sampler=sampler)
    radius = [second_moment_radius(data, learning_rate=c * limit, batch_size=2, sampler=sampler) for c in (0.99, 1.0, 1.01)]
    assert radius[1] == pytest.approx(1, abs=1e-12)
    assert radius[0] < 1 - 1e-3 < 1 + 1e-3 < radius[2]
    just_below = regression_covariance(data, learning_rate=limit * (1 - 1e-6), batch_size=2, sampler=sampler)
    assert np.trace(just_below) > 1e4 and np.linalg.eigvalsh(just_below)[0] > 0


def test_the_continuous_law_is_the_first_order_in_the_learning_rate():
    """exact/continuous - 1 is O(eta): it halves with eta to within 1 % at eta = 1e-4, and is at most eta times the sharpest curvature times 2."""
    data = LeastSquares(INPUTS, TARGETS)
    excess = []
    for eta in (2e-4, 1e-4):
        laws = [
            law(data, learning_rate=eta, batch_size=2, sampler="with replacement")
            for law in (regression_covariance, continuous_regression_covariance)
        ]
        excess.append(laws[0][0, 0] / laws[1][0, 0] - 1)
    assert excess[0] / excess[1] == pytest.approx(2, rel=0.01)
    assert 0 < excess[1] < 2e-4 * data.curvatures[-1]


def test_the_continuous_law_solves_lyapunovs_equation_with_the_enumerated_gradient_covariance():
    """H Sigma + Sigma H = eta C to 1e-14, C from all 16 batches; and the excess loss is eta/4 Tr C."""
    data, eta = LeastSquares(INPUTS, TARGETS), 0.05
    X, y = np.array(INPUTS, float), np.array(TARGETS, float)
    H, minimum = X.T @ X / 4, np.linalg.solve(X.T @ X, X.T @ y)
    gradients = [np.mean([X[i] * (X[i] @ minimum - y[i]) for i in batch], axis=0) for batch in all_batches("with replacement", 2)]
    C = np.mean([np.outer(g, g) for g in gradients], axis=0)
    sigma = continuous_regression_covariance(data, learning_rate=eta, batch_size=2, sampler="with replacement")
    assert np.abs(H @ sigma + sigma @ H - eta * C).max() <= 1e-14
    assert np.trace(H @ sigma) / 2 == pytest.approx(eta * np.trace(C) / 4, rel=1e-13)


def test_inputs_of_one_length_give_the_law_of_constant_noise():
    """x = +-1: every batch has the same Hessian, so Sigma = eta C/(h (2 - eta h)) = eta sigma^2/(S (2 - eta))."""
    data = LeastSquares([[1.0], [1.0], [-1.0], [-1.0]], [1.0, -1.0, 1.0, -1.0])
    law = regression_covariance(data, learning_rate=0.8, batch_size=4, sampler="with replacement")
    assert law[0, 0] == pytest.approx(0.8 / (4 * 1.2), rel=1e-14)


def test_the_whole_data_as_one_batch_makes_no_noise_without_replacement_only():
    data = LeastSquares(INPUTS, TARGETS)
    assert np.abs(regression_covariance(data, learning_rate=0.1, batch_size=4, sampler="without replacement")).max() == 0
    assert np.trace(regression_covariance(data, learning_rate=0.1, batch_size=4, sampler="with replacement")) > 0.01


def test_the_unit_of_the_targets_is_the_unit_of_the_weights():
    one = regression_covariance(LeastSquares(INPUTS, TARGETS), learning_rate=0.1, batch_size=1, sampler="with replacement")
    seven = regression_covariance(LeastSquares(INPUTS, 7 * np.array(TARGETS)), learning_rate=0.1, batch_size=1, sampler="with replacement")
    assert np.abs(seven - 49 * one).max() <= 1e-12 * np.abs(seven).max()


def law_of(inputs=INPUTS, targets=TARGETS, *, learning_rate=0.1, batch_size=2, sampler="with replacement"):
    return regression_covariance(LeastSquares(inputs, targets), learning_rate=learning_rate, batch_size=batch_size, sampler=sampler)


def test_an_unstable_learning_rate_is_refused_with_the_radius_and_the_limit():
    data = LeastSquares(INPUTS, TARGETS)
    limit = largest_stable_learning_rate(data, batch_size=2, sampler="with replacement")
    radius = second_moment_radius(data, learning_rate=1.5 * limit, batch_size=2, sampler="with replacement")
    with pytest.raises(
        ParameterError, match=rf"unstable: one step multiplies the second moment of w by up to {radius:.6g}, .*Take a learning rate below {limit:.6g}"
    ):
        law_of(learning_rate=1.5 * limit)
    with pytest.raises(ParameterError, match="unstable"):
        law_of(learning_rate=limit)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": 0.0}, "the learning rate must be a real number above 0, got 0.0"),
        ({"learning_rate": float("nan")}, "the learning rate must be a real number above 0, got nan"),
        ({"learning_rate": 0.1j}, "the learning rate must be a real number above 0, got 0.1j"),
        ({"batch_size": 0}, "the batch size must be a whole number from 1, got 0"),
        ({"batch_size": 2.5}, "the batch size must be a whole number from 1, got 2.5"),
        ({"batch_size": 5, "sampler": "without replacement"}, "a batch of 5 cannot be drawn without replacement from 4 samples; take at most 4"),
        ({"sampler": "epoch shuffling"}, "got 'epoch shuffling'. For epoch shuffling, measure"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        law_of(**arguments)


@pytest.mark.parametrize(
    ("inputs", "targets", "error", "message"),
    [
        ([[1.0, 2.0]], [1.0, 2.0], EyringError, r"got \(1, 2\) and \(2,\)"),
        ([1.0, 2.0], [1.0, 2.0], EyringError, r"inputs of shape \(N, d\)"),
        ([[1.0], [np.nan]], [1.0, 2.0], EyringError, "inputs must be an array of real, finite numbers"),
        ([[1.0], [2.0]], [1.0, 2.0j], EyringError, "targets must be an array of real, finite numbers, got dtype complex128"),
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [1.0, 2.0, 3.0], NotApplicable, "flat direction"),
        (np.eye(101), np.ones(101), NotApplicable, "needs about 0.6 GB"),
    ],
)
def test_data_without_a_law_are_refused(inputs, targets, error, message):
    with pytest.raises(error, match=message):
        LeastSquares(inputs, targets)
