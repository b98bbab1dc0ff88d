"""A sympy expression in Arb's ball arithmetic: the ball that comes out contains the exact value, whatever was rounded on the way."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from eyring.errors import NotApplicable
from eyring.numerics.backends.printing import refuse_unknown_functions

__all__ = ["Undecided", "ball_of", "exact_ball", "refuse_what_has_no_ball"]

CONSTANTS = {sp.pi: "pi", sp.E: "const_e", sp.EulerGamma: "const_euler", sp.Catalan: "const_catalan"}
SAME_NAMES = (
    "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "erfi", "gamma",
)  # fmt: skip
METHODS: dict[str, Callable[..., Any]] = {
    **{name: lambda x, name=name: getattr(x, name)() for name in SAME_NAMES},
    "loggamma": lambda x: x.lgamma(),
    "expm1": lambda x: x.expm1(),
    "log1p": lambda x: x.log1p(),
    "Ei": lambda x: x.ei(),
    "LambertW": lambda x: x.lambertw(),
    "zeta": lambda s: s.zeta(),
    "polylog": lambda s, x: x.polylog(s),
    "floor": lambda x: x.floor(),
    "ceiling": lambda x: x.ceil(),
    "sign": lambda x: x.sgn(),
    "Abs": lambda x: abs(x),
    "besselj": lambda n, x: x.bessel_j(n),
    "bessely": lambda n, x: x.bessel_y(n),
    "besseli": lambda n, x: x.bessel_i(n),
    "besselk": lambda n, x: x.bessel_k(n),
    "uppergamma": lambda s, x: x.gamma_upper(s),
    "lowergamma": lambda s, x: x.gamma_lower(s),
}
Number = Any  # a ball, real (arb) outside integrals, complex (acb) inside


class Undecided(ArithmeticError):
    """A comparison of two balls that overlap; more digits may part them."""


def refuse_what_has_no_ball(expression: sp.Expr) -> None:
    """Refuse functions that Arb does not bound, and integrals over an infinite range.

    Raises:
        NotApplicable: With their names.
    """
    refuse_unknown_functions(expression, {*METHODS, "Max", "Min", "Piecewise", "Integral"}, "flint")
    for integral in expression.atoms(sp.Integral):
        if any(end.is_infinite for limits in integral.limits for end in limits[1:]):
            raise NotApplicable(f"the flint backend bounds integrals between finite limits, not {integral}; use compile('mpmath')")


def exact_ball(number: Any) -> Number:
    """Return a fraction, an mpf or a sympy number as a ball that contains it."""
    import flint

    if isinstance(number, Fraction):
        return flint.arb(flint.fmpq(number.numerator, number.denominator))
    if isinstance(number, mpmath.mpf):
        sign, mantissa, exponent, _ = number._mpf_
        return flint.arb(flint.fmpz((-1) ** sign * int(mantissa))) * flint.arb(2) ** int(exponent)
    return ball_of(number, {})


def ball_of(expression: sp.Basic, known: Mapping[sp.Basic, Number], *, within: bool = False, analytic: bool = False) -> Any:
    """Return the ball of an expression, or the truth of a condition.

    Args:
        expression: Of symbols that are all in ``known``.
        known: A ball for each symbol.
        within: Whether this is an integrand, of complex balls.
        analytic: Whether the integrand must be analytic there; where it may not be, the ball is infinite.

    Raises:
        Undecided: If the balls are too wide to decide a condition.
    """
    memory = dict(known)

    def of(part: sp.Basic) -> Any:
        if part not in memory:
            memory[part] = _new(part, of, memory, within, analytic)
        return memory[part]

    return of(expression)


def _new(part: sp.Basic, of: Callable[[sp.Basic], Any], memory: dict[sp.Basic, Any], within: bool, analytic: bool) -> Any:
    import flint

    if part.is_Rational:
        return flint.arb(flint.fmpq(int(part.p), int(part.q)))
    if part.is_Float:
        return exact_ball(mpmath.mpf(part._mpf_))
    if part in CONSTANTS:
        return getattr(flint.arb, CONSTANTS[part])()
    match part:
        case sp.Add() | sp.Mul():
            total = of(part.args[0])
            for term in part.args[1:]:
                total = total + of(term) if isinstance(part, sp.Add) else total * of(term)
            return total
        case sp.Pow():
            return _power(part, of, within, analytic)
        case sp.Max() | sp.Min():
            balls = [of(a) for a in part.args]
            for other in balls[1:]:
                balls[0] = balls[0].max(other) if isinstance(part, sp.Max) else balls[0].min(other)
            return balls[0]
        case sp.Piecewise():
            return next((of(value) for value, condition in part.args if _holds(condition, of)), flint.arb.nan())
        case sp.Integral():
            return _integral(part, memory)
    arguments = [of(a) for a in part.args]
    if within and isinstance(part, sp.log):
        return flint.acb(arguments[0]).log(analytic=analytic)
    return METHODS[type(part).__name__](*arguments)


def _power(part: sp.Pow, of: Callable[[sp.Basic], Any], within: bool, analytic: bool) -> Any:
    import flint

    base, exponent = of(part.base), part.exp
    if exponent.is_Integer:
        return base ** int(exponent)
    if within:
        return flint.acb(base).pow(flint.acb(of(exponent)), analytic=analytic)
    if exponent.is_Rational and exponent.q == 2:
        return base.sqrt() ** int(exponent.p)
    return base ** of(exponent) if base >= 0 else flint.arb.nan()


def _holds(condition: sp.Basic, of: Callable[[sp.Basic], Any]) -> bool:
    """Return whether a condition holds for sure, or for sure does not."""
    match condition:
        case sp.logic.boolalg.BooleanAtom():
            return bool(condition)
        case sp.And():
            return all(_holds(c, of) for c in condition.args)
        case sp.Or():
            return any(_holds(c, of) for c in condition.args)
        case sp.Not():
            return not _holds(condition.args[0], of)
    left, right = of(condition.lhs), of(condition.rhs)
    yes = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "==": left == right, "!=": left != right}[condition.rel_op]
    no = {"<": left >= right, "<=": left > right, ">": left <= right, ">=": left < right, "==": left != right, "!=": left == right}[condition.rel_op]
    if not (yes or no):
        raise Undecided
    return bool(yes)


def _integral(part: sp.Integral, memory: dict[sp.Basic, Any]) -> Any:
    import flint

    (variable, low, high), *outer = part.limits
    if outer:
        inner = sp.Integral(part.function, part.limits[0])
        return ball_of(sp.Integral(inner, *outer), memory)
    known = {s: b for s, b in memory.items() if isinstance(s, sp.Symbol) and s != variable}

    def integrand(z: Any, analytic: bool) -> Any:
        return flint.acb(ball_of(part.function, {**known, variable: z}, within=True, analytic=analytic))

    ends = [flint.acb(ball_of(end, known)) for end in (low, high)]
    return flint.acb.integral(integrand, *ends).real
