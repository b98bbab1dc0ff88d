"""The gradient noise of linear regression with Gaussian inputs, against fourth moments, sampling and the exact stationary law."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import EyringError

w1, w2 = sp.symbols("w1 w2", real=True)
W = sp.Matrix([w1, w2])
A = sp.Matrix([[1, sp.Rational(3, 10)], [sp.Rational(3, 10), sp.Rational(1, 2)]])
VARIANCE = sp.Rational(7, 10)
CASES = {c["name"]: c for c in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}


def isserlis(indices, covariance):
    """Return E[x_i x_j ...] of a centred Gaussian: the sum over all pairings."""
    if not indices:
        return sp.Integer(1)
    first, *rest = indices
    return sum(covariance[first, partner] * isserlis([*rest[:k], *rest[k + 1 :]], covariance) for k, partner in enumerate(rest))


def test_covariance_is_that_of_the_fourth_moments_for_symbols():
    """E[g g^T] - E[g] E[g]^T of g = x (x.(w - u) - noise) by Wick's pairings, for any A, sigma and u."""
    a, b, c, size = sp.symbols("a b c S", positive=True)
    variance, u1, u2 = sp.Symbol("v", positive=True), *sp.symbols("u1 u2", real=True)
    inputs, away = sp.Matrix([[a, b], [b, c]]), W - sp.Matrix([u1, u2])
    noise = ey.noise.LabelNoise(inputs, variance, (u1, u2))
    found = noise.covariance(noise.landscape([w1, w2]), size)
    for i in range(2):
        for j in range(2):
            second = sum(away[k] * away[m] * isserlis([i, j, k, m], inputs) for k in range(2) for m in range(2)) + variance * inputs[i, j]
            mean = [sum(away[k] * isserlis([n, k], inputs) for k in range(2)) for n in (i, j)]
            assert sp.expand(size * found[i, j] - second + mean[0] * mean[1]) == 0


def test_sampled_gradients_have_the_plus_sign_and_not_the_published_minus():
    """10^6 samples at one point: within 5 standard errors of the exact entries (false alarm 2e-6), and the published ones off by over 100."""
    noise = ey.noise.LabelNoise(A, VARIANCE, (1, sp.Rational(-1, 2)))
    loss = noise.landscape([w1, w2])
    point = {w1: 2, w2: sp.Rational(1, 2)}
    generator = np.random.default_rng(1)
    x = generator.multivariate_normal([0, 0], np.array(A, dtype=float), size=10**6)
    gradients = x * (x @ [1.0, 1.0] - np.sqrt(0.7) * generator.normal(size=10**6))[:, None]
    centred = gradients - gradients.mean(axis=0)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        products = centred[:, i] * centred[:, j]
        deviation = products.std() / 1000
        exact, published = (
            float(model.covariance(loss, sp.Integer(1))[i, j].subs(point))
            for model in (noise, ey.noise.LabelNoise(A, VARIANCE, (1, sp.Rational(-1, 2)), published=True))
        )
        assert abs(products.mean() - exact) < 5 * deviation
        assert abs(products.mean() - published) > 100 * deviation


def test_published_and_exact_differ_by_twice_the_squared_gradient_and_agree_at_the_minimum():
    """C_exact - C_published = 2 grad L grad L^T/B."""
    exact, published = ey.noise.LabelNoise(A, VARIANCE), ey.noise.LabelNoise(A, VARIANCE, published=True)
    loss = exact.landscape([w1, w2])
    gap = exact.covariance(loss, sp.Integer(4)) - published.covariance(loss, sp.Integer(4))
    assert (gap - loss.gradient * loss.gradient.T / 2).applyfunc(sp.expand) == sp.zeros(2)
    assert exact.covariance(loss, sp.Integer(4)).subs({w1: 0, w2: 0}) == VARIANCE * A / 4


def test_stationary_law_of_plain_sgd_is_the_fixed_point_with_this_noise():
    """A S + S A - lambda A S A = lambda <C> with the stored S at lambda = 3/10, B = 2: exact rationals."""
    stored = [sp.Rational(1491, 18707), sp.Rational(567, 93535), sp.Rational(1302, 18707)]
    assert [float(s) for s in stored] == pytest.approx([float(v) for v in CASES["label_noise_cov_mu0_S2"]["value"]], rel=1e-15)
    sigma, rate = sp.Matrix([[stored[0], stored[1]], [stored[1], stored[2]]]), sp.Rational(3, 10)
    noise = ey.noise.LabelNoise(A, VARIANCE)
    C = noise.covariance(noise.landscape([w1, w2]), sp.Integer(2))
    average = C.applyfunc(lambda e: sp.expand(e).subs({w1**2: stored[0], w1 * w2: stored[1], w2**2: stored[2]}))
    assert A * sigma + sigma * A - rate * A * sigma * A - rate * average == sp.zeros(2)


def test_without_arguments_inputs_and_labels_are_read_from_a_quadratic_loss():
    """L = (3 (w - 2)^2 + 5)/2: A = 3, sigma^2 = 5, and the SDE of SGD has D = eta C/2."""
    loss = ey.Landscape(3 * (w1 - 2) ** 2 / 2 + sp.Rational(5, 2), [w1])
    given, read = (n.covariance(loss, sp.Integer(1))[0] for n in (ey.noise.LabelNoise(3, 5, 2), ey.noise.LabelNoise()))
    assert sp.expand(given - read) == 0
    assert sp.expand(read - (3 * (w1 - 2) ** 2 + 5) * 3 - 9 * (w1 - 2) ** 2) == 0
    sde = ey.SGD(learning_rate=0.1, batch_size=4).sde(loss, ey.noise.LabelNoise())
    assert sp.expand(sde.diffusion[0] - read / 80) == 0


WELL = ey.Landscape(w1**4 / 4 - w1**2 / 2, [w1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ey.noise.LabelNoise(A), "give both .* or none"),
        (lambda: ey.noise.LabelNoise(target=1), "give both .* or none"),
        (lambda: ey.noise.LabelNoise(sp.Matrix([[1, 2], [0, 1]]), 1), "the covariance of the inputs is symmetric"),
        (lambda: ey.noise.LabelNoise(sp.Matrix([[1, 2]]), 1), "square; the matrix given is 1 x 2"),
        (lambda: ey.noise.LabelNoise(A, -1), "variance of a label is not negative, got -1"),
        (lambda: ey.noise.LabelNoise(A, 1, (0, 0, 0)), "one entry for each of 2 inputs, got 3"),
        (lambda: ey.noise.LabelNoise(A, 1).landscape([w1]), "the inputs have 2 components .* got 1 coordinates"),
        (lambda: ey.noise.LabelNoise().landscape([w1]), r"needs the inputs' covariance and the labels' variance"),
        (
            lambda: ey.noise.LabelNoise(1, 1).covariance(ey.Landscape(w1**2 / 2, [w1])),
            r"the loss of this regression is .* not w1\*\*2/2 \(the constant",
        ),
        (lambda: ey.noise.LabelNoise().covariance(WELL), "Hessian of .* depends on the place.*ey.noise.FiniteSum"),
        (lambda: ey.noise.LabelNoise().covariance(ey.Landscape(w1**2 / 2 - 1, [w1])), "least loss .* here it is -1"),
    ],
)
def test_what_is_no_regression_is_refused(build, message):
    """Each refusal says what was given and what to do."""
    with pytest.raises(EyringError, match=message):
        build()
