"""Exit under heavy-tailed (stable) noise: one big jump from the minimum leads out, so that width counts and height does not."""

import random
from functools import cache

import mpmath
import sympy as sp

from eyring.errors import ParameterError
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers, draw
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.symbols import exact_number, jump_scale, left_distance, right_distance, stability_index

__all__ = ["levy_conditions", "levy_exit_derivation", "levy_exit_time"]

ALPHA, EPS, LEFT, RIGHT = stability_index, jump_scale, left_distance, right_distance
JUMP = sp.Symbol("y", positive=True)
CONSTANT = sp.Symbol("c", positive=True)  # nu(dy) = eps^alpha c dy/|y|^(1 + alpha)
WAVE = sp.Integral((1 - sp.cos(JUMP)) / JUMP ** (1 + ALPHA), (JUMP, 0, sp.oo))


def levy_exit_time(
    *,
    stability: sp.Expr | float = stability_index,
    scale: sp.Expr | float = jump_scale,
    left: sp.Expr | float = left_distance,
    right: sp.Expr | float = right_distance,
) -> Formula:
    r"""Return the mean time to leave (-left, right) around a minimum, dx = -L' dt + eps dL, L symmetric stable with E exp(iuL_t) = exp(-t |u|^alpha).

    tau = [eps^alpha (c/alpha) (left^-alpha + right^-alpha)]^-1, c = Gamma(1 + alpha) sin(pi alpha/2)/pi, as eps -> 0, whatever the loss.
    For SGD with step eta and stable gradient noise of scale sigma, eps = eta^(1 - 1/alpha) sigma.

    Args:
        stability: alpha, between 0 and 2 (2 would be Gaussian).
        scale: eps.
        left: Distance from the minimum to the left end of its basin, or of the interval.
        right: The same to the right.

    Raises:
        ParameterError: If alpha is not between 0 and 2, or another argument is not positive.
    """
    values = {ALPHA: exact_number(stability), EPS: exact_number(scale), LEFT: exact_number(left), RIGHT: exact_number(right)}
    for symbol, value in values.items():
        if value.is_number and not (value.is_real and value.is_finite and value > 0 and (symbol != ALPHA or value < 2)):
            wanted = (
                "between 0 and 2: at 2 the noise is Gaussian, and escape_time applies"
                if symbol == ALPHA
                else "a positive length"
                if symbol != EPS
                else "positive"
            )
            raise ParameterError(f"{symbol} must be {wanted}; got {value}")
    derivation = levy_exit_derivation().apply(_INSERT, "insert stability, scale and interval", values=values)
    return Formula(derivation, "time", sp.Integer(1), levy_conditions(values[ALPHA], values[EPS], values[LEFT], values[RIGHT]), name="levy-exit")


@cache
def levy_exit_derivation() -> Derivation:
    """Derive the mean exit time from the rate of single jumps out of the interval."""
    constant = sp.gamma(1 + ALPHA) * sp.sin(sp.pi * ALPHA / 2) / sp.pi
    rate = EPS**ALPHA * constant * sum(sp.Integral(JUMP ** (-1 - ALPHA), (JUMP, end, sp.oo)) for end in (LEFT, RIGHT))
    return (
        Derivation("exit by one jump of stable noise")
        .define(
            "jumps come at the rate c dy/|y|^(1 + alpha); ln E exp(iuL_t) = -t |u|^alpha at u = 1 fixes c",
            sp.Eq(2 * CONSTANT * WAVE, 1),
            rule="Levy-Khinchin formula",
        )
        .apply(_WAVE, "the integral over jumps, 0 < alpha < 2")
        .claim(
            "the constant of the jump rate",
            constant,
            residual=lambda stated, before: sp.simplify(before.lhs.subs(CONSTANT, stated) - before.rhs),
            rule="insertion",
        )
        .cite(
            "for weak noise the walker is at the minimum when the first jump comes that leads out by itself, after the inverse of its rate",
            1 / rate,
            source="imkeller2006",
            needs="relaxation to the minimum is fast against the big jumps, and the minimum is the only one in the interval",
        )
        .apply(_TAILS, "the rates of jumps longer than the way to either end")
    )


def levy_conditions(alpha: sp.Expr, eps: sp.Expr, left: sp.Expr, right: sp.Expr) -> tuple[Condition, ...]:
    """Return when one jump decides: noise of a unit of time that is small against the interval."""
    conditions = (
        Condition(less(alpha, sp.Integer(2)), "jumps have heavy tails", hard=True),
        *(
            Condition(less(eps**alpha, end**alpha / 20), "in a unit of time the noise seldom reaches the end of the interval")
            for end in (left, right)
        ),
    )
    return tuple(c for c in conditions if c.relation != sp.true)


def _wave(equation: sp.Basic) -> sp.Basic:
    return equation.subs(WAVE, sp.pi / (2 * sp.gamma(1 + ALPHA) * sp.sin(sp.pi * ALPHA / 2)))


def _wave_by_quadrature(before: sp.Basic, after: sp.Basic) -> bool:
    """Integrate by parts once, then over half waves of the sine, at an alpha below and one above 1."""
    with mpmath.workdps(10):
        for alpha in (mpmath.mpf("0.7"), mpmath.mpf("1.4")):
            first = mpmath.quad(lambda y, a=alpha: 2 * mpmath.sin(y / 2) ** 2 / y ** (1 + a), [0, 1, mpmath.pi])
            rest = 2 / (alpha * mpmath.pi**alpha) + mpmath.quadosc(lambda y, a=alpha: mpmath.sin(y) / (a * y**a), [mpmath.pi, mpmath.inf], omega=1)
            stated = after.lhs.subs({ALPHA: sp.Float(alpha), CONSTANT: 1}).evalf()
            if abs(2 * (first + rest) / mpmath.mpf(stated._mpf_) - 1) > 1e-6:
                return False
    return True


def _tails(expression: sp.Expr) -> sp.Expr:
    values = {integral: integral.limits[0][1] ** -ALPHA / ALPHA for integral in expression.atoms(sp.Integral)}
    return 1 / sp.factor_terms(1 / expression.subs(values))


def _tails_by_quadrature(before: sp.Expr, after: sp.Expr) -> bool:
    point = {ALPHA: sp.Rational(13, 10), EPS: sp.Rational(1, 50), LEFT: sp.Rational(4, 5), RIGHT: sp.Rational(7, 4)}
    with mpmath.workdps(20):
        numbers = {
            i: sp.Float(mpmath.quad(lambda y: y ** mpmath.mpf("-2.3"), [mpmath.mpf(float(i.limits[0][1].subs(point))), mpmath.inf]), 20)
            for i in before.atoms(sp.Integral)
        }
        return bool(abs((before.subs(numbers).subs(point) / after.subs(point)).evalf(20) - 1) < 1e-12)


def _insert(expression: sp.Expr, *, values: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    return expression.subs(values, simultaneous=True)


def _inserted_in_numbers(before: sp.Expr, after: sp.Expr, *, values: dict[sp.Symbol, sp.Expr]) -> bool:
    """Draw the parameters, turn every value into a number, and only then insert."""
    generator = random.Random(4)
    point = {s: draw(s, generator) for s in sorted({s for v in values.values() for s in v.free_symbols}, key=str)}
    expected = before.subs({s: v.subs(point) for s, v in values.items()}, simultaneous=True)
    return agree_in_numbers(after.subs(point), expected, tolerance=1e-15)


_WAVE = Rule("integral of 1 - cos", _wave, _wave_by_quadrature)
_TAILS = Rule("integral of a power", _tails, _tails_by_quadrature)
_INSERT = Rule("insertion", _insert, _inserted_in_numbers)
