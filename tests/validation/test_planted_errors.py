"""A drill: formulas with an error planted on purpose must be caught by an independent road that sees nothing but their numbers.

The road is an exact answer without a small parameter (quadrature in one dimension, the spectrum of the kinetic equation for momentum). A correct
formula's ratio to it tends to 1 as the noise tends to 0; three noise strengths, each half of the one before, are extrapolated to zero.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import pytest
import sympy as sp

from eyring.numerics.exact import exact_escape_time
from eyring.numerics.exact.relaxation.spectrum import relaxation_rates
from eyring.theory.dynamics import SGD, MomentumSGD, WhiteNoiseGD
from eyring.theory.escape import escape_time
from eyring.theory.landscape import Landscape
from eyring.theory.landscapes import local
from eyring.theory.noise.finite_sum import FiniteSum
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import curvature_min as H_a
from eyring.theory.symbols import curvature_saddle as H_b
from eyring.theory.symbols import learning_rate as eta
from eyring.theory.symbols import loss_min as L_a
from eyring.theory.symbols import loss_saddle as L_b
from eyring.theory.symbols import momentum as mu
from eyring.theory.symbols import temperature as T

x = sp.Symbol("x", real=True)
TILTED = Landscape(x**4 / 4 + x**3 / 10 - x**2 / 2, [x])  # no symmetry that could hide an exchange of minimum and saddle
LOSS = Landscape(x**4 / 4 - x**2 / 2, [x])
SLOPING = FiniteSum([LOSS.expression + 4 * (x + x**3 / 3), LOSS.expression - 4 * (x + x**3 / 3)])  # C = 16 (1 + x^2)^2/B
LEVEL = FiniteSum([LOSS.expression + 4 * x, LOSS.expression - 4 * x])  # C = 16/B
TOLERANCE = 0.02
LOG_OF = Callable[[dict[sp.Symbol, float]], float]


def offset(expression: sp.Expr, exact_log: LOG_OF, points: Sequence[dict[sp.Symbol, float]]) -> float:
    """Return ln(exact / formula) extrapolated to zero noise: linear and quadratic terms cancel between noise strengths 4, 2 and 1."""
    far, middle, near = (exact_log(p) - _log_value(expression, p) for p in points)
    return (far - 6 * middle + 8 * near) / 3


def _log_value(expression: sp.Expr, point: dict[sp.Symbol, float]) -> float:
    value = sp.N(expression.subs(point), 30)
    return float(sp.log(value)) if value.is_positive else math.inf


def is_caught(expression: sp.Expr, exact_log: LOG_OF, points: Sequence[dict[sp.Symbol, float]]) -> bool:
    return not abs(offset(expression, exact_log, points)) < TOLERANCE


@cache
def constant_noise() -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr], LOG_OF, list[dict[sp.Symbol, float]]]:
    start, _ = TILTED.minima()
    (saddle,) = TILTED.saddles()
    sde = WhiteNoiseGD().sde(local())
    well, top = sde.landscape.critical_points
    formula = escape_time(sde, start=well, over=top, event="next well").per_iteration.expression
    data = {L_a: start.value, L_b: saddle.value, H_a: start.hessian[0, 0], H_b: saddle.hessian[0, 0]}
    target = TILTED.minima()[1]
    whole = WhiteNoiseGD().sde(TILTED)

    def exact_log(point: dict[sp.Symbol, float]) -> float:
        return float(exact_escape_time(whole, start=start, target=target, values=point).per_iteration.log)

    return formula, data, exact_log, [{T: t, eta: 0.01} for t in (0.02, 0.01, 0.005)]


def exchange(expression: sp.Expr, changes: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    return expression.subs(changes, simultaneous=True)


CONSTANT = {
    "a factor 2": lambda f: 2 * f,
    "half: the time to the saddle for that to the next well": lambda f: f / 2,
    "pi left out": lambda f: f / sp.pi,
    "D for D/2 in the exponent": lambda f: f.subs(T, T / 2),
    "2 D for D": lambda f: f.subs(T, 2 * T),
    "the barrier's sign": lambda f: exchange(f, {L_a: L_b, L_b: L_a}),
    "the saddle's curvature twice": lambda f: f.subs(H_a, -H_b),
    "the minimum's curvature twice": lambda f: f.subs(H_b, -H_a),
    "the root left out": lambda f: f / sp.sqrt(-H_a * H_b),
    "time for iterations": lambda f: f * eta,
    "the clock twice": lambda f: f / eta,
    "T in the prefactor": lambda f: f * sp.sqrt(T),
    "a barrier one per cent too high": lambda f: f.subs(L_b, L_b + (L_b - L_a) / 100),
}


def test_the_true_formula_for_constant_noise_passes():
    """Its ratio to the quadrature extrapolates to 1 within 0.1 %, twenty times nearer than what is caught."""
    formula, data, exact_log, points = constant_noise()
    assert abs(offset(formula.subs(data), exact_log, points)) < TOLERANCE / 20


@pytest.mark.parametrize("error", CONSTANT)
def test_an_error_in_kramers_formula_is_caught(error):
    formula, data, exact_log, points = constant_noise()
    assert is_caught(CONSTANT[error](formula).subs(data), exact_log, points)


@cache
def batch_noise(calculus: str) -> tuple[sp.Expr, LOG_OF, list[dict[sp.Symbol, float]]]:
    """Return the formula in the given calculus, and the exact Ito time: SGD is an Ito process."""
    sde = SGD().sde(LOSS, SLOPING)
    formula = escape_time(sde.with_(calculus=calculus), start=-1, over=0, event="next well").per_iteration.expression

    def exact_log(point: dict[sp.Symbol, float]) -> float:
        return float(exact_escape_time(sde, start=-1, target=1, values=point).per_iteration.log)

    return formula, exact_log, [{eta: 0.01, B: size} for size in (16.0, 32.0, 64.0)]


BATCHES = {
    "a factor 2": lambda f: 2 * f,
    "B for eta": lambda f: exchange(f, {eta: B}),
    "eta for B": lambda f: exchange(f, {B: eta}),
    "eta and B exchanged": lambda f: exchange(f, {eta: B, B: eta}),
    "the per-sample covariance for the batch's": lambda f: f.subs(B, 1),
    "C divided by B twice": lambda f: f.subs(B, B**2),
    "D = eta C for eta C/2": lambda f: f.subs(B, B / 2),
    "the exponent's sign": lambda f: f.subs(B, -B),
    "time for iterations": lambda f: f * eta,
}


def test_the_true_formula_for_batch_noise_passes():
    assert abs(offset(*batch_noise("ito"))) < TOLERANCE / 20


@pytest.mark.parametrize("error", BATCHES)
def test_an_error_in_the_formula_for_batch_noise_is_caught(error):
    formula, exact_log, points = batch_noise("ito")
    assert is_caught(BATCHES[error](formula), exact_log, points)


@pytest.mark.parametrize(("calculus", "factor"), [("stratonovich", 2), ("anti-ito", 4)])
def test_another_calculus_for_ito_is_caught_and_the_size_of_the_error_is_known(calculus, factor):
    """D_b/D_a = 1/4: Stratonovich's prefactor is too large by (D_a/D_b)^(1/2) = 2, anti-Ito's by D_a/D_b = 4."""
    assert offset(*batch_noise(calculus)) == pytest.approx(-math.log(factor), abs=TOLERANCE / 20)


@cache
def heavy_ball() -> tuple[sp.Expr, LOG_OF, list[dict[sp.Symbol, float]]]:
    sde = MomentumSGD().sde(LOSS, LEVEL)
    formula = escape_time(sde, start=-1, over=0, event="next well").per_iteration.expression

    @cache
    def mean_log(size: float) -> float:
        rate = relaxation_rates(sde, values={eta: 0.0025, mu: 0.95, B: size})[0].per_iteration
        return math.log(2) - float(rate.log)

    return formula, lambda point: mean_log(point[B]), [{eta: 0.0025, mu: 0.95, B: size} for size in (6.0, 12.0, 24.0)]


MOMENTUM = {
    "a factor 2": lambda f: 2 * f,
    "B for eta": lambda f: exchange(f, {eta: B}),
    "D for D/2": lambda f: f.subs(B, 2 * B),
    "eta/(1 - mu) for momentum: the overdamped rate at this friction": lambda f: f * sp.Rational(1000, 1618),
    "friction squared": lambda f: exchange(f, {mu: 1 - (1 - mu) ** 2}),
    "eta for the clock sqrt(eta)": lambda f: f / sp.sqrt(eta),
    "1 + mu for 1 - mu": lambda f: f.subs(mu, -mu),
}


def test_the_true_formula_for_momentum_passes():
    """Within 2 %, what is left of the third order at temperatures for which the spectrum is quickly had."""
    assert abs(offset(*heavy_ball())) < TOLERANCE


@pytest.mark.parametrize("error", MOMENTUM)
def test_an_error_in_the_formula_for_momentum_is_caught(error):
    formula, exact_log, points = heavy_ball()
    assert is_caught(MOMENTUM[error](formula), exact_log, points)
