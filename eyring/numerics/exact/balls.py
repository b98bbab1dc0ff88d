"""Drift and diffusion in ball arithmetic: power series about a point, and bounds on a complex disc around it.

Arb's numbers are balls that contain the exact value; every operation widens them by its own rounding.
"""

from functools import lru_cache
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


def _evaluated(expression: sp.Expr, x: sp.Symbol | None, place: Any, one: Any) -> Any:
    """Walk the expression's tree in Arb's arithmetic; ``place`` stands for x and ``one`` says of which kind numbers are."""
    if expression == x:
        return place
    if expression.is_Rational:
        return one * _rational(int(expression.p), int(expression.q))
    if expression.is_Float:
        return one * _known_to_its_digits(expression)
    if expression in (sp.pi, sp.E):
        import flint

        return one * (flint.arb.pi() if expression == sp.pi else flint.arb(1).exp())
    if isinstance(expression, sp.Add | sp.Mul):
        parts = [_evaluated(a, x, place, one) for a in expression.args]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if isinstance(expression, sp.Add) else total * part
        return total
    if isinstance(expression, sp.Pow):
        return _power(expression, x, place, one)
    if isinstance(expression, _ELEMENTARY):
        inner = _evaluated(expression.args[0], x, place, one)
        return getattr(_demand_right_half(inner, expression) if isinstance(expression, sp.log) else inner, type(expression).__name__)()
    if isinstance(expression, sp.sinh | sp.cosh | sp.tanh):
        return _evaluated(expression.rewrite(sp.exp), x, place, one)
    raise NotAnalytic(f"{expression.func.__name__} is not bounded here")


def _power(expression: sp.Pow, x: sp.Symbol | None, place: Any, one: Any) -> Any:
    base = _evaluated(expression.base, x, place, one)
    if expression.exp.is_Integer:
        whole = _repeated(base, abs(int(expression.exp)))
        return whole if expression.exp > 0 else one / whole
    logarithm = _demand_right_half(base, expression).log()
    return (logarithm * _evaluated(expression.exp, x, place, one)).exp()


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
