"""Modes as functions: Hermite functions, biorthogonality, the Fokker-Planck equation itself, wells that leak."""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import HermiteE
from scipy.linalg import eigh_tridiagonal

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_committor, exact_escape_time, quasi_stationary, relaxation_modes, relaxation_rates, stationary_probability
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Isotropic
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
D = sp.Symbol("D", positive=True)
QUARTIC = SDE(x - x**3, D, [x])
GROWING = SDE(x - x**3 + sp.Rational(1, 20), (2 + sp.sin(3 * x)) / 20, [x], calculus="stratonovich")
NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)


def integral(function, low, high):
    return float(np.sum(WEIGHTS * function((low + high) / 2 + (high - low) / 2 * NODES)) * (high - low) / 2)


def test_modes_of_a_parabola_are_hermite_functions_to_rounding():
    """dx = -3 x dt + sqrt(2 D) dW: phi_n = He_n(x/s)/sqrt(n!), p_n = phi_n times the Gaussian, s^2 = D/3."""
    spread = math.sqrt(0.2 / 3)
    at = np.linspace(-7, 7, 57) * spread
    gaussian = np.exp(-((at / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))
    for n, mode in enumerate(relaxation_modes(SDE(-3 * x, 0.2, [x]), count=12), 1):
        hermite = HermiteE.basis(n)(at / spread) / math.sqrt(math.factorial(n))
        assert mode.rate.value == pytest.approx(3 * n, rel=1e-14)
        assert np.abs(mode.backward(at) - hermite).max() < 3e-14 * np.abs(hermite).max()
        assert np.abs(mode.density(at) - hermite * gaussian).max() < 3e-14 / spread


@pytest.mark.parametrize("sde", [QUARTIC.subs({D: sp.Rational(1, 20)}), GROWING])
def test_densities_and_backward_modes_are_biorthogonal(sde):
    modes = relaxation_modes(sde, count=6)
    low, high = modes[0].low, modes[0].high
    products = np.array([[integral(lambda q, a=a, b=b: a.density(q) * b.backward(q), low, high) for b in modes] for a in modes])
    assert np.abs(products - np.eye(6)).max() < 2e-12
    assert max(abs(integral(mode.density, low, high)) for mode in modes) < 1e-13  # each moves probability and makes none


def test_each_mode_obeys_the_backward_equation():
    """D phi'' + (f + q D') phi' + lambda phi = 0 (q = 1/2 of Stratonovich), derivatives by Chebyshev interpolation between -1.2 and 1.2."""
    force, noise = (sp.lambdify(x, e) for e in (GROWING.drift[0], GROWING.diffusion[0, 0]))
    slope = sp.lambdify(x, sp.diff(GROWING.diffusion[0, 0], x))
    at = np.linspace(-1.1, 1.1, 45)
    for mode in relaxation_modes(GROWING, count=4):
        phi = np.polynomial.Chebyshev.interpolate(mode.backward, 76, domain=[-1.2, 1.2])
        terms = noise(at) * phi.deriv(2)(at), (force(at) + slope(at) / 2) * phi.deriv()(at), mode.rate.value * phi(at)
        assert np.abs(sum(terms)).max() < 1e-7 * max(np.abs(term).max() for term in terms)


def test_modes_add_up_to_the_law_at_a_later_time():
    """p(x, t | x_0) of an Ornstein-Uhlenbeck walker from its modes: twelve give t = 2.5 to e^-32."""
    modes, t, begin = relaxation_modes(SDE(-x, 1, [x]), count=12), 2.5, 0.7
    at = np.linspace(-4, 4, 33)
    law = np.exp(-(at**2) / 2) / math.sqrt(2 * math.pi) + sum(math.exp(-m.rate.value * t) * m.density(at) * m.backward(begin) for m in modes)
    variance = 1 - math.exp(-2 * t)
    known = np.exp(-((at - begin * math.exp(-t)) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    assert np.abs(law - known).max() < 1e-13


def test_over_a_high_barrier_the_slow_mode_is_the_committor():
    """phi_1 = 2 q - 1 between symmetric wells, q the chance to reach the right one first, up to the rate itself, 9e-10."""
    (mode,) = relaxation_modes(QUARTIC, values={"D": 0.0125})
    for place in (-0.3, -0.05, 0.1, 0.6):
        q = exact_committor(QUARTIC, start=place, left=-1, right=1, values={"D": 0.0125}).value
        assert mode.backward(place) == pytest.approx(2 * q - 1, abs=1e-8)


def test_a_box_leaks_as_a_sine():
    box = quasi_stationary(SDE(0, 2, [x]), start=1, exits=(0, 3))
    at = np.linspace(0, 3, 31)
    assert box.rate.value == pytest.approx(2 * (math.pi / 3) ** 2, rel=1e-14)
    assert box.density(at) == pytest.approx(math.pi / 6 * np.sin(math.pi * at / 3), abs=1e-14)
    assert box.backward(at) == pytest.approx(4 / math.pi * np.sin(math.pi * at / 3), abs=1e-14)
    assert box.density([-1, 4]).tolist() == [0, 0]


@pytest.mark.parametrize("noise", [0.1, 0.05, 0.0125, 0.0025])
def test_half_a_symmetric_double_well_leaks_at_the_rate_at_which_the_whole_relaxes(noise):
    """Odd modes vanish on the saddle: two different problems, one number, down to 1e-44."""
    leak = quasi_stationary(QUARTIC, start=-1, exits=0, values={"D": noise})
    (gap,) = relaxation_rates(QUARTIC, values={"D": noise})
    assert leak.rate.log == pytest.approx(gap.log, abs=1e-14 * (10 + abs(gap.log)))
    assert integral(leak.density, leak.low, 0) == pytest.approx(1, abs=1e-12)
    assert integral(lambda q: leak.density(q) * leak.backward(q), leak.low, 0) == pytest.approx(1, abs=1e-12)


def test_a_walker_that_starts_from_the_quasi_stationary_density_leaves_after_one_over_the_rate():
    """int p(x) T(x) dx = 1/rate exactly, T the mean time to the exit from each place."""
    leak = quasi_stationary(GROWING, start=-1, exits=sp.Rational(1, 5))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    low, high = -2.2, 0.2
    at = (low + high) / 2 + (high - low) / 2 * nodes
    times = np.array([exact_escape_time(GROWING, start=float(q), target=sp.Rational(1, 5)).value for q in at])
    mean = float(np.sum(weights * leak.density(at) * times) * (high - low) / 2)
    assert leak.density(low) < 1e-12
    assert mean * leak.rate.value == pytest.approx(1, abs=1e-9)


def test_a_metastable_well_needs_no_confinement_beyond_its_exit():
    """A cubic well, from which walkers would run away: between the wall of the well and the saddle all is known; a finite-volume matrix agrees."""
    force, noise = x**2 - 1, 0.2
    leak = quasi_stationary(SDE(-force, noise, [x]), start=1, exits=-1)
    found = []
    for cells in (1000, 2000, 4000):
        edges = np.linspace(-1, 5, cells + 1)
        middle, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]

        def rise(q):
            return (q**3 / 3 - q + 2 / 3) / noise

        mass, link = np.exp(-rise(middle)) / noise * step, np.exp(-rise(edges[1:-1])) / step
        first = 2 * np.exp(-rise(-1.0)) / step  # half a cell from the exit
        diagonal = (np.append(link, 0) + np.append(first, link)) / mass
        beside = -link / np.sqrt(mass[1:] * mass[:-1])
        found.append(eigh_tridiagonal(diagonal, beside, select="i", select_range=(0, 0), eigvals_only=True)[0])
    once = [(4 * b - a) / 3 for a, b in pairwise(found)]
    assert leak.rate.value == pytest.approx((16 * once[1] - once[0]) / 15, rel=1e-7)


@settings(max_examples=6, deadline=None)
@given(tilt=st.floats(-0.2, 0.2), noise=st.floats(0.01, 0.1), grow=st.floats(-0.5, 0.5))
def test_a_well_leaks_at_one_over_the_mean_time_up_to_the_relaxation_in_it(tilt, noise, grow):
    """rate T - 1 = O(rate times the relaxation time in the well), T the mean time from near the bottom: between 0 and 5 rate for curvature 2."""
    sde = SDE(x - x**3 - tilt, noise * (1 + grow * sp.sin(x)), [x])
    saddle = float(sp.nsolve(x - x**3 - tilt, 0))
    leak = quasi_stationary(sde, start=-1, exits=saddle)
    time = exact_escape_time(sde, start=-1, target=saddle)
    assert -1e-12 < leak.rate.value * time.value - 1 < 5 * leak.rate.value + 1e-12


def test_what_modes_weigh_agrees_with_the_stationary_share_of_each_well():
    """phi_1 is two values, p_L phi_L + p_R phi_R = 0 and p_L phi_L^2 + p_R phi_R^2 = 1: the share of the left well is phi_R^2/(1 + phi_R^2) ..."""
    sde = SDE(x - x**3 - sp.Rational(1, 100), 0.01, [x])
    (mode,) = relaxation_modes(sde)
    left = stationary_probability(sde, region=(-sp.oo, 0)).value
    assert mode.backward(-1.0) ** 2 == pytest.approx((1 - left) / left, rel=1e-6)
    assert mode.backward(1.0) ** 2 == pytest.approx(left / (1 - left), rel=1e-6)
    assert mode.backward(1.0) > 0


@pytest.mark.parametrize(
    ("asked", "options", "kind", "words"),
    [
        (relaxation_modes, {"values": {"D": [0.1, 0.2]}}, ParameterError, "give single numbers, not arrays"),
        (relaxation_modes, {"values": {"D": 0.0003}, "count": 4}, AccuracyError, "agree to a relative .* Ask for at most 2 modes"),
        (relaxation_modes, {"values": {"D": 0.1}, "count": 0}, ParameterError, "count must be a whole number"),
        (relaxation_modes, {"values": {}}, ParameterError, "missing: D"),
        (quasi_stationary, {"values": {"D": 0.1}, "start": -1, "exits": -1}, ParameterError, "the same point"),
        (quasi_stationary, {"values": {"D": 0.1}, "start": -1, "exits": (0, 1)}, ParameterError, "between two exits"),
        (quasi_stationary, {"values": {"D": 0.1}, "start": -1, "exits": (0, -2, 3)}, ParameterError, "one exit or two, got 3"),
        (quasi_stationary, {"values": {"D": 0.1}, "start": math.nan, "exits": 0}, ParameterError, "start must be a real, finite number"),
        (quasi_stationary, {"values": {"D": [0.1]}, "start": -1, "exits": 0}, ParameterError, "single numbers"),
        (quasi_stationary, {"values": {"D": -0.1}, "start": -1, "exits": 0}, ParameterError, "D must be positive"),
    ],
)  # fmt: skip
def test_what_has_no_mode_is_refused_with_the_reason(asked, options, kind, words):
    with pytest.raises(kind, match=words):
        asked(QUARTIC, **options)


def test_a_well_that_walkers_leave_on_the_open_side_is_refused():
    with pytest.raises(NotApplicable, match="no confinement"):
        quasi_stationary(SDE(1 - x**2, 0.1, [x]), start=0, exits=1)


def test_an_optimizer_that_overshoots_has_no_mode():
    sde = SGD(learning_rate=3, batch_size=1).sde(Landscape(x**4 / 4 - x**2 / 2, [x]), Isotropic())
    for asked in (lambda: relaxation_modes(sde, values={"sigma": 1}), lambda: quasi_stationary(sde, start=-1, exits=0, values={"sigma": 1})):
        with pytest.raises(NotApplicable, match="unstable at the minimum"):
            asked()


def test_beyond_the_far_sides_there_is_no_density_and_no_backward_mode():
    (mode,) = relaxation_modes(QUARTIC, values={"D": 0.1})
    leak = quasi_stationary(QUARTIC, start=-1, exits=0, values={"D": 0.1})
    assert mode.density(50.0) == 0 and leak.density(-50.0) == 0 and leak.backward(0.5) == 0
    for function in (mode.backward, leak.backward):
        with pytest.raises(ParameterError, match="the mode is known between"):
            function(-50.0)
        with pytest.raises(ParameterError, match="real, finite numbers"):
            function(math.nan)
