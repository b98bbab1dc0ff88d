"""Convergence to Gibbs's law, the ends of escape laws, and what friction and frozen noise do: special behaviours."""

import json
from functools import cache
from pathlib import Path

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.numerics.roads import roads_to
from eyring.theory.dynamics import WhiteNoiseGD
from eyring.theory.landscape import Landscape
from eyring.theory.rare_events.valley import valley_exponent
from eyring.theory.results import result

x, y = sp.symbols("x y", real=True)
CASES = {c["name"]: c for c in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
QUARTIC = {"L_a": -0.25, "L_b": 0.0, "L_c": -0.25, "H_a": 2.0, "H_b": -1.0, "H_c": 2.0}


@cache
def compiled(name):
    """Derive once for all tests."""
    return result(name).derive().compile()


def off(one, other):
    return abs(float(one) / float(other) - 1)


def eigenvalue(**inputs):
    """Return lambda_1 from the reference cases."""
    (found,) = [c for c in CASES.values() if "lambda_1=" in c.get("formula", "") and inputs.items() <= c["inputs"].items()]
    return float(found["value"])


# convergence to Gibbs's law


def test_convergence_takes_the_inverse_of_the_exact_gap():
    """lambda_1 of the quartic well, known to 15 digits: the error falls with the noise, as 3 D/2 for the quartic well."""
    time = compiled("convergence-to-gibbs")
    for D in ("0.05", "0.025", "0.0125"):
        found = time(**QUARTIC, eta=0.1, sigma=1.0, B=0.05 / float(D), err=0.1)
        exact = mpmath.log(10) / eigenvalue(V="x^4/4-x^2/2", D=D)
        assert 0 < float(exact / found) - 1 < 2.2 * float(D)


def test_distance_falls_at_the_rate_of_the_spectral_gap():
    """Another derivation: the Rayleigh quotient here, mean escape times there."""
    gap = result("spectral-gap").derive().expression
    time = result("convergence-to-gibbs").derive().expression
    noise = sp.Symbol("eta", positive=True) * sp.Symbol("sigma", positive=True) ** 2 / (2 * sp.Symbol("B", positive=True))
    rate = gap.subs(sp.Symbol("D", positive=True), noise)
    point = {"L_a": -0.3, "L_b": 0.9, "L_c": -0.1, "H_a": 1.7, "H_b": -0.8, "H_c": 2.9, "eta": 0.1, "sigma": 1.3, "B": 0.7, "err": 0.2}
    numbers = {s: point[s.name] for s in (rate * time).free_symbols}
    assert off((rate * time).subs(numbers), mpmath.log(5)) < 1e-12


@settings(max_examples=20, deadline=None)
@given(mu=st.floats(0.0, 0.9), eta=st.floats(1e-7, 1e-6))
def test_momentum_converges_as_plain_sgd_at_the_effective_learning_rate_when_friction_is_strong(mu, eta):
    """Iterations times eta/(1 - mu) is the time, within eta |H_b|/(1 - mu)^2."""
    step = eta / (1 - mu)
    sigma = (0.1 / step) ** 0.5  # T = 0.05
    rest = {**QUARTIC, "L_c": -0.2, "H_c": 3.0, "sigma": sigma, "B": 1, "err": 0.1}
    heavy = compiled("kinetic-convergence")(**rest, eta=eta, mu=mu) * step
    plain = compiled("convergence-to-gibbs")(**rest, eta=step)
    assert off(heavy, plain) < 2 * eta / (1 - mu) ** 2


def test_convergence_is_exponential_in_batch_size_over_learning_rate():
    """At a doubled B/eta the time is squared, up to the prefactor: ln t grows by 2 Delta L B/(eta sigma^2)."""
    time = compiled("convergence-to-gibbs")
    once, twice = (mpmath.log(time(**QUARTIC, eta=0.1, sigma=0.7, B=B, err=0.1)) for B in (2, 4))
    assert off(twice - once, 2 * 0.25 * 2 / (0.1 * 0.49)) < 1e-10


# ends of laws


def test_turnover_at_low_temperature_is_where_one_orbit_loses_the_temperature():
    """gamma S_1 = T as T -> 0, with the first correction T/(2 S_1 omega_b)."""
    turnover = compiled("turnover-friction")
    for T in (1e-2, 1e-4):
        assert abs(turnover(S_1=4 / 3, T=T, lambda_b=-1.0) * 4 / 3 / T - 1 + 3 * T / 8) < 0.3 * T**2


def test_at_the_turnover_the_escape_takes_about_twice_as_long_as_either_law_says():
    """By the solution for all friction: both laws are upper bounds of the rate."""
    S, T = 4 / 3, 0.05
    gamma = compiled("turnover-friction")(S_1=S, T=T, lambda_b=-1.0)
    slowing = compiled("melnikov-meshkov-single-exit")(gamma=gamma, S_1=S, T=T)
    assert 2 < slowing * gamma * S / T < 2.5


def test_at_the_limit_of_the_finite_step_the_chain_is_off_by_the_fraction():
    """A chain that is sharper at its minimum escapes sooner; err is 1/2 per cent, so that eta^2 << T."""
    loss = Landscape(x**4 / 4 - x**2 / 2, [x])
    start, end = loss.minima()
    eta = compiled("finite-step-rate-limit")(H_a=2.0, H_b=-1.0, err=0.005)
    values = {"T": 0.02, "eta": float(eta)}
    chain = float(exact_chain_time(WhiteNoiseGD(), loss, start=start, target=end, values=values).per_time)
    limit = float(exact_escape_time(WhiteNoiseGD().sde(loss), start=start, target=end, values={"T": 0.02}))
    assert chain / limit - 1 == pytest.approx(-0.005, rel=0.15)


def test_equally_sharp_ends_have_no_limit_of_the_step():
    """The term of first order is absent, and the formula is infinite: it refuses."""
    formula = result("finite-step-rate-limit").derive()
    assert formula.conditions[0].holds({s: v for s, v in zip(formula.parameters, (1.5, -1.5, 0.1), strict=True)}) is False


# frozen noise


def test_walls_do_not_count_for_noise_frozen_at_the_minimum():
    """However steep the walls and however much noise they give across the valley, the exponent is that along it; valley_exponent agrees."""
    eta, B, m = sp.Rational(1, 10), 3, sp.Rational(1, 2)
    exponents = []
    for h in (20, 2000):
        loss = Landscape(x**4 / 4 - x**2 / 2 + sp.Rational(h, 2) * (y - m * x) ** 2, [x, y])
        start, over = loss.locate((-1, -m), role="start"), loss.locate((0, 0), role="over")
        H = start.hessian
        general = float(valley_exponent(loss, eta * H / (2 * B), start=start, over=over).expression)
        own = compiled("frozen-curvature-barrier")(L_a=-0.25, L_b=0.0, H_11=H[0, 0], H_12=H[0, 1], H_22=H[1, 1], m=0.5, eta=0.1, B=3)
        assert off(own, general) < 1e-10
        exponents.append(general)
    assert off(*exponents) < 1e-10
    assert off(exponents[0], 2 * 3 * 0.25 / 0.1 / (2 / 1.25)) < 1e-12  # the curvature per unit of length along the valley is 2/(1 + m^2)


# sensitivities


@settings(max_examples=20, deadline=None)
@given(gamma=st.floats(0.01, 100), bend=st.floats(0.01, 10))
def test_sensitivities_are_the_logarithmic_derivatives_of_the_saddles_growth_rate(gamma, bend):
    """tau ~ sqrt|lambda_b|/lambda_+, lambda_+ the positive root, differentiated numerically in 40 digits."""
    with mpmath.workdps(40):

        def log_time(g, b):
            return mpmath.log(b) / 2 - mpmath.log((mpmath.sqrt(g**2 + 4 * b) - g) / 2)

        g, b = mpmath.mpf(gamma), mpmath.mpf(bend)
        by_friction, by_bend = g * mpmath.diff(log_time, (g, b), (1, 0)), b * mpmath.diff(log_time, (g, b), (0, 1))
    assert off(compiled("kramers-langer-friction")(gamma=gamma, lambda_b=-bend), by_friction) < 1e-10
    assert off(compiled("kramers-langer-sharpness")(gamma=gamma, lambda_b=-bend), by_bend) < 1e-10


@pytest.mark.parametrize("name", ["kramers-langer-sharpness", "kramers-langer-friction", "convergence-to-gibbs", "kinetic-convergence"])
def test_a_few_per_cent_too_much_are_noticed(name):
    """The roads of the limits see 3 per cent."""
    (road,) = roads_to(name)
    assert not road.judge(result(name).derive().expression * sp.Rational(103, 100)).agrees
