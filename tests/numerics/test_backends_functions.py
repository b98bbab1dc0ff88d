"""What single backends know and refuse: torch's Bessel functions and gradients, the digits and inputs of certified numbers."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.compiled import compile_formula
from eyring.theory import symbols as s

a = sp.Symbol("a", positive=True)
x = sp.Symbol("x", real=True)
T, L_a, L_b, H_a, H_b, gamma = s.temperature, s.loss_min, s.loss_saddle, s.curvature_min, s.curvature_saddle, s.friction
KRAMERS_LANGER = 2 * sp.pi / (sp.sqrt(gamma**2 / 4 - H_b) - gamma / 2) * sp.sqrt(-H_b / H_a) * sp.exp((L_b - L_a) / T)
WELL = {"L_a": 0.0, "L_b": 0.25, "H_a": 2.0, "H_b": -1.0, "T": 0.05, "gamma": 1.5}


@pytest.mark.parametrize("function", [sp.besseli(0, a), sp.besseli(1, a), sp.besselk(0, a), sp.besselk(1, a)])
def test_torch_has_modified_bessel_functions_and_their_slopes(function):
    """Value, slope (autograd) and bend (vmap of a double gradient) to 1e-13 of sympy's."""
    f, numbers = compile_formula(function, "torch"), torch.tensor([0.4, 1.3, 5.0], dtype=torch.float64)
    bend = torch.func.vmap(torch.func.grad(torch.func.grad(lambda t: f(a=t))))(numbers)
    slope = torch.func.vmap(torch.func.grad(lambda t: f(a=t)))(numbers)
    for got, order in ((f(a=numbers), 0), (slope, 1), (bend, 2)):
        want = [float(sp.N(sp.diff(function, a, order).subs(a, sp.Float(float(v), 30)), 20)) for v in numbers]
        assert got.tolist() == pytest.approx(want, rel=1e-13)


def test_torch_refuses_bessel_functions_that_it_does_not_have():
    """Other orders; and J and Y, of which torch computes eight digits."""
    with pytest.raises(NotApplicable, match=r"torch has besselk of order 0 and 1, not 2; use compile\('numpy'\)"):
        compile_formula(sp.besselk(2, a), "torch")
    for family in (sp.besselj, sp.bessely):
        with pytest.raises(NotApplicable, match=rf"torch computes {family.__name__} to eight digits only; use compile\('numpy'\)"):
            compile_formula(family(0, a), "torch")


def test_torch_gradients_are_sympys():
    """Every derivative of ln tau of Kramers and Langer by autograd, by jacrev and under vmap, to 1e-10 of the symbolic one."""
    log = sp.expand_log(sp.log(KRAMERS_LANGER), force=True)
    f, names = compile_formula(KRAMERS_LANGER, "torch"), sorted(WELL)
    point = {v: sp.Rational(str(WELL[v.name])) for v in KRAMERS_LANGER.free_symbols}
    want = [float(sp.N(sp.diff(log, v).subs(point), 20)) for v in sorted(point, key=str)]
    numbers = torch.tensor([WELL[n] for n in names], dtype=torch.float64)
    by_jacobian = torch.func.jacrev(lambda v: f.log(**dict(zip(names, v, strict=True))))(numbers)
    by_vmap = torch.func.vmap(torch.func.grad(lambda v: f.log(**dict(zip(names, v, strict=True)))))(numbers.expand(3, -1))
    assert by_jacobian.tolist() == pytest.approx(want, rel=1e-10)
    assert by_vmap[2].tolist() == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_sign_of_an_array_is_taken_entry_by_entry(backend):
    """sign(x) is -1, 0, 1."""
    f = compile_formula(sp.sign(x) * a + 2, backend)
    assert np.asarray(f(x=np.array([-3.0, 0.0, 0.5]), a=0.5)).tolist() == [1.5, 2.0, 2.5]


@pytest.mark.parametrize("backend", ["numpy", "fused", "torch", "mpmath", "flint"])
def test_a_formula_without_parameters_is_a_number(backend):
    """-1/2 is -1/2."""
    assert float(compile_formula(sp.Rational(-1, 2), backend)()) == -0.5


def test_mpmath_has_polygamma():
    """psi'(1) = pi^2/6 and psi(1) = -gamma to 30 digits; a function that it lacks is not sent to itself."""
    with mpmath.workdps(40):
        assert abs(compile_formula(sp.polygamma(1, a), "mpmath")(a=1) - mpmath.pi**2 / 6) < mpmath.mpf(10) ** -30
        assert abs(compile_formula(sp.digamma(a), "mpmath")(a=1) + mpmath.euler) < mpmath.mpf(10) ** -30
    with pytest.raises(NotApplicable, match=r"the mpmath backend has no Heaviside$"):
        compile_formula(sp.Heaviside(x), "mpmath")


def test_certified_numbers_carry_their_interval_and_unit():
    """2 exp(20) at T = 1/20 to 40 digits; a list gives an array of Numbers, whatever kind each number was."""
    f = compile_formula(2 * sp.exp(1 / T), "flint", digits=40)
    tau = f(T=0.05)
    with mpmath.workdps(60):
        assert tau.lower < 2 * mpmath.exp(20) < tau.upper
        assert tau.upper - tau.lower < tau.value * mpmath.mpf(10) ** -39
        several = f(T=[0.05, Fraction(1, 20), sp.Rational(1, 20), mpmath.mpf(1) / 16])
        assert [n.value for n in several[:3]] == [tau.value] * 3
        assert several[3].lower < 2 * mpmath.exp(16) < several[3].upper
        assert f(T=1 / sp.pi).lower < 2 * mpmath.exp(mpmath.pi) < f(T=1 / sp.pi).upper
        assert f.log(T=0.0001).lower < 10000 + mpmath.log(2) < f.log(T=0.0001).upper


def test_a_certified_negative_number_lies_between_its_ends():
    """lower < value < upper also below zero."""
    with mpmath.workdps(60):
        third = compile_formula(-sp.sqrt(a), "flint")(a=2)
        assert third.lower < -mpmath.sqrt(2) < third.upper


@pytest.mark.parametrize("digits", [True, 3, 15, 100_001, 20.0])
def test_digits_that_cannot_be_certified_are_refused(digits):
    """Fewer than 16 are float64's."""
    with pytest.raises(ParameterError, match=r"digits must be a whole number from 16 to 100000, got .*; fewer are float64's: use compile\('numpy'\)"):
        compile_formula(sp.exp(a), "flint", digits=digits)


def test_a_function_without_a_ball_is_refused():
    """Arb, as it is used here, has no derivative of the zeta function."""
    with pytest.raises(NotApplicable, match=r"the flint backend has no fresnels; use compile\('mpmath'\)"):
        compile_formula(sp.fresnels(a), "flint")


def test_pieces_and_integrals_have_balls():
    """A piece chosen for sure, Max and Min, and the integral of exp(-a t^2) from 0 to a."""
    t = sp.Symbol("t", real=True)
    f = compile_formula(sp.Piecewise((sp.Max(a, 1), a < 2), (sp.Min(a, 7), True)) + sp.Integral(sp.exp(-a * t**2), (t, 0, a)), "flint")
    for value, first in ((0.5, 1), (1.5, 1.5), (3, 3), (9, 7)):
        rest = math.sqrt(math.pi / value) / 2 * math.erf(value**1.5)
        assert float(f(a=value)) == pytest.approx(first + rest, rel=1e-14)
