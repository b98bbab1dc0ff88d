"""Two minima with one saddle between them: the ratio of their escape times, which is that of their occupations."""

import random
from collections.abc import Mapping

import mpmath
import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import draw

__all__ = ["OTHER_NAMES", "RATIO"]

Names = Mapping[sp.Symbol, sp.Expr]
DIGITS = 45


def _ratio(expression: sp.Expr, *, first: Names, second: Names) -> sp.Expr:
    return sp.powsimp(expression.subs(dict(first), simultaneous=True) / expression.subs(dict(second), simultaneous=True))


def _ratio_in_numbers(before: sp.Expr, after: sp.Expr, *, first: Names, second: Names) -> bool:
    """Evaluate the time out of either minimum by itself, and divide."""
    generator = random.Random(3)
    free = sorted(before.free_symbols | after.free_symbols | {s for n in (first, second) for e in n.values() for s in e.free_symbols}, key=str)
    with mpmath.workdps(DIGITS):
        point = {s: draw(s, generator) for s in free}
        numbers = {s: mpmath.mpf(q.p) / q.q for s, q in point.items()}
        times = [_value(before, numbers | {s: _value(e, numbers) for s, e in names.items()}) for names in (first, second)]
        return bool(abs(_value(after, numbers) * times[1] / times[0] - 1) < mpmath.mpf(10) ** -25)


def _rename(expression: sp.Expr, *, names: Names) -> sp.Expr:
    return expression.subs(dict(names), simultaneous=True)


def _renamed_in_numbers(before: sp.Expr, after: sp.Expr, *, names: Names) -> bool:
    """Evaluate the line before at the numbers that the new names stand for."""
    generator = random.Random(4)
    free = sorted(before.free_symbols | after.free_symbols | {s for e in names.values() for s in e.free_symbols}, key=str)
    with mpmath.workdps(DIGITS):
        numbers = {s: mpmath.mpf(q.p) / q.q for s, q in ((s, draw(s, generator)) for s in free)}
        expected = _value(before, numbers | {s: _value(e, numbers) for s, e in names.items()})
        return bool(abs(_value(after, numbers) / expected - 1) < mpmath.mpf(10) ** -25)


def _value(expression: sp.Expr, point: Mapping[sp.Symbol, mpmath.mpf]) -> mpmath.mpf:
    return mpmath.mpmathify(sp.lambdify(list(point), expression, "mpmath")(*point.values()))


RATIO = Rule("ratio of the two escape times", _ratio, _ratio_in_numbers)
OTHER_NAMES = Rule("insertion", _rename, _renamed_in_numbers)
