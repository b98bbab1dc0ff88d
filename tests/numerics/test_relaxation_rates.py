"""Rates of one-dimensional processes at any barrier, against a Green operator iterated in the test, mpmath, and spectra in closed form."""

import math
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh_tridiagonal

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_escape_time, relaxation_rates
from eyring.numerics.exact.relaxation.mode_panels import Passes
from eyring.numerics.exact.relaxation.spectrum import _searched
from eyring.numerics.exact.relaxation.tables import family_of
from eyring.numerics.exact.relaxation.terrain import ground_of
from eyring.theory.sde import SDE

x, h, k = sp.symbols("x h k", real=True)
D = sp.Symbol("D", positive=True)
QUARTIC = SDE(x - x**3, D, [x])
THREE_WELLS = 4 * x**2 * (x**2 - 1) ** 2 + x / 5 + x**2 / 3


def doubled_chain(phi, diffusion, weight, low, high, cells):
    """Return the finite-volume chain of a process, a symmetric tridiagonal matrix: cells of mass m and links of conductance 1/int s'."""
    edges = np.linspace(low, high, cells + 1)
    middle, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    shift = phi(middle).min()
    mass = np.exp(shift - phi(middle)) * diffusion(middle) ** (weight - 1) * step
    link = 1 / (np.exp(phi(edges[1:-1]) - shift) * diffusion(edges[1:-1]) ** -weight * step)
    diagonal = (np.append(link, 0) + np.append(0, link)) / mass
    return diagonal, -link / np.sqrt(mass[1:] * mass[:-1])


def extrapolated(phi, diffusion, weight, low, high, count):
    """Return the smallest non-zero rates of the chain at three spacings, extrapolated twice."""
    found = []
    for cells in (1000, 2000, 4000):
        diagonal, beside = doubled_chain(phi, diffusion, weight, low, high, cells)
        found.append(eigh_tridiagonal(diagonal, beside, select="i", select_range=(1, count), eigvals_only=True))
    once = [(4 * b - a) / 3 for a, b in pairwise(found)]
    return (16 * once[1] - once[0]) / 15


def test_twelve_rates_of_a_parabola_are_multiples_of_its_curvature_to_rounding():
    for noise in (0.001, 0.3, 50.0):
        rates = relaxation_rates(SDE(-3 * x, noise, [x]), count=12)
        assert max(abs(rate.value / (3 * n) - 1) for n, rate in enumerate(rates, 1)) < 5e-15


def test_a_gap_of_ten_to_the_minus_forty_has_thirteen_digits():
    """1/lambda = int int of the committor over a barrier of 92: lambda_1 = 2 D/(S M), S and M by mpmath, up to e^-92."""
    noise = sp.Rational(1, 368)
    with mp.workdps(30):
        d = mp.mpf(1) / 368

        def gauss(side, ends):
            return mp.quad(lambda y: mp.exp(side * (y**4 / 4 - y**2 / 2) / d), mp.linspace(*ends, 41))

        known = mp.log(2 * d / (gauss(1, (-0.8, 0.8)) * gauss(-1, (-1.6, -0.4))))
    (gap,) = relaxation_rates(SDE(x - x**3, noise, [x]))
    assert gap.value < 1e-40
    assert gap.log == pytest.approx(float(known), abs=1e-13)
    assert gap.relative_error < 1.1e-13


def test_three_wells_hold_two_slow_rates_fifteen_orders_apart():
    """The middle well is by far the deepest: each side well empties into it at the rate of its own exact passage time, e^-78 and e^-114."""
    sde = SDE(-sp.diff(THREE_WELLS, x), 0.004, [x])
    slow, second, third = relaxation_rates(sde, count=3)
    force = sp.lambdify(x, sp.diff(THREE_WELLS, x))
    left, middle, right = (float(mp.findroot(force, guess)) for guess in (-1, 0, 1))
    assert slow.log + exact_escape_time(sde, start=left, target=middle).log == pytest.approx(0, abs=1e-12)
    assert second.log + exact_escape_time(sde, start=right, target=middle).log == pytest.approx(0, abs=1e-12)
    assert slow.log < -114 and -78 < second.log < -77 and third.log > 2


@settings(max_examples=12, deadline=None)
@given(
    tilt=st.floats(-0.3, 0.3),
    ripple=st.floats(-0.4, 0.4),
    grow=st.floats(-0.6, 0.6),
    noise=st.floats(0.05, 0.4),
    calculus=st.sampled_from(["ito", "stratonovich", "anti-ito"]),
)
def test_any_landscape_with_any_noise_relaxes_as_its_finite_volumes_do(tilt, ripple, grow, noise, calculus):
    """f = x - x^3 - tilt + ripple cos 3x, D = noise (1 + grow sin(2x)/1.2), four rates; the chain extrapolated twice is right to 1e-7."""
    force = x - x**3 - tilt + ripple * sp.cos(3 * x)
    diffusion = noise * (1 + grow * sp.sin(2 * x) / sp.Float(1.2))
    weight = {"ito": 0, "stratonovich": 0.5, "anti-ito": 1}[calculus]
    rates = relaxation_rates(SDE(force, diffusion, [x], calculus=calculus), count=4)
    fine = np.linspace(-4, 4, 400_001)
    slope = sp.lambdify(x, -force / diffusion)(fine)
    potential = np.concatenate([[0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(fine))])
    inside = np.flatnonzero(potential < potential.min() + 60)
    known = extrapolated(
        lambda y: np.interp(y, fine, potential), sp.lambdify(x, diffusion), weight, fine[inside[0]], fine[inside[-1]], 4
    )
    assert [rate.value for rate in rates] == pytest.approx(known, rel=1e-6)


def test_calculi_differ_where_the_noise_does():
    """D = (2 + sin 3x)/200, barrier/D about 20: the three calculi are told apart, and each agrees with its Ito form to thirteen digits."""
    found = []
    for calculus in ("ito", "stratonovich", "anti-ito"):
        sde = SDE(x - x**3, (2 + sp.sin(3 * x)) / 200, [x], calculus=calculus)
        own, ito = relaxation_rates(sde, count=3), relaxation_rates(sde.ito(), count=3)
        assert [a.value / b.value for a, b in zip(own, ito, strict=True)] == pytest.approx([1, 1, 1], abs=1e-13)
        found.append(own[0].value)
    assert found[1] / found[0] < 0.97 and found[2] / found[1] < 0.97


def test_noise_growing_with_distance_binds_five_modes_and_no_sixth():
    """dx = -x dt + sqrt(2 (1+x^2)/10) dW: n - n (n-1)/10 for n = 1..5; above 121/40 the spectrum is continuous."""
    sde = SDE(-x, (1 + x**2) / 10, [x])
    rates = [rate.value for rate in relaxation_rates(sde, count=4)]
    assert rates == pytest.approx([1, 1.8, 2.4, 2.8], rel=1e-9)
    with pytest.raises(NotApplicable, match=r"far-away walkers relax at every rate from 3.02"):
        relaxation_rates(sde, count=6)


def test_a_mode_is_counted_and_not_missed():
    """Eigenvalues below a number are counted by the sweeps' nodes: 6 below 16.5 in a parabola of curvature 3, the stationary one among them."""
    ground = ground_of(SDE(-3 * x, 1, [x]), {})
    passes = Passes.of(ground.line, ground.edges(80.0)).resolved(40.0)
    series = passes.series(passes.terms(40.0))
    for index in range(1, 12):
        mantissa, shift = passes.eigenvalue(index, series, math.log(16.5))
        assert mantissa * math.exp(shift) == pytest.approx(3 * index, rel=1e-13)


def test_rates_do_not_depend_on_what_was_asked_before():
    """Wells and far sides are kept for other strengths: the same digits first, last, and in an array."""
    fresh = SDE(x - x**3 - sp.Rational(1, 7), D, [x])
    alone = [relaxation_rates(fresh, values={D: noise}, count=2)[1].value for noise in (0.05, 0.3, 0.011)]
    (_, together) = relaxation_rates(fresh, values={"D": np.array([[0.3], [0.011], [0.05]])}, count=2)
    assert together.value.ravel().tolist() == [alone[1], alone[2], alone[0]]
    assert together.value.shape == (3, 1)


@settings(max_examples=4, deadline=None)
@given(octaves=st.lists(st.floats(-9, 2), min_size=3, max_size=3), count=st.sampled_from([1, 2, 5]), level=st.sampled_from([1e-9, 1.0, 3e5]))
def test_what_is_kept_for_neighbouring_strengths_gives_the_rates_found_at_each_alone(octaves, count, level):
    """T/2^9 to 4 T and the ends of a table, each with panels of its own; time in units of 1/level."""
    sde = SDE(level * (x - x**3 - sp.Rational(1, 20)), level * D * (2 + sp.sin(3 * x)) / 3, [x], calculus="anti-ito")
    strengths = np.append(2.0 ** np.array(octaves), [0.25, 0.25 * (1 - 1e-15), 0.25 / math.sqrt(2)])
    rates = relaxation_rates(sde, values={"D": strengths}, count=count)
    for i, noise in enumerate(strengths.tolist()):
        alone = [math.log(mantissa) + shift for mantissa, shift, _ in _searched(sde, {D: noise}, count)]
        wrong = [abs(rate.log[i] - log) / (10 + abs(log)) for rate, log in zip(rates, alone, strict=True)]
        assert max(wrong) < 3e-15
        assert family_of(sde).rates([noise], count) is not None  # one table is enough, no search at this strength alone
        assert all(rate.relative_error[i] < 2e-12 for rate in rates)


def test_a_sweep_over_noise_at_several_tilts_agrees_with_single_calls():
    sde = SDE(h + x - x**3, D, [x])
    noises, tilts = np.geomspace(0.05, 0.2, 60), np.array([[0.1], [-0.2]])
    rates = relaxation_rates(sde, values={"D": noises, "h": tilts}, count=2)
    for tilt, noise in ((0, 3), (1, 37), (0, 59), (1, 0)):
        alone = relaxation_rates(sde, values={"D": noises[noise], "h": tilts[tilt, 0]}, count=2)
        assert [rate.value[tilt, noise] for rate in rates] == pytest.approx([rate.value for rate in alone], rel=2e-14)


def test_parameters_of_the_landscape_broadcast_with_those_of_the_noise():
    sde = SDE(h + k * x - x**3, D, [x])
    (gap,) = relaxation_rates(sde, values={"D": [0.05, 0.1], "h": 0, "k": 1})
    assert gap.value == pytest.approx([0.00277614063657272552, 0.0335452873080006109], rel=1e-13)
    (tilted,) = relaxation_rates(sde, values={"D": 0.05, "h": [[0.1], [-0.1]], "k": 1})
    assert tilted.value[0] == pytest.approx(tilted.value[1], rel=1e-13)


def test_an_upper_well_six_hundred_times_the_noise_higher_empties_at_its_own_rate():
    (gap,) = relaxation_rates(SDE(x - x**3 - sp.Rational(1, 10), 0.0003, [x]))
    tau = exact_escape_time(SDE(x - x**3 - sp.Rational(1, 10), 0.0003, [x]), start=0.9, target=-1.05)
    assert gap.log + tau.log == pytest.approx(0, abs=2e-12)


@pytest.mark.parametrize(
    ("sde", "options", "kind", "words"),
    [
        (SDE(x - x**3, -D, [x]), {"values": {"D": 0.1}}, ParameterError, "the diffusion D must be positive"),
        (QUARTIC, {"values": {"D": 0}}, ParameterError, "D = 0: without noise"),
        (QUARTIC, {"values": {"D": [0.1, 0.0]}}, ParameterError, "D = 0: without noise"),
        (QUARTIC, {"values": {"D": [0.1, -0.1]}}, ParameterError, "the diffusion D must be positive"),
        (QUARTIC, {"values": {"D": math.nan}}, ParameterError, "D must be a real, finite number"),
        (QUARTIC, {"values": {"D": [0.1, math.inf]}}, ParameterError, "D must be a real, finite number"),
        (QUARTIC, {"values": {"D": 0.1}, "count": True}, ParameterError, "count must be a whole number"),
        (QUARTIC, {"values": {"D": 0.1}, "count": 13}, ParameterError, "from 1 to 12, got 13"),
        (QUARTIC, {"values": {"D": 1e-9}}, AccuracyError, "needs more than 200000 panels"),
        (SDE(-sp.sign(x), 1, [x]), {}, (AccuracyError, NotApplicable), "settled only to a relative error|relax at every rate from 0.25"),
        (SDE(x - x**3, x**2, [x]), {}, NotApplicable, "vanishes at 0"),
    ],
)  # fmt: skip
def test_what_has_no_rate_is_refused_with_the_reason(sde, options, kind, words):
    with pytest.raises(kind, match=words):
        relaxation_rates(sde, **options)
