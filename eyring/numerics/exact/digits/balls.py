"""Drift and diffusion in ball arithmetic: power series about a point, and bounds on a complex disc around it.

Arb's numbers are balls that contain the exact value; every operation widens them by its own rounding.
"""

from collections.abc import Callable
from functools import lru_cache, reduce
from operator import add, mul
from typing import Any

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.symbols import exact_number

__all__ = ["NotAnalytic", "largest_on_disc", "number_ball", "series_about", "working"]

DOUBLE = 53  # bits of a double
SLACK = 6  # the last bits of a polished root may be wrong
_ELEMENTARY = (sp.exp, sp.log, sp.sin, sp.cos, sp.atan, sp.erf, sp.erfc)


class NotAnalytic(EyringError):
    """An expression that this arithmetic cannot bound: unknown functions, or a branch point or pole too near."""


def working(bits: int, terms: int) -> Any:
    """Set Arb's precision, and the number of terms of its series, until the returned context is left."""
    import flint

    class Working:
        def __enter__(self) -> None:
            self.before = (flint.ctx.prec, flint.ctx.cap)
            flint.ctx.prec, flint.ctx.cap = bits, terms

        def __exit__(self, *_: object) -> None:
            flint.ctx.prec, flint.ctx.cap = self.before

    return Working()


def number_ball(number: sp.Expr) -> Any:
    """Return an exact sympy number as a ball.

    Raises:
        NotAnalytic: If it is made of functions unknown here.
    """
    import flint

    ball = _evaluated(number, None, None, flint.acb(1))
    return ball.real


def series_about(expression: sp.Expr, x: sp.Symbol, centre: Any) -> Any:
    """Return the power series of an expression in x - centre, with as many terms as the context says."""
    import flint

    return _evaluated(expression, x, flint.arb_series([centre, 1]), flint.arb_series([1]))


def largest_on_disc(expression: sp.Expr, x: sp.Symbol, centre: Any, radius: Any) -> Any:
    """Return an upper bound of |expression| on the disc of complex x around the centre, on which it is then analytic.

    Raises:
        NotAnalytic: If a pole or a branch point may lie in the disc.
    """
    import flint

    reach = flint.arb(0, radius.abs_upper())
    bound = _evaluated(expression, x, flint.acb(centre + reach, reach), flint.acb(1)).abs_upper()
    if not bound.is_finite():
        raise NotAnalytic(f"{expression} may have a pole near {x} = {float(centre):.6g}")
    return bound


Program = Callable[[Any, Any], Any]


def _evaluated(expression: sp.Expr, x: sp.Symbol | None, place: Any, one: Any) -> Any:
    """Return the expression in Arb's arithmetic; ``place`` stands for x and ``one`` says of which kind numbers are."""
    return _program(expression, x)(place, one)


@lru_cache(maxsize=4096)
def _program(expression: sp.Expr, x: sp.Symbol | None) -> Program:
    """Read the expression's tree once: return what evaluates it."""
    if expression == x:
        return lambda place, one: place
    if expression.is_Rational:
        p, q = int(expression.p), int(expression.q)
        return lambda place, one: one * _rational(p, q)
    if expression.is_Float:
        return lambda place, one: one * _known_to_its_digits(expression)
    if expression in (sp.pi, sp.E):
        return lambda place, one: one * _constant(expression)
    if isinstance(expression, sp.Add | sp.Mul):
        parts = [_program(a, x) for a in expression.args]
        join = add if isinstance(expression, sp.Add) else mul
        return lambda place, one: reduce(join, [part(place, one) for part in parts])
    if isinstance(expression, sp.Pow):
        return _power(expression, x)
    if isinstance(expression, _ELEMENTARY):
        name, inner = type(expression).__name__, _program(expression.args[0], x)
        if name == "log":
            return lambda place, one: _demand_right_half(inner(place, one), expression).log()
        return lambda place, one: getattr(inner(place, one), name)()
    if isinstance(expression, sp.sinh | sp.cosh | sp.tanh):
        return _program(expression.rewrite(sp.exp), x)
    raise NotAnalytic(f"{expression.func.__name__} is not bounded here")


def _constant(expression: sp.Expr) -> Any:
    import flint

    return flint.arb.pi() if expression == sp.pi else flint.arb(1).exp()


def _power(expression: sp.Pow, x: sp.Symbol | None) -> Program:
    base = _program(expression.base, x)
    if expression.exp.is_Integer:
        times = int(expression.exp)
        if times > 0:
            return lambda place, one: _repeated(base(place, one), times)
        return lambda place, one: one / _repeated(base(place, one), -times)
    exponent = _program(expression.exp, x)
    return lambda place, one: (_demand_right_half(base(place, one), expression).log() * exponent(place, one)).exp()


def _repeated(base: Any, times: int) -> Any:
    """Return base^times by squaring."""
    if times == 1:
        return base
    half = _repeated(base, times // 2)
    return half * half * base if times % 2 else half * half


def _demand_right_half(value: Any, expression: sp.Expr) -> Any:
    """Refuse an argument of a logarithm or root that may leave the right half plane, where both are analytic.

    Raises:
        NotAnalytic: If it may.
    """
    import flint

    leading = value[0] if isinstance(value, flint.arb_series) else value.real
    if not leading > 0:
        raise NotAnalytic(f"the argument of {expression} may be zero or negative")
    return value


def _known_to_its_digits(number: sp.Float) -> Any:
    """Return a decimal of double precision as itself; one of more digits, such as a critical point, as a ball of its last digit."""
    import flint

    if number._prec <= DOUBLE:
        exact = exact_number(float(number))
        return _rational(int(exact.p), int(exact.q))
    exact = sp.Rational(number)
    return flint.arb(_rational(int(exact.p), int(exact.q)), abs(float(exact)) * 2.0 ** (SLACK - number._prec))


@lru_cache(maxsize=4096)
def _exact(p: int, q: int, bits: int) -> Any:
    import flint

    return flint.arb(flint.fmpq(p, q))


def _rational(p: int, q: int) -> Any:
    import flint

    return _exact(p, q, flint.ctx.prec)
