"""The tail exponent of linear regression: known roots, exact moments at even powers, limits, and what is refused."""

import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.kesten import log_moment, mean_logarithm, tail_exponent
from eyring.theory.results import result

CASES = {c["name"]: c for c in json.loads((Path(__file__).parent.parent / "fixtures" / "reference_cases.json").read_text())}
ROOTS = [name for name in CASES if name.startswith("kesten_beta")]


def even_moment(size, step, order):
    """E(1 - (step/size) chi2)^order, multiplied out in exact fractions."""
    factor, chi, total = Fraction(step) / size, Fraction(1), Fraction(0)
    for m in range(order + 1):
        total += math.comb(order, m) * (-factor) ** m * chi
        chi *= size + 2 * m
    return total


@pytest.mark.parametrize("name", ROOTS)
def test_known_roots_to_thirteen_digits(name):
    """Roots found elsewhere by quadrature at 34 digits; the error stated covers the difference."""
    case = CASES[name]
    found = tail_exponent(batch_size=case["inputs"]["S"], learning_rate_times_curvature=float(case["inputs"]["lam_a"]))
    assert float(found) == pytest.approx(float(case["value"]), rel=1e-13)
    assert abs(float(found) - float(case["value"])) <= 3 * found.error


@pytest.mark.parametrize("name", ["kesten_beta_S4_la0.5", "kesten_beta_S16_la1"])
def test_more_digits_agree_with_the_reference(name):
    """By hypergeometric functions, to the 17 digits that the reference carries."""
    case = CASES[name]
    found = tail_exponent(batch_size=case["inputs"]["S"], learning_rate_times_curvature=float(case["inputs"]["lam_a"]), digits=25)
    assert abs(found.value / mpmath.mpf(case["value"]) - 1) < 1e-16
    assert len(found.text.replace(".", "")) == 25


@settings(max_examples=40)
@given(st.sampled_from([1, 2, 3, 7, 16, 64, 250, 1000]), st.fractions(Fraction(1, 1000), 2, max_denominator=1000), st.sampled_from([2, 4, 6]))
def test_moments_are_exact_at_even_powers(size, step, order):
    """The logarithm of the moment against exact fractions, for batches from 1 to 1000 and steps from 0.001 to 2."""
    exact = even_moment(size, step, order)
    assert log_moment(size, float(step), order) == pytest.approx(math.log(exact), rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("size", [1, 2, 5, 30, 1000])
def test_the_exponent_is_two_at_the_threshold_of_the_variance(size):
    """eta a = 2 S/(S + 2), where the second moment stands still: also the one place where the form in print, 2 S/(eta a) - S, is right."""
    step = Fraction(2 * size, size + 2)
    assert even_moment(size, step, 2) == 1
    assert float(tail_exponent(batch_size=size, learning_rate_times_curvature=step)) == pytest.approx(2, rel=1e-12)
    assert 2 * size / step - size == 2
    half = float(tail_exponent(batch_size=size, learning_rate_times_curvature=step / 2))
    assert abs(half / float(4 * size / step - size) - 1) > 0.01


@pytest.mark.parametrize("size", [1, 3, 20])
def test_small_steps_approach_the_large_deviation_constant(size):
    """beta eta a/S -> 1.79556073833431107; the gap closes by about eta a."""
    limit = float(CASES["kesten_small_lambda_constant"]["value"])
    gaps = [limit - float(tail_exponent(batch_size=size, learning_rate_times_curvature=step)) * step / size for step in (4e-3, 1e-3)]
    assert 0 < gaps[1] < gaps[0] < 0.02
    assert gaps[0] / gaps[1] > 2.5


def test_the_exponent_falls_with_the_step_and_grows_with_the_batch():
    """Larger steps and smaller batches have heavier tails."""
    steps = [float(tail_exponent(batch_size=8, learning_rate_times_curvature=step)) for step in (0.1, 0.5, 1.0, 1.5, 1.9)]
    assert steps == sorted(steps, reverse=True)
    batches = [float(tail_exponent(batch_size=size, learning_rate_times_curvature=0.5)) for size in (1, 2, 8, 64, 1000)]
    assert batches == sorted(batches)


def test_the_limit_of_stability_is_where_the_mean_logarithm_vanishes():
    """For S = 2 the mean of ln|1 - y| is that of an exponential variable: Re of e^-1/c Ei(1/c) at c = eta a; the exponent goes to zero there."""
    for step in (0.3, 1.0, 2.0, 2.6):
        exact = float(-mpmath.exp(-1 / mpmath.mpf(step)) * mpmath.ei(1 / mpmath.mpf(step)))
        assert mean_logarithm(2, step) == pytest.approx(exact, rel=1e-9, abs=1e-12)
    edge = float(mpmath.findroot(lambda c: mpmath.ei(1 / c), 2.6))
    assert float(tail_exponent(batch_size=2, learning_rate_times_curvature=edge - 1e-3)) < 2e-3
    with pytest.raises(NotApplicable, match="walkers run away, and no stationary law exists"):
        tail_exponent(batch_size=2, learning_rate_times_curvature=edge + 1e-3)


def by_quadrature(size, step, near):
    """The root of E|1 - y|^beta = 1 by mpmath's quadrature over chi-squared itself, in 30 digits, cut at the kink and around its peaks."""
    with mpmath.workdps(40):
        k, step, one = mpmath.mpf(size) / 2, mpmath.mpf(step), size / mpmath.mpf(step)
        width = mpmath.sqrt(2 * size)

        def logarithm(power):
            peaks = [one / 2, one, 2 * one, size + 2 * power, size + 4 * power, 4 * (size + 2 * power)]
            around = [p for p in (size - 8 * width, size, size + 8 * width) if p > 0]
            pieces = [mpmath.mpf(0), *sorted({*peaks, *around}), mpmath.inf]
            moment = mpmath.quad(lambda y: abs(1 - step * y / size) ** power * y ** (k - 1) * mpmath.exp(-y / 2), pieces)
            return mpmath.log(moment / (2**k * mpmath.gamma(k)))

        return mpmath.findroot(logarithm, (mpmath.mpf(near), mpmath.mpf(near) * (1 + mpmath.mpf(10) ** -8)), tol=1e-24)


def agrees_with_quadrature(size, share):
    """Compare at this share of the limit of stability, found where the mean logarithm changes its sign."""
    limit = brentq(lambda step: mean_logarithm(size, step), 0.5, 10)
    found = tail_exponent(batch_size=size, learning_rate_times_curvature=share * limit)
    difference = abs(mpmath.mpf(float(found)) / by_quadrature(size, share * limit, float(found)) - 1)
    assert difference < 1.5 * found.relative_error
    assert found.relative_error < 2e-13 + 1e-13 / (1 - share) + 1e-14 / float(found)


@pytest.mark.parametrize(("size", "share"), [(2, 1 - 1e-6), (20, 0.01)])
def test_the_root_is_that_of_a_quadrature_in_thirty_digits(size, share):
    """From a hundredth of the limit of stability to a millionth below it: no more error than stated, nine digits even there."""
    agrees_with_quadrature(size, share)


@pytest.mark.exhaustive
@settings(max_examples=25, deadline=None)
@given(st.sampled_from([2, 3, 5, 8, 20, 60]), st.floats(-6, 6).map(lambda x: 1 / (1 + 10**-x)))
def test_drawn_roots_are_those_of_a_quadrature_in_thirty_digits(size, share):
    """The same anywhere in the admissible range."""
    agrees_with_quadrature(size, share)


@pytest.mark.parametrize("size", [1, 30, 1000])
def test_the_exponent_vanishes_in_proportion_to_the_distance_from_the_limit(size):
    """beta ~ -2 <ln|1 - y|>/Var: a thousandth of the distance has a thousandth of the exponent, down to 1e-9."""
    limit = brentq(lambda step: mean_logarithm(size, step), 0.5, 10)
    far, near = (float(tail_exponent(batch_size=size, learning_rate_times_curvature=limit * (1 - d))) for d in (1e-6, 1e-9))
    assert far / near == pytest.approx(1000, rel=2e-4)


def test_beside_the_limit_no_exponent_is_given():
    """Where rounding of eta a alone moves it by more than a thousandth."""
    limit = float(1 / mpmath.findroot(mpmath.ei, 0.37))
    with pytest.raises(AccuracyError, match="too close to zero for float64"):
        tail_exponent(batch_size=2, learning_rate_times_curvature=limit * (1 - 1e-14))


def test_the_catalogue_moment_is_one_at_the_root():
    """Two roads: the derived formula at the exponent that the sums found."""
    formula = result("kesten-moment").derive().expression
    root = tail_exponent(batch_size=3, learning_rate_times_curvature=Fraction(4, 5))
    values = {"eta": sp.Rational(2, 5), "a": 2, "B": 3, "beta": sp.Float(float(root), 17)}
    point = {s: values[s.name] for s in formula.free_symbols}
    assert abs(formula.subs(point).evalf(15) - 1) < 1e-11


@pytest.mark.parametrize(
    ("size", "step", "error", "message"),
    [
        (0, 0.1, ParameterError, "whole number from 1, got 0"),
        (2.5, 0.1, ParameterError, "whole number from 1, got 2.5"),
        (True, 0.1, ParameterError, "whole number"),
        (2, -0.1, ParameterError, "positive, finite number, got -0.1"),
        (2, float("nan"), ParameterError, "positive, finite number"),
        (2, "much", ParameterError, "positive, finite number, got 'much'"),
        (100, 2.2, NotApplicable, "too large for batches of 100"),
    ],
)
def test_what_is_refused(size, step, error, message):
    """With what was given and what is needed."""
    with pytest.raises(error, match=message):
        tail_exponent(batch_size=size, learning_rate_times_curvature=step)
