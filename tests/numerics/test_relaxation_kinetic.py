"""The kinetic equation: closed forms of the parabola, matrices on a grid in phase space, time reversal, strong friction and low temperature."""

import math

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.linalg import LinearOperator, eigs

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.exact import relaxation_modes, relaxation_rates
from eyring.theory.sde import SDE

x, v = sp.symbols("x v", real=True)


def kinetic(friction, temperature, force=x - x**3):
    gamma, T = sp.Rational(str(friction)), sp.Rational(str(temperature))
    return SDE([v, force - gamma * v], [[0, 0], [0, gamma * T]], [x, v])


def whittaker(reach, points):
    """Return a grid from -reach to reach with the first and second derivatives of its sinc functions as matrices."""
    at, step = np.linspace(-reach, reach, points, retstep=True)
    apart = np.subtract.outer(np.arange(points), np.arange(points)) + np.eye(points)
    sign = (-1.0) ** np.abs(np.subtract.outer(np.arange(points), np.arange(points)))
    first = np.where(np.eye(points), 0, sign / (apart * step))
    return at, first, np.where(np.eye(points), -(np.pi**2) / 3, -2 * sign / apart**2) / step**2


def slowest_on_the_grid(slope, friction, temperature, places, speeds):
    """Return the three smallest rates, zero among them: -v p_x + V' p_v + gamma (T p_vv + p/2 - v^2 p/(4 T)) for the density over the root of p_0."""
    (x_at, x_first, _), (v_at, v_first, v_second) = whittaker(*places), whittaker(*speeds)
    drag = friction * (temperature * v_second + np.diag(0.5 - v_at**2 / (4 * temperature)))
    matrix = -np.kron(x_first, np.diag(v_at)) + np.kron(np.diag(slope(x_at)), v_first) + np.kron(np.eye(len(x_at)), drag)
    factors = lu_factor(matrix - 0.01 * np.eye(len(matrix)))
    inverse = LinearOperator(matrix.shape, matvec=lambda vector: lu_solve(factors, vector), dtype=float)
    return np.sort(-0.01 - (1 / eigs(inverse, k=10, v0=np.ones(len(matrix)), return_eigenvectors=False)).real)[:3]


@pytest.mark.parametrize("tilt", [0, "0.1"])
def test_rates_agree_with_a_matrix_on_a_grid_of_phase_space(tilt):
    """Friction 1, T = 0.1, sinc functions of x and of v: neither Hermite polynomials nor a hierarchy."""
    tilt = sp.Rational(tilt)
    rates = relaxation_rates(kinetic(1, 0.1, x - x**3 - tilt), count=2)
    still, *known = slowest_on_the_grid(lambda q: q**3 - q + float(tilt), 1.0, 0.1, (2.2, 35), (2.4, 31))
    assert abs(still) < 1e-10
    assert [rate.value for rate in rates] == pytest.approx(known, rel=3e-8)


@pytest.mark.parametrize("friction", [5.0, 1.0])
def test_the_slowest_mode_of_a_parabola_is_linear(friction):
    """phi = a x + v with a = gamma - lambda, lambda = (gamma - sqrt(gamma^2 - 4 h))/2; h = 1/10."""
    (mode,) = relaxation_modes(kinetic(friction, 0.3, -x / 10))
    rate = (friction - math.sqrt(friction**2 - 0.4)) / 2
    at, speed = np.array([0.3, -1.0, 2.0, 0.0]), np.array([0.2, 0.5, -0.4, 1.0])
    ratio = mode.backward(at, speed) / ((friction - rate) * at + speed)
    assert mode.rate.value == pytest.approx(rate, rel=1e-11)
    assert np.abs(ratio / ratio[0] - 1).max() < 1e-11
    assert mode.frequency == 0
    assert mode.error < 1e-10


def test_a_swinging_walker_has_modes_in_pairs():
    """gamma = 1, h = 1: lambda = (1 -+ i sqrt 3)/2; phi is linear with a = gamma - lambda."""
    first, second = relaxation_modes(kinetic(1, 0.3, -x), count=2)
    assert first.frequency == pytest.approx(-second.frequency, rel=1e-10)
    assert abs(first.frequency) == pytest.approx(math.sqrt(3) / 2, rel=1e-11)
    assert first.rate.value == pytest.approx(0.5, rel=1e-11)
    a = 1 - complex(0.5, first.frequency)
    at, speed = np.array([0.3, -1.0, 0.5]), np.array([0.2, 0.5, -0.4])
    ratio = first.backward(at, speed) / (a * at + speed)
    assert np.abs(ratio / ratio[0] - 1).max() < 1e-10


def test_densities_and_backward_modes_in_phase_space_are_biorthogonal():
    modes = relaxation_modes(kinetic(3, 0.1), count=2)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    speeds = 2.8 * nodes
    places = 2.0 * nodes
    X, V = np.meshgrid(places, speeds, indexing="ij")
    area = np.outer(weights * 2.0, weights * 2.8)
    densities, backward = ([function(X, V) for function in functions] for functions in ([m.density for m in modes], [m.backward for m in modes]))
    products = np.array([[np.sum(a * b * area) for b in backward] for a in densities])
    assert np.abs(products - np.eye(2)).max() < 1e-6
    assert max(abs(np.sum(density * area)) for density in densities) < 1e-7


@pytest.mark.parametrize(("friction", "bound"), [(30, 1e-11), (10, 1e-11)])
def test_asymmetric_wells_under_strong_friction_relax_as_without_velocity(friction, bound):
    """gamma lambda = lambda_0 (1 + O(|H_b|/gamma^2)), V = x^4/4 - x^2/2 + x/10, T = 0.05."""
    force = x - x**3 - sp.Rational(1, 10)
    (gap,) = relaxation_rates(kinetic(friction, 0.05, force))
    (plain,) = relaxation_rates(SDE(force, sp.Rational(1, 20), [x]))
    assert gap.relative_error < bound
    assert 0 < 1 - gap.value * friction / plain.value < 1.2 / friction**2


@pytest.mark.long
def test_at_a_barrier_of_forty_the_kinetic_gap_keeps_ten_digits():
    """T = 1/160, gamma = 10: ratio to Kramers' rate with its correction in T the same as at T = 1/80 and 1/40, extrapolated."""
    ratios = []
    for temperature in ("0.025", "0.0125", "0.00625"):
        T = float(temperature)
        (gap,) = relaxation_rates(kinetic(10, temperature))
        assert gap.relative_error < 1e-10
        unstable = -5 + math.sqrt(26)
        ratios.append(gap.value / (2 * unstable * math.sqrt(2) / (2 * math.pi) * math.exp(-0.25 / T)))
    assert 2 * ratios[2] - ratios[1] == pytest.approx(1, abs=6e-4)
    assert ratios[0] == pytest.approx(0.959275018341, abs=1e-10)


@pytest.mark.parametrize(
    ("sde", "options", "kind", "words"),
    [
        (kinetic(0.001, 0.05), {}, AccuracyError, "friction gamma = 0.001 is too small"),
        (SDE([v, -x + v], [[0, 0], [0, 1]], [x, v]), {}, ParameterError, "friction and temperature must be positive"),
        pytest.param(kinetic(2, 0.3, -x), {}, AccuracyError, "critical damping", marks=pytest.mark.long),
    ],
)
def test_what_has_no_kinetic_mode_is_refused_with_the_reason(sde, options, kind, words):
    with pytest.raises(kind, match=words):
        relaxation_modes(sde, **options)


def test_far_from_where_the_walker_is_found_no_value_is_made_up():
    (mode,) = relaxation_modes(kinetic(5, 0.3, -x / 10))
    assert mode.density(100.0, 0.0) == 0
    for place, speed in ((100.0, 0.0), (0.0, 50.0)):
        with pytest.raises(ParameterError, match="where the process is found"):
            mode.backward(place, speed)
    with pytest.raises(ParameterError, match="v must be real, finite numbers"):
        mode.backward(0.0, math.inf)
