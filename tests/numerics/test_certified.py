"""Certified passage times: the ball contains the truth, gets as tight as asked, and widens when terms are left out."""

import random

import mpmath
import pytest
import sympy as sp

from eyring.errors import AccuracyError
from eyring.numerics.exact import exact_escape_time
from eyring.numerics.exact.digits import certified
from eyring.numerics.exact.digits.balls import NotAnalytic, largest_on_disc, series_about, working
from eyring.numerics.exact.digits.certified import certified_passage_time
from eyring.numerics.exact.digits.many_digits import estimated_passage_time
from eyring.theory.landscape import Landscape
from eyring.theory.sde import SDE

flint = pytest.importorskip("flint", reason="certified digits need python-flint: pip install 'eyring[flint]'")
x = sp.Symbol("x", real=True)
LANDSCAPES = 200


def random_well(seed):
    """Return an SDE with rational coefficients (double, single or tilted well; constant or state-dependent noise; any calculus) and a way."""
    draw = random.Random(seed)

    def number(low, high):
        return sp.Rational(round(low * 64 + (high - low) * 64 * draw.random()), 64)

    loss = number(0.1, 1) * x**4 / 4 + number(-1, 1) * x**3 / 6 + number(-2, 2) * x**2 / 2 + number(-0.5, 0.5) * x
    loss += draw.choice([0, number(0.01, 0.1) * x**6])
    noise = number(0.1, 1) * draw.choice([1, 1 + number(0.1, 1) * x**2, 1 / (1 + number(0.1, 1) * x**2), sp.sqrt(1 + x**2)])
    start, target = draw.choice([(number(-2, 0), number(0.5, 2)), (number(0, 2), number(-2, -0.5))])
    return SDE(-sp.diff(loss, x), noise, [x], calculus=draw.choice(["ito", "stratonovich", "anti-ito"])), start, target


def only(seed):
    """Mark the seeds beyond a few as exhaustive: all of them take minutes."""
    return pytest.param(seed, marks=[] if seed % 40 == 0 else pytest.mark.exhaustive)


@pytest.mark.parametrize("seed", [only(s) for s in range(LANDSCAPES)])
def test_the_ball_contains_an_independent_value_of_sixty_digits(seed):
    """Gauss-Legendre panels at 60 digits lie inside the certified ball of 40; noise with a root has a tail that is not bounded here."""
    sde, start, target = random_well(seed)
    judge = estimated_passage_time(sde, start, target, {}, 60)
    if sde.diffusion.has(sp.sqrt(1 + x**2)):
        with pytest.raises(NotAnalytic, match="the tail is bounded where"):
            certified_passage_time(sde, start, (target,), {}, 40)
        return
    ball = certified_passage_time(sde, start, (target,), {}, 40)
    assert ball.certified
    assert ball.relative_error < 1e-40
    with mpmath.workdps(90):
        slack = judge.value * judge.relative_error
        assert ball.lower - slack <= judge.value <= ball.upper + slack


@pytest.mark.parametrize("seed", range(0, LANDSCAPES, 10))
def test_leaving_out_terms_widens_the_ball_and_never_makes_it_wrong(seed):
    """A coarse ball contains the fine one, and is wider."""
    sde, start, target = random_well(seed)
    if sde.diffusion.has(sp.sqrt(1 + x**2)):
        sde = SDE(sde.drift, sp.Rational(1, 3), [x])
    fine = certified_passage_time(sde, start, (target,), {}, 30)
    widths = []
    for terms in (18, 26, 40):
        coarse = certified_passage_time(sde, start, (target,), {}, 30, terms=terms)
        assert coarse.lower <= fine.lower <= fine.upper <= coarse.upper
        widths.append(coarse.relative_error)
    assert widths[0] > 50 * widths[1] > 50 * 50 * widths[2] > 0


def test_a_hundred_digits_and_what_they_are_worth():
    """The reference value's 18 digits; more digits only extend fewer; iterations are converted without losing any."""
    eta = sp.Symbol("eta", positive=True)
    sde = SDE(x - x**3, eta / 6, [x], clock=eta)
    hundred, thirty = (exact_escape_time(sde, start=-1, target=1, values={eta: 0.3}, digits=n) for n in (100, 30))
    assert hundred.certified
    assert hundred.text.startswith("729.670691942322799"[:-1])
    assert thirty.lower < hundred.value < thirty.upper
    with mpmath.workdps(120):
        assert abs(hundred.per_iteration.value * 3 / 10 / hundred.value - 1) < mpmath.mpf(10) ** -100
    assert "(certified)" in str(hundred)


def test_deep_wells_and_noise_frozen_in_pieces():
    """tau = 1e44 with T = 1/400; D that changes at -1/2: against mpmath's panels."""
    for noise in (sp.Rational(1, 400), sp.Piecewise((sp.Rational(1, 10), x < sp.Rational(-1, 2)), (sp.Rational(1, 20), True))):
        sde = SDE(x - x**3, noise, [x])
        ball, judge = certified_passage_time(sde, -1, (1,), {}, 25), estimated_passage_time(sde, -1, 1, {}, 25)
        assert abs(judge.value / ball.value - 1) < 1e-24


def test_what_cannot_be_bounded_is_estimated_and_says_so():
    """A tail that is no ratio of polynomials: mpmath, not certified."""
    tau = exact_escape_time(SDE(-sp.sinh(x), 1, [x]), start=0, target=1, digits=20)
    assert not tau.certified
    assert "certified" not in str(tau)


def test_too_few_terms_are_an_error_not_a_wrong_digit(monkeypatch):
    """With the number of attempts cut, a ball wider than asked is refused, and the refusal shows it."""
    monkeypatch.setattr(certified, "REACH", 2)
    monkeypatch.setattr(certified, "ATTEMPTS", 1)
    with pytest.raises(AccuracyError, match="40 certified digits were asked for"):
        certified_passage_time(SDE(x - x**3, sp.Rational(1, 5), [x]), -1, (1,), {}, 40)


def test_poles_and_branch_points_are_seen():
    """1/(1 + x^2) on a disc that holds i; a root of what may be negative."""
    with working(100, 10), pytest.raises(NotAnalytic, match="pole"):
        largest_on_disc(1 / (1 + x**2), x, flint.arb(0), flint.arb(2))
    with working(100, 10):
        assert 1.19 < float(largest_on_disc(1 / (1 + x**2), x, flint.arb(0), flint.arb("0.4"))) < 3
        with pytest.raises(NotAnalytic, match="zero or negative"):
            largest_on_disc(sp.sqrt(x), x, flint.arb("0.5"), flint.arb(1))
        series = series_about(sp.exp(-x) * sp.cos(x), x, flint.arb("0.3"))
        third = sp.diff(sp.exp(-x) * sp.cos(x), x, 3).subs(x, sp.Rational(3, 10)) / 6
        assert abs(float(series[3]) - float(third)) < 1e-15


def test_a_critical_point_known_to_thirty_digits_is_polished_not_taken_for_exact():
    """The stored root is good to 30 digits; fifty digits of the time agree with those from a root found to ninety."""
    loss = Landscape(x**6 / 6 - x**2 / 2 + x**3 / 20, [x])
    sde = SDE(-loss.gradient[0], sp.Rational(1, 20), [x])
    low, high = loss.minima()
    ball = exact_escape_time(sde, start=high, target=low, digits=50)
    with mpmath.workdps(90):
        roots = sp.Poly(loss.gradient[0], x).nroots(n=90)
        first, last = (min(roots, key=lambda r: abs(r - sp.N(p.position[0], 90))) for p in (high, low))
    judge = certified_passage_time(sde, sp.re(first), (sp.re(last),), {}, 50)
    assert ball.certified
    assert ball.relative_error < 1e-50
    assert ball.lower <= judge.upper
    assert judge.lower <= ball.upper


def test_a_start_known_to_thirty_digits_that_is_no_root_widens_the_ball():
    """Nothing is claimed beyond the digits of what was given: 40 digits are refused, 25 are certified."""
    sde, start = SDE(x - x**3, sp.Rational(1, 20), [x]), sp.Float("-0.123456789012345678901234567890", 30)
    assert certified_passage_time(sde, start, (1,), {}, 25).relative_error < 1e-25
    with pytest.raises(AccuracyError, match="40 certified digits"):
        certified_passage_time(sde, start, (1,), {}, 40)
