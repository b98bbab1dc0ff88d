"""Gradient noises: exact covariances of finite populations, and the refusals of singular models."""

from itertools import combinations, product

import pytest
import sympy as sp

import eyring as ey
from eyring.errors import EyringError, NotApplicable

x = sp.Symbol("x", real=True)
WELL = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
SLOPES = [sp.Integer(1), sp.Integer(3), sp.Integer(-2), sp.Rational(5, 2), sp.Integer(0)]
LOSSES = [s * x for s in SLOPES]


def _variance(values):
    return sum(v**2 for v in values) / len(values) - (sum(values) / len(values)) ** 2


@pytest.mark.parametrize("size", [1, 2, 3])
def test_covariance_of_batches_is_that_of_their_enumeration(size):
    """Every ordered draw with replacement, every subset without: exact rationals."""
    loss = ey.noise.FiniteSum(LOSSES).landscape([x])
    with_replacement = _variance([sum(batch) / sp.Integer(size) for batch in product(SLOPES, repeat=size)])
    without = _variance([sum(batch) / sp.Integer(size) for batch in combinations(SLOPES, size)])
    assert ey.noise.FiniteSum(LOSSES).covariance(loss, sp.Integer(size))[0] == with_replacement
    assert ey.noise.FiniteSum(LOSSES, replacement=False).covariance(loss, sp.Integer(size))[0] == without


def test_the_published_pair_of_variances_comes_out():
    """Gradients 1, 3, -2, 2.5, 0 in batches of two: 1.62 with and 1.215 without replacement."""
    loss = ey.noise.FiniteSum(LOSSES).landscape([x])
    assert ey.noise.FiniteSum(LOSSES).covariance(loss, sp.Integer(2))[0] == sp.Rational("1.62")
    assert ey.noise.FiniteSum(LOSSES, replacement=False).covariance(loss, sp.Integer(2))[0] == sp.Rational("1.215")


@pytest.mark.parametrize("replacement", [True, False])
def test_batch_law_has_the_covariance_of_the_model(replacement):
    """Probabilities sum to one, the mean vanishes, the variance is C."""
    noise = ey.noise.FiniteSum(LOSSES, copies=[2, 1, 3, 1, 1], replacement=replacement)
    loss = noise.landscape([x])
    law = noise.batch_law(loss, 3)
    assert sum(a.probability for a in law) == 1
    assert sum(a.probability * a.shift[0] for a in law) == 0
    assert sum(a.probability * a.shift[0] ** 2 for a in law) == noise.covariance(loss, sp.Integer(3))[0]


def test_whole_data_without_replacement_is_silent():
    """At B = N without replacement C = 0; with replacement C = G/N."""
    loss = ey.noise.FiniteSum(LOSSES).landscape([x])
    assert ey.noise.FiniteSum(LOSSES, replacement=False).covariance(loss, sp.Integer(5))[0] == 0
    assert ey.noise.FiniteSum(LOSSES).covariance(loss, sp.Integer(5))[0] == _variance(SLOPES) / 5


def test_hessian_noise_is_frozen_at_minimum_then_saddle():
    """C = 2/B left of the switch, 1/B right of it."""
    C = ey.noise.Hessian(switch=-0.5).covariance(WELL, sp.Integer(1))[0]
    assert (C.subs(x, -0.7), C.subs(x, -0.3), C.subs(x, 0.9)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: ey.noise.Hessian(pointwise=True).covariance(WELL),
            NotApplicable,
            "vanishes at the inflection point.*escape time is infinite.*FiniteSum",
        ),
        (lambda: ey.noise.Hessian(switch=2).covariance(WELL), EyringError, "does not single out one minimum and the saddle next to it"),
        (lambda: ey.noise.Hessian().covariance(WELL), EyringError, "does not single out one minimum"),
        (
            lambda: ey.noise.Hessian(switch=0).covariance(ey.landscapes.styblinski_tang(2)),
            NotApplicable,
            "derived along one coordinate, and the loss has 2",
        ),
        (lambda: ey.noise.Covariance(sp.eye(2)).covariance(WELL), EyringError, r"shape \(2, 2\), but the loss has 1"),
        (lambda: ey.noise.FiniteSum(LOSSES).covariance(WELL), EyringError, "the mean of the per-sample losses is .* not the loss"),
        (lambda: ey.noise.FiniteSum([]), EyringError, "at least one loss"),
        (lambda: ey.noise.FiniteSum(LOSSES).batch_law(ey.noise.FiniteSum(LOSSES).landscape([x]), 64), EyringError, "at most 20000 are listed"),
        (lambda: ey.noise.Isotropic().batch_law(WELL, 4), NotApplicable, "known by its covariance alone"),
        (
            lambda: ey.SGD(batch_size=6).sde(ey.noise.FiniteSum(LOSSES).landscape([x]), ey.noise.FiniteSum(LOSSES, replacement=False)),
            EyringError,
            "a batch of 6 cannot be drawn without replacement from 5 samples",
        ),
    ],
)
def test_impossible_noises_are_refused(build, error, message):
    """Each refusal names the reason and the road that works."""
    with pytest.raises(error, match=message):
        build()
