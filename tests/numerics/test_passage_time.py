"""The exact mean first-passage time, against numbers had by other roads."""

import json
import math
import time
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.answer import Estimate, Number
from eyring.numerics.exact import exact_escape_time
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.landscapes import double_well
from eyring.theory.noise import Hessian, Isotropic
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
D = sp.Symbol("D", positive=True)
QUARTIC = x**4 / 4 - x**2 / 2
CASES = {case["name"]: case for case in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
ONE_DIMENSIONAL = [name for name in CASES if name.startswith(("mfpt_", "multiplicative_", "xie_", "mori_"))]


def quartic(diffusion=D, **options):
    return SDE(x - x**3, diffusion, [x], **options)


def reference_problem(name):
    given = {key: str(value) for key, value in CASES[name]["inputs"].items()}
    start, target = -1, 1
    if name.startswith("mfpt"):
        tilt = sp.Rational(given["c"])
        loss, diffusion = QUARTIC + tilt * x, sp.Rational(given["D"])
        if tilt:
            start, _, target = sorted(sp.Poly(sp.diff(loss, x), x).nroots(n=30))
        return SDE(-sp.diff(loss, x), diffusion, [x]), start, target
    if name.startswith("xie"):
        ratio, switch = sp.Rational(given["eta_over_2B"]), sp.Rational(given["c"])
        return quartic(sp.Piecewise((2 * ratio, x < switch), (ratio, True))), start, target
    if name.startswith("multiplicative"):
        return quartic(sp.Rational(1, 50) * (1 + x**2 / 2), calculus=given["convention"].replace("_", "-")), start, target
    loss = QUARTIC + sp.Rational(1, 4) + sp.Rational(given["L0"])
    return SDE(-sp.diff(loss, x), loss / 10, [x]), start, target


@pytest.mark.parametrize("name", ONE_DIMENSIONAL)
def test_every_one_dimensional_reference_case_comes_out_to_thirteen_digits_and_its_error_is_honest(name):
    sde, start, target = reference_problem(name)
    tau = exact_escape_time(sde, start=start, target=target)
    wrong = abs(tau.value / float(CASES[name]["value"]) - 1)
    assert wrong < 1e-13
    assert wrong <= tau.relative_error < 1e-12
    assert tau.unit == "time"


@pytest.mark.parametrize("name", ["mfpt_quartic_c0.1_D0.05", "xie_piecewiseD_c-0.7_r0.02", "multiplicative_stratonovich", "mori_powerlaw_L00.2_T0.1"])
def test_the_mirror_image_takes_the_same_time(name):
    sde, start, target = reference_problem(name)
    mirrored = SDE(-sde.drift.subs(x, -x), sde.diffusion.subs(x, -x), [x], calculus=sde.calculus)
    there = exact_escape_time(sde, start=start, target=target).value
    assert exact_escape_time(mirrored, start=-start, target=-target).value == pytest.approx(there, rel=1e-13)


def test_a_harmonic_well_follows_siegerts_integral():
    """tau = sqrt(pi/2) int_a^b e^{u^2/2} (1 + erf(u/sqrt 2)) du for dx = -x dt + sqrt(2) dW (Siegert 1951), by mpmath."""
    with mpmath.workdps(25):
        known = mpmath.sqrt(mpmath.pi / 2) * mpmath.quad(lambda u: mpmath.exp(u * u / 2) * (1 + mpmath.erf(u / mpmath.sqrt(2))), [-1, 0, 2])
    assert exact_escape_time(SDE(-x, 1, [x]), start=-1, target=2).value == pytest.approx(float(known), rel=1e-14)


def test_thirty_digits_between_irrational_points_follow_siegerts_integral():
    with mpmath.workdps(45):
        known = mpmath.sqrt(mpmath.pi / 2) * mpmath.quad(
            lambda u: mpmath.exp(u * u / 2) * (1 + mpmath.erf(u / mpmath.sqrt(2))), [-mpmath.sqrt(2), 0, mpmath.sqrt(3)]
        )
        tau = exact_escape_time(SDE(-x, 1, [x]), start=-sp.sqrt(2), target=sp.sqrt(3), digits=30)
        assert abs(tau.value / known - 1) < mpmath.mpf(10) ** -30


@pytest.mark.parametrize("factor", [0.01, 7.0, 300.0])
def test_a_loss_and_a_noise_both_c_times_larger_run_c_times_faster(factor):
    fast = SDE(factor * (x - x**3), factor * sp.Float(0.05), [x])
    assert exact_escape_time(fast, start=-1, target=1).value * factor == pytest.approx(729.670691942322799, rel=1e-13)


@pytest.mark.parametrize("width", [0.001, 40.0, 1e5])
def test_lengths_s_times_longer_take_s_squared_longer(width):
    s = sp.Float(width)
    stretched = SDE((x / s - (x / s) ** 3) / s, 0.05, [x])
    assert exact_escape_time(stretched, start=-width, target=width).value / width**2 == pytest.approx(729.670691942322799, rel=1e-12)


@pytest.mark.parametrize("ratio", [20, 40, 80])
def test_the_double_well_exceeds_kramers_by_three_eighths_of_the_noise_over_the_barrier(ratio):
    """L = h (x^2-1)^2: both Gaussian integrals give 3/16, the rest is O((D/h)^2)."""
    loss = double_well()
    tau = exact_escape_time(SDE(-loss.gradient[0], sp.Rational(1, ratio), [x]), start=-1, target=1)
    kramers = ratio + math.log(2 * math.pi / math.sqrt(8 * 4))
    excess = math.expm1(tau.log - kramers) * ratio
    assert 3 / 8 < excess < 3 / 8 + 0.8 / ratio


@pytest.mark.parametrize("calculus", ["stratonovich", "anti-ito"])
def test_a_calculus_agrees_with_its_ito_form(calculus):
    sde = quartic(sp.Rational(3, 100) * (1 + x**2 + sp.sin(x)), calculus=calculus)
    assert exact_escape_time(sde, start=-1, target=1).value == pytest.approx(exact_escape_time(sde.ito(), start=-1, target=1).value, rel=1e-13)


@pytest.mark.parametrize(("calculus", "prefactor"), [("ito", sp.pi), ("stratonovich", sp.sqrt(2) * sp.pi), ("anti-ito", 2 * sp.pi)])
def test_noise_frozen_at_the_minimum_and_then_at_the_saddle_has_its_prefactor_in_each_calculus(calculus, prefactor):
    """2 pi (D_b/D_a)^{1/2-q} / sqrt(H_a |H_b|): 2 pi/H_a, 2 pi/sqrt(H_a |H_b|), 2 pi/|H_b| with H_a = 2, H_b = -1; measured excess 1.17 % at r = 0.005."""
    r = sp.Rational(1, 200)
    sde = quartic(sp.Piecewise((2 * r, x < -sp.Rational(1, 2)), (r, True)), calculus=calculus)
    share = sp.Rational(9, 16)  # of the barrier 1/4 is climbed before the switch
    exponent = (share / 2 + (1 - share)) / (4 * r)
    excess = math.expm1(exact_escape_time(sde, start=-1, target=1).log - float(exponent) - math.log(float(prefactor)))
    assert excess == pytest.approx(0.0117, abs=0.0008)


@pytest.mark.parametrize(("floor", "known"), [("0.3", 3.3e3), ("0.1", 2.1e5), ("0.03", 3.3e7), ("0.001", 1.1e14)])
def test_noise_that_nearly_vanishes_at_the_inflection_point_holds_the_walker_back(floor, known):
    sde = quartic(sp.Rational(1, 20) * (sp.Abs(3 * x**2 - 1) + sp.Rational(floor)))
    assert exact_escape_time(sde, start=-1, target=1).value == pytest.approx(known, rel=0.05)


def test_hessian_noise_with_a_switch_point_is_allowed_and_so_is_a_critical_point():
    loss = Landscape(QUARTIC, [x])
    noise = Hessian(switch=-0.5).covariance(loss, batch_size=sp.Integer(1))[0, 0]
    sde = SDE(-loss.gradient[0], noise * sp.Rational(2, 100), [x])
    left, right = loss.minima()
    assert exact_escape_time(sde, start=left, target=right).value == pytest.approx(26465.0809539409362, rel=1e-13)


def test_a_logarithm_of_five_thousand_is_held_where_the_value_overflows():
    """ln tau = Delta V/D + ln(2 pi/sqrt 2) + ln(1 + 3 D/2 + O(D^2)) at D = 1/20000."""
    tau = exact_escape_time(quartic(), start=-1, target=1, values={"D": 0.25 / 5000})
    assert tau.log == pytest.approx(5000 + math.log(math.sqrt(2) * math.pi) + 1.5 * 0.25 / 5000, abs=2e-8)
    assert tau.relative_error < 1e-10
    with pytest.raises(OverflowError, match=r"natural logarithm is 5001\.49.*read \.log"):
        _ = tau.value


def test_forty_digits_agree_with_the_reference_and_with_sixty():
    forty = exact_escape_time(quartic(), start=-1, target=1, values={D: 0.05}, digits=40)
    sixty = exact_escape_time(quartic(sp.Rational(1, 20)), start=-1, target=1, digits=60)
    with mpmath.workdps(60):
        assert abs(forty.value / sixty.value - 1) < mpmath.mpf(10) ** -40
        assert abs(sixty.value / mpmath.mpf("729.670691942322799") - 1) < mpmath.mpf(10) ** -17
    assert forty.text == "729.6706919423227988185421267004392742842"


@pytest.mark.parametrize(
    "diffusion", [sp.Piecewise((sp.Rational(1, 25), x**2 < sp.Rational(1, 3)), (sp.Rational(1, 50), True)), (1 + sp.Abs(3 * x**2 - 1)) / 20]
)
def test_points_that_no_float_can_hold_cost_no_digits(diffusion):
    """Noise that changes at 1/sqrt(3), and a start at the root of x^3 - x + 1/10: 24 digits agree with 36."""
    start = sorted(sp.Poly(x**3 - x + sp.Rational(1, 10), x).nroots(n=60))[0]
    sde = SDE(x - x**3 - sp.Rational(1, 10), diffusion, [x])
    fewer, more = (exact_escape_time(sde, start=start, target=sp.sqrt(2) / 2, digits=n).value for n in (24, 36))
    with mpmath.workdps(50):
        assert abs(fewer / more - 1) < mpmath.mpf(10) ** -24


@pytest.mark.parametrize("name", ["xie_piecewiseD_c-0.7_r0.02", "multiplicative_anti_ito", "mori_powerlaw_L00.05_T0.1", "mfpt_quartic_c0.1_D0.0125"])
def test_twenty_five_digits_reproduce_all_digits_of_the_reference(name):
    sde, start, target = reference_problem(name)
    with mpmath.workdps(30):
        tau = exact_escape_time(sde, start=start, target=target, digits=25)
        assert abs(tau.value / mpmath.mpf(CASES[name]["value"]) - 1) < mpmath.mpf(10) ** -17


def test_arrays_of_values_broadcast():
    a = sp.Symbol("a", positive=True)
    sde = SDE(a * x - x**3, D, [x])
    grid = exact_escape_time(sde, start=-1, target=1, values={"a": np.array([[1.0], [1.2]]), D: [0.05, 0.1, 0.2]})
    assert grid.value.shape == grid.log.shape == (2, 3)
    one = exact_escape_time(sde, start=-1, target=1, values={a: 1.2, D: 0.1})
    assert grid.value[1, 1] == one.value
    assert grid.value[0, 0] == pytest.approx(729.670691942322799, rel=1e-13)


def test_the_clock_converts_between_time_and_iterations():
    eta = sp.Symbol("eta", positive=True)
    sde = quartic(eta / 2, clock=eta)
    tau = exact_escape_time(sde, start=-1, target=1, values={eta: 0.1})
    assert float(tau.per_iteration) == pytest.approx(7296.70691942322799, rel=1e-13)
    assert tau.per_iteration.unit == "iterations"
    assert float(tau.per_iteration.per_time) == pytest.approx(tau.value)
    many = exact_escape_time(sde, start=-1, target=1, values={eta: 0.1}, digits=30)
    assert mpmath.nstr(many.per_iteration.value, 25) == "7296.706919423227988185421"
    unknown = exact_escape_time(quartic(clock=eta), start=-1, target=1, values={D: 0.05})
    with pytest.raises(ParameterError, match="clock"):
        _ = unknown.per_iteration


def test_a_warm_call_takes_a_few_milliseconds():
    sde = quartic()
    spent = []
    for _ in range(15):
        begin = time.perf_counter()
        exact_escape_time(sde, start=-1, target=1, values={D: 0.05})
        spent.append(time.perf_counter() - begin)
    assert min(spent) < 0.015


def test_noise_that_grows_outwards_leaves_a_power_law_tail_that_is_integrated_whole():
    """dx = -x dt + sqrt(2 d (1+x^2)) dW: m ~ (1+x^2)^{-1-1/(2d)}; at d = 1/2 the inner integral is known, tau = int (1+y^2)(pi/2 + atan y + y/(1+y^2)) dy."""
    with mpmath.workdps(20):
        known = mpmath.quad(lambda y: (1 + y * y) * (mpmath.pi / 2 + mpmath.atan(y) + y / (1 + y * y)), [0, 1])
    assert exact_escape_time(SDE(-x, (1 + x**2) / 2, [x]), start=0, target=1).value == pytest.approx(float(known), rel=1e-12)


@pytest.mark.parametrize(
    ("sde", "options", "kind", "words"),
    [
        (quartic(), {"values": {}}, ParameterError, "takes values for D; missing: D"),
        (quartic(), {"values": {"D": 0.05, "temp": 1}}, ParameterError, "unknown: temp"),
        (quartic(), {"values": {"D": math.nan}}, ParameterError, "D must be a real, finite number, got nan"),
        (quartic(), {"values": {"D": 1j}}, ParameterError, "D must be a real, finite number"),
        (quartic(), {"values": {"D": "0.05"}}, ParameterError, "D must be a real, finite number"),
        (quartic(), {"values": {"D": -0.05}}, ParameterError, "D must be positive on the way"),
        (quartic(), {"values": {"D": 0}}, ParameterError, "without noise"),
        (quartic(0), {}, NotApplicable, "without noise"),
        (quartic(0.05), {"target": -1}, ParameterError, "same point"),
        (quartic(0.05), {"start": math.nan}, ParameterError, "start must be a real, finite number"),
        (quartic(0.05), {"start": "-1"}, ParameterError, "got the text '-1'"),
        (quartic(0.05), {"start": (-1, 0)}, ParameterError, "has 2 coordinates"),
        (quartic(0.05), {"digits": 16.5}, ParameterError, "digits must be a whole number"),
        (quartic(), {"digits": 30, "values": {"D": [0.05, 0.1]}}, ParameterError, "one point at a time"),
        (SDE(1 - x**2, 0.05, [x]), {"start": 1, "target": 2}, NotApplicable, "no confinement"),
        (SDE(x**3 - x, 0.05, [x]), {"start": 0, "target": 0.5}, NotApplicable, "does not bring it back"),
        (SDE(-sp.sin(x), 0.05, [x]), {"start": 0, "target": 6}, NotApplicable, "no confinement"),
        (quartic(sp.Abs(3 * x**2 - 1) / 50), {}, NotApplicable, r"vanishes at -0\.577350269.*Hessian\(switch=c\).*FiniteSum"),
        (quartic(x**2 / 50), {}, NotApplicable, "vanishes at 0"),
        (SDE(1 / x - x, 0.05, [x]), {}, ParameterError, "drift must be finite on the way from start to target; at 0"),
        (quartic(1e-9), {}, AccuracyError, "relative error of 3e-07 .its logarithm is 2.5e.08.*noise is so weak"),
        (SDE([-x, -D], sp.eye(2), [x, D]), {}, NotApplicable, "2 .*simulate_escapes"),
        (SDE(x - x**3 + sp.sin(1000000 * x), 0.05, [x]), {}, AccuracyError, "settled only|panels"),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_with_the_reason(sde, options, kind, words):
    with pytest.raises(kind, match=words):
        exact_escape_time(sde, **{"start": -1, "target": 1, **options})


def test_digits_that_do_not_settle_are_not_given(monkeypatch):
    monkeypatch.setattr("eyring.numerics.exact.digits.many_digits.MOST_EDGES", 1)
    with pytest.raises(AccuracyError, match=r"30 digits were asked for.*ask for fewer"):
        exact_escape_time(SDE(-sp.sinh(x), 1, [x]), start=-1, target=1, digits=30)  # its tail is beyond certified digits


def test_every_refusal_is_an_eyring_error():
    assert all(issubclass(kind, EyringError) for kind in (NotApplicable, ParameterError, AccuracyError))


def test_a_number_says_its_value_error_and_unit():
    tau = Number.of(200.0, error=1e-6, unit="time", clock=0.5)
    assert (float(tau), tau.error, tau.unit) == (200.0, pytest.approx(1e-6), "time")
    assert str(tau) == "200 units of time, relative error 5e-09"
    rate = Number.of(0.02, error=1e-6, unit="1/time", clock=0.5)
    assert (float(rate.per_iteration), rate.per_iteration.unit) == (0.01, "1/iteration")
    assert np.asarray(tau) == 200.0
    with pytest.raises(ParameterError, match="no counterpart"):
        _ = Number.of(1.0, error=0.1, unit="length", clock=1.0).per_time


def test_an_estimate_converts_like_a_number():
    estimate = Estimate(200.0, 190.0, 212.0, 400, "test", "iterations", clock=0.1)
    assert (estimate.per_time.value, estimate.per_time.low, estimate.per_time.unit) == (pytest.approx(20.0), pytest.approx(19.0), "time")
    assert estimate.relative_half_width == pytest.approx(11 / 200)
    assert float(estimate) == 200.0


@pytest.mark.parametrize("digits", [15, 20])
@pytest.mark.parametrize("start", [-1, -0.8])
def test_an_optimizer_that_overshoots_its_minimum_has_no_exact_time(digits, start):
    """eta L'' = 3 * 2 = 6 at the minimum of the start, wherever in that well the walker begins; the same SDE by hand is computed."""
    sde = SGD(learning_rate=3, batch_size=1).sde(Landscape(QUARTIC, [x]), Isotropic())
    with pytest.raises(NotApplicable, match="unstable at the minimum of the start: the curvature there is 2, and its steps overshoot"):
        exact_escape_time(sde, start=start, target=1, values={"sigma": 1}, digits=digits)
    by_hand = SDE(sde.drift, sde.diffusion, sde.coordinates)
    assert exact_escape_time(by_hand, start=start, target=1, values={"sigma": 1}).value > 0


def test_only_the_well_of_the_start_must_be_stable():
    """Curvatures 2 and beyond: with eta = 0.9 the optimizer is stable, eta L'' = 1.8; with eta = 1 it is not."""
    for rate, stable in ((0.9, True), (1, False)):
        sde = SGD(learning_rate=rate, batch_size=1).sde(Landscape(QUARTIC, [x]), Isotropic())
        if stable:
            assert exact_escape_time(sde, start=-1, target=1, values={"sigma": 1}).value > 0
        else:
            with pytest.raises(NotApplicable, match="unstable"):
                exact_escape_time(sde, start=-1, target=1, values={"sigma": 1})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": None}, "start must be a real, finite number or a critical point, got None"),
        ({"target": None}, "target must be a real, finite number or a critical point, got None"),
        ({"values": {"D": None}}, "D must be a real, finite number, got None"),
        ({"values": {"D": object()}}, "D must be a real, finite number"),
        ({"values": [("D", 0.1)]}, "values must give numbers by name or symbol"),
    ],
)
def test_what_is_no_number_is_refused_by_name(given, message):
    with pytest.raises(ParameterError, match=message):
        exact_escape_time(quartic(), **({"start": -1, "target": 1, "values": {"D": 0.1}} | given))


def test_an_array_of_times_is_no_single_float_and_reads_like_its_print():
    times = exact_escape_time(quartic(), start=-1, target=1, values={"D": [0.1, 0.2]})
    with pytest.raises(TypeError, match="holds 2 values, not one"):
        float(times)
    assert repr(times) == str(times)
    assert repr(Estimate(1.0, 0.9, 1.1, 9, "seen", "time")) == "1 [0.9, 1.1] units of time (95 %, 9 events; seen)"
