"""Relaxation rates, against reference eigenvalues, spectra known in closed form, and a finite-difference Schroedinger operator."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import eigh_tridiagonal

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_escape_time, relaxation_rates
from eyring.theory.dynamics import SGD, MomentumSGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance, Isotropic
from eyring.theory.sde import SDE

x, v, y = sp.symbols("x v y", real=True)
D = sp.Symbol("D", positive=True)
CASES = {case["name"]: case for case in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
QUARTIC = SDE(x - x**3, D, [x])


def kinetic(friction, temperature, force=x - x**3):
    gamma, T = sp.Rational(str(friction)), sp.Rational(str(temperature))
    return SDE([v, force - gamma * v], [[0, 0], [0, gamma * T]], [x, v])


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("fp_gap")])
def test_the_gap_of_the_quartic_agrees_with_the_reference_to_thirteen_digits(name):
    (gap,) = relaxation_rates(QUARTIC, values={D: float(CASES[name]["inputs"]["D"])})
    wrong = abs(gap.value / float(CASES[name]["value"]) - 1)
    assert wrong < 1e-13
    assert wrong <= gap.relative_error
    assert gap.unit == "1/time"


@pytest.mark.parametrize("diffusion", [0.001, 0.3, 50.0])
def test_a_harmonic_well_relaxes_at_multiples_of_its_curvature(diffusion):
    rates = relaxation_rates(SDE(-3 * x, diffusion, [x]), count=5)
    assert [rate.value for rate in rates] == pytest.approx([3, 6, 9, 12, 15], rel=1e-12)


def test_noise_growing_with_distance_slows_the_second_mode_only():
    """dx = -x dt + sqrt(2 d (1+x^2)) dW keeps polynomials of degree n: rates n - n (n-1) d."""
    rates = relaxation_rates(SDE(-x, (1 + x**2) / 10, [x]), count=2)
    assert [rate.value for rate in rates] == pytest.approx([1, 1.8], rel=1e-10)


@pytest.mark.parametrize("calculus", ["stratonovich", "anti-ito"])
def test_a_calculus_relaxes_like_its_ito_form(calculus):
    sde = SDE(x - x**3, (2 + sp.sin(x)) / 40, [x], calculus=calculus)
    assert relaxation_rates(sde)[0].value == pytest.approx(relaxation_rates(sde.ito())[0].value, rel=1e-13)


def test_the_gap_is_twice_the_escape_rate_up_to_the_relaxation_inside_a_well():
    """tau - 2/lambda_1 = 9.2 at D = 0.05, of order ln(1/D)."""
    (gap,) = relaxation_rates(QUARTIC, values={D: 0.05})
    tau = exact_escape_time(QUARTIC, start=-1, target=1, values={D: 0.05})
    assert tau.value - 2 / gap.value == pytest.approx(729.6707 - 720.4246, abs=1e-4)


def test_a_barrier_of_five_thousand_keeps_its_digits():
    values = {D: 0.25 / 5000}
    (gap,) = relaxation_rates(QUARTIC, values=values)
    tau = exact_escape_time(QUARTIC, start=-1, target=1, values=values)
    assert gap.log + tau.log == pytest.approx(math.log(2), abs=2e-11)
    with pytest.raises(OverflowError, match="too small"):
        _ = gap.value


@pytest.mark.parametrize("diffusion", [0.05, 0.02, 0.01])
def test_faster_modes_of_two_unequal_wells_agree_with_a_schroedinger_operator_on_a_grid(diffusion):
    """-D u'' + (V'^2/(4 D) - V''/2) u, second differences at two spacings, extrapolated; the third mode sits on the barrier."""
    found = []
    for n in (3000, 6000):
        grid, step = np.linspace(-2.2, 2.2, n, retstep=True)
        force = grid - grid**3 - 0.1
        potential = force**2 / (4 * diffusion) + (1 - 3 * grid**2) / 2
        diagonal, beside = 2 * diffusion / step**2 + potential, np.full(n - 1, -diffusion / step**2)
        found.append(eigh_tridiagonal(diagonal, beside, select="i", select_range=(2, 3), eigvals_only=True))
    known = (4 * found[1] - found[0]) / 3
    rates = relaxation_rates(SDE(x - x**3 - sp.Rational(1, 10), D, [x]), values={D: diffusion}, count=3)
    assert [rate.value for rate in rates[1:]] == pytest.approx(known, rel=1e-7)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("underdamped_lam1") and not name.endswith("_g0.1")])
def test_the_kinetic_equation_agrees_with_the_reference(name):
    """The reference at gamma = 0.3 carries nine digits, the last uncertain; the others twelve."""
    given = CASES[name]["inputs"]
    (gap,) = relaxation_rates(kinetic(given["gamma"], given["T"]))
    assert gap.value == pytest.approx(float(CASES[name]["value"]), rel=3e-8 if given["gamma"] < 1 else 1e-11)
    assert gap.relative_error < 2e-11


@pytest.mark.long
def test_a_friction_too_small_for_the_solver_is_refused():
    with pytest.raises(AccuracyError, match="too small for this solver"):
        relaxation_rates(kinetic("0.001", "0.05"))


@pytest.mark.exhaustive
def test_at_friction_one_tenth_the_kinetic_gap_is_settled_beyond_the_fourth_digit_of_the_reference():
    """The reference carries the first four digits of 1.4919454e-3; the solver moves by less than 1e-10 between two bases."""
    (gap,) = relaxation_rates(kinetic(0.1, 0.05))
    assert gap.relative_error < 1e-10
    assert gap.value == pytest.approx(1.4919454e-3, rel=3e-8)
    assert gap.value == pytest.approx(float(CASES["underdamped_lam1_T0.05_g0.1"]["value"]), rel=3e-5)


def test_a_harmonic_well_with_momentum_relaxes_at_sums_of_its_two_roots():
    """Rates n lambda_- + m lambda_+ with lambda_-+ = (gamma -+ sqrt(gamma^2 - 4 h))/2, at gamma = 1, h = 1/10."""
    slow = float(CASES["underdamped_OU_gap"]["value"])
    rates = [rate.value for rate in relaxation_rates(kinetic(1, 0.3, -x / 10), count=4)]
    assert rates == pytest.approx([slow, 2 * slow, 3 * slow, 4 * slow], rel=1e-11)
    swinging = relaxation_rates(kinetic(1, 0.3, -x), count=2)
    assert [rate.value for rate in swinging] == pytest.approx([0.5, 0.5], rel=1e-11)


def test_strong_friction_recovers_the_overdamped_gap():
    """gamma lambda_kinetic/lambda = 1 - O(1/gamma^2): the correction falls by 4 when the friction doubles."""
    gap = float(CASES["fp_gap_quartic_D0.05"]["value"])
    missing = [1 - relaxation_rates(kinetic(gamma, 0.05))[0].value * gamma / gap for gamma in (20, 40)]
    assert missing[0] == pytest.approx(1 / 400, rel=0.5)
    assert missing[0] / missing[1] == pytest.approx(4, abs=0.05)


def test_the_kinetic_structure_is_found_in_the_sde_of_momentum():
    """eta = 0.04, mu = 0.8 give friction 1; C = 2 (1-mu) T/eta with T = 0.05."""
    loss = Landscape(x**4 / 4 - x**2 / 2, [x])
    sde = MomentumSGD(learning_rate=0.04, momentum=0.8).sde(loss, Covariance(sp.Rational(1, 2)))
    (gap,) = relaxation_rates(sde)
    assert gap.value == pytest.approx(float(CASES["underdamped_lam1_T0.05_g1"]["value"]), rel=1e-11)
    assert gap.per_iteration.value == pytest.approx(gap.value * 0.2)


def test_arrays_of_values_broadcast():
    (gap,) = relaxation_rates(QUARTIC, values={"D": np.array([0.1, 0.05])})
    assert gap.value == pytest.approx([0.0335452873080006109, 0.00277614063657272552], rel=1e-13)


@pytest.mark.parametrize(
    ("sde", "options", "kind", "words"),
    [
        (QUARTIC, {}, ParameterError, "missing: D"),
        (QUARTIC, {"values": {"D": 0.05}, "count": 0}, ParameterError, "count must be a whole number from 1 to 12"),
        (SDE(x, 1, [x]), {}, NotApplicable, "no point of rest"),
        (SDE(1 - x**2, 1, [x]), {}, NotApplicable, "no confinement"),
        (SDE(x - x**3, sp.Abs(3 * x**2 - 1), [x]), {}, NotApplicable, "vanishes at"),
        (SDE([-x, -y], sp.ones(2, 2), [x, y]), {}, NotApplicable, "not the kinetic equation.*simulate_escapes"),
        (SDE([v, -x - v], [[0, 0], [0, 1 + x**2]], [x, v]), {}, NotApplicable, "not the kinetic equation"),
        (SDE([v, -x + v], [[0, 0], [0, 1]], [x, v]), {}, ParameterError, "friction and temperature must be positive"),
    ],
)  # fmt: skip
def test_what_has_no_spectrum_is_refused_with_the_reason(sde, options, kind, words):
    with pytest.raises(kind, match=words):
        relaxation_rates(sde, **options)


def test_an_optimizer_that_overshoots_relaxes_at_no_rate():
    """eta L'' = 6 at both minima."""
    sde = SGD(learning_rate=3, batch_size=1).sde(Landscape(x**4 / 4 - x**2 / 2, [x]), Isotropic())
    with pytest.raises(NotApplicable, match="unstable at the minimum at -1: the curvature there is 2"):
        relaxation_rates(sde, values={"sigma": 1})
    with pytest.raises(NotApplicable, match="unstable at the minimum at -1"):
        relaxation_rates(sde, values={"sigma": [0.5, 1.0]})
