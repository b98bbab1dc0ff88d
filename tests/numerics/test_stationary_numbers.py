"""Stationary probabilities and covariances in numbers, against closed forms, quadrature and iterated moments."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import NotApplicable, ParameterError

x, y = sp.symbols("x y", real=True)
D = sp.Symbol("D", positive=True)


@pytest.mark.parametrize(("calculus", "power"), [("ito", -1), ("stratonovich", -0.5), ("anti-ito", 0)])
def test_the_probability_of_a_basin_is_the_integral_of_its_density(calculus, power):
    """mpmath's quadrature of D^(q-1) exp(int f/D), with D = (1 + x^2)/9 and f = x - x^3 + 0.1: the exponent has a closed form."""
    sde = ey.SDE(x - x**3 + sp.Rational(1, 10), (1 + x**2) / 9, [x], calculus=calculus)
    exponent = sp.lambdify(x, sp.integrate((x - x**3 + sp.Rational(1, 10)) * 9 / (1 + x**2), x), "mpmath")

    def density(place):
        return ((1 + place**2) / 9) ** power * mpmath.exp(exponent(place))

    pieces = [-6, -3, -1, 0, 0.4, 1, 3, 6]
    share = mpmath.quad(density, pieces[3:5]) / mpmath.quad(density, pieces)
    assert float(ey.stationary_probability(sde, region=(0, 0.4))) == pytest.approx(float(share), rel=1e-11)


def test_deep_wells_far_tails_and_arrays():
    """The upper of two wells at D = 1/400 has its probability in the logarithm; everything has probability one; arrays broadcast."""
    sde = ey.SDE(x - x**3 - sp.Rational(1, 5), D, [x])
    upper = ey.stationary_probability(sde, region=(0.3, sp.oo), values={D: 1 / 4000})
    loss = x**4 / 4 - x**2 / 2 + x / 5
    low, _, high = sorted(float(r) for r in sp.Poly(sp.diff(loss, x), x).nroots())
    value, curvature = (sp.lambdify(x, e) for e in (loss, sp.diff(loss, x, 2)))
    laplace = -(value(high) - value(low)) * 4000 + 0.5 * math.log(curvature(low) / curvature(high))
    assert upper.log == pytest.approx(laplace, abs=2e-3)
    assert float(ey.stationary_probability(sde, region=(-sp.oo, sp.oo), values={D: 0.1})) == pytest.approx(1, rel=1e-13)
    both = ey.stationary_probability(sde, region=(0, math.inf), values={D: [0.1, 0.2]}).value
    assert both.shape == (2,)
    assert both[0] < both[1] < 0.5


def test_regions_are_intervals_or_conditions():
    """A normal law of unit variance: one condition, two sides, an interval, the three at a parameter's value."""
    sde = ey.SDE(-x, D, [x])
    inside = math.erf(1 / math.sqrt(2))
    for region, expected in [
        (x**2 < 1, inside),
        ((x < -1) | (x > 1), 1 - inside),
        (sp.Interval(-1, 1), inside),
        (sp.Union(sp.Interval(-1, 0), sp.Interval(0, 1)), inside),
        (sp.And(x > -D, x < D), inside),
        (x > 0, 0.5),
    ]:
        assert float(ey.stationary_probability(sde, region=region, values={D: 1})) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("share", [0.2, 0.02, 0.002])
def test_a_probability_of_ten_to_the_minus_thousands_keeps_its_logarithm(share):
    """Far in the tail of a quartic well, noise growing with the distance: ln of the integral by mpmath in 30 digits, to 1e-12."""
    sde = ey.SDE(-x - x**3, share * (1 + x**2), [x])
    found = ey.stationary_probability(sde, region=(3, 5))
    with mpmath.workdps(30):
        strength = mpmath.mpf(sp.Rational(str(share)).p) / sp.Rational(str(share)).q

        def density(place):
            return mpmath.exp(-(place**2) / (2 * strength)) / (1 + place**2)

        cuts = [k * mpmath.sqrt(strength) for k in range(-12, 13)]
        exact = mpmath.quad(density, [3 + k * strength / 3 for k in range(60) if k * strength < 6] + [5]) / mpmath.quad(density, cuts)
    assert found.log == pytest.approx(float(mpmath.log(exact)), rel=1e-13, abs=2e-12)
    assert found.relative_error < 1e-11


@pytest.mark.parametrize("region", [3, (1, 0), (0, 1, 2), (0, "a"), "x > 0", y > 0, x > y, sp.Eq(x, 1), True, None, (0, math.nan), (1, 1)])
def test_what_is_no_interval_is_refused(region):
    """One number, a reversed pair, three ends, text, other coordinates, points, not a number."""
    with pytest.raises(ParameterError):
        ey.stationary_probability(ey.SDE(-x, 1, [x]), region=region)


def test_a_covariance_of_many_coordinates_is_what_its_moments_settle_to():
    """40 coupled coordinates in symbols: the residual of the Lyapunov equation, and for three the moment equation integrated in time."""
    generator = np.random.default_rng(4)
    n = 40
    names = sp.symbols(f"x:{n}", real=True)
    root = generator.normal(size=(n, n)) / math.sqrt(n)
    A, spread = np.eye(n) + 0.3 * root, root @ root.T
    sde = ey.SDE(list(-sp.Matrix(A) * sp.Matrix(names)), sp.Matrix((spread + spread.T) / 2), names)
    covariance = ey.stationary_covariance(sde, at=[0] * n)
    rest = A @ covariance.value + covariance.value @ A.T - 2 * spread
    assert np.max(np.abs(rest)) < 1e-12 * np.max(np.abs(spread))
    assert covariance.relative_error < 1e-12
    moments, step = np.zeros((3, 3)), 1e-3
    for _ in range(20_000):
        moments = moments + step * (2 * spread[:3, :3] - A[:3, :3] @ moments - moments @ A[:3, :3].T)
    small = ey.SDE(list(-sp.Matrix(A[:3, :3]) * sp.Matrix(names[:3])), sp.Matrix(spread[:3, :3]), names[:3])
    assert np.allclose(ey.stationary_covariance(small, at=(0, 0, 0)).value, moments, rtol=1e-8)


def test_momentum_near_a_minimum_has_equipartition():
    """Heavy ball in phase space: <v^2> = T and <x^2> = T/H at the minimum of the double well, T = eta sigma^2/(2 B (1 - mu))."""
    loss = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
    sde = ey.MomentumSGD().sde(loss, ey.noise.Isotropic())
    values = {"eta": 0.01, "mu": 0.9, "sigma": 1.3, "B": 4}
    temperature = 0.01 * 1.69 / (2 * 4 * 0.1)
    covariance = ey.stationary_covariance(sde, at=loss.minima()[1], values=values).value
    assert np.allclose(covariance, [[temperature / 2, 0], [0, temperature]], rtol=1e-12, atol=1e-16)


def test_points_where_nothing_rests_are_refused():
    """A slope, a saddle, a wrong number of coordinates."""
    sde = ey.SDE(x - x**3, D, [x])
    with pytest.raises(NotApplicable, match="the drift does not vanish"):
        ey.stationary_covariance(sde, at=0.5, values={D: 1})
    with pytest.raises(NotApplicable, match="does not bring walkers back"):
        ey.stationary_covariance(sde, at=0, values={D: 1})
    with pytest.raises(ParameterError, match="at needs 1 coordinates"):
        ey.stationary_covariance(sde, at=(0, 1), values={D: 1})
    with pytest.raises(ParameterError, match="zero or negative has no logarithm"):
        _ = ey.stationary_covariance(ey.SDE([-x, -y], sp.Matrix([[1, -sp.Rational(1, 2)], [-sp.Rational(1, 2), 1]]), [x, y]), at=(0, 0)).log
