"""Write a sympy expression as arithmetic on lanes: shared parts once, quotients as one division, small powers as products."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean, BooleanAtom, BooleanFunction

from eyring.errors import NotApplicable
from eyring.numerics.fused import exponential, logarithm
from eyring.numerics.fused.lanes import Lanes, Test, root, rounded_down, rounded_up, where

__all__ = ["FUNCTIONS", "what_cannot_be_written", "write"]

FUNCTIONS: dict[str, Callable[..., Lanes]] = {
    "exp": exponential.exp, "expm1": exponential.expm1, "tanh": exponential.tanh, "sinh": exponential.sinh, "cosh": exponential.cosh,
    "log": logarithm.log, "log1p": logarithm.log1p, "Abs": abs, "floor": rounded_down, "ceiling": rounded_up,
}  # fmt: skip
LONGEST_PRODUCT = 16  # a higher power is had by its logarithm
_FORMS = (sp.Add, sp.Mul, sp.Pow, sp.Max, sp.Min, sp.Piecewise, sp.sign, sp.core.relational.Relational, BooleanFunction)
Word = Any  # Lanes, Test, or a plain number


def what_cannot_be_written(expression: sp.Basic) -> list[str]:
    """Return the names of the parts without arithmetic here, such as integrals and Bessel functions; none if all have it."""
    if isinstance(expression, sp.Symbol | BooleanAtom):
        return []
    if isinstance(expression, sp.Expr) and not expression.free_symbols:
        return [] if expression.is_finite and expression.is_real else [str(expression)]
    if not (isinstance(expression, _FORMS) or type(expression).__name__ in FUNCTIONS):
        return [type(expression).__name__]
    parts = [p for part in expression.args for p in (part.args if isinstance(part, sp.Tuple) else (part,))]
    return sorted({name for part in parts for name in what_cannot_be_written(part)})


def write(expressions: Sequence[sp.Basic], values: Mapping[sp.Symbol, Lanes]) -> list[Lanes]:
    """Write the instructions for ``expressions`` and return where their values stand.

    Args:
        expressions: Real numbers.
        values: The lanes of each symbol; there must be one.

    Raises:
        NotApplicable: If a function has no arithmetic here.
    """
    shared, results = sp.cse(list(expressions), symbols=sp.numbered_symbols("shared_", real=True), list=False)
    known: dict[sp.Basic, Word] = dict(values)
    model = next(iter(values.values()))
    for name, part in shared:
        known[name] = _word(part, known)
    return [model.lift(w) if isinstance(w, float) else w for w in (_word(r, known) for r in results)]


def _word(expression: sp.Basic, known: dict[sp.Basic, Word]) -> Word:
    if expression not in known:
        known[expression] = _new(expression, known)
    return known[expression]


def _new(expression: sp.Basic, known: dict[sp.Basic, Word]) -> Word:
    if isinstance(expression, sp.Expr) and not expression.free_symbols:
        return float(sp.N(expression, 30))
    match expression:
        case sp.Add():
            return _sum([(t.could_extract_minus_sign(), t) for t in expression.args], known)
        case sp.Mul():
            return _product(expression, known)
        case sp.Pow():
            return _power(expression.base, expression.exp, known)
        case sp.Max() | sp.Min():
            return _extreme([_word(a, known) for a in expression.args], ">" if isinstance(expression, sp.Max) else "<", known)
        case sp.Piecewise():
            return _pieces(expression, known)
        case sp.sign():
            x = _word(expression.args[0], known)
            return where(x > 0.0, 1.0, where(x < 0.0, -1.0, x))
        case Boolean():
            return _test(expression, known)
    name = type(expression).__name__
    if name not in FUNCTIONS:
        raise NotApplicable(f"there is no arithmetic for {name} on lanes")
    return FUNCTIONS[name](_word(expression.args[0], known))


def _sum(terms: list[tuple[bool, sp.Expr]], known: dict[sp.Basic, Word]) -> Word:
    total = None
    for negative, term in sorted(terms, key=lambda t: t[0]):
        value = _word(-term if negative else term, known)
        total = (-1.0 * value if negative else value) if total is None else total - value if negative else total + value
    return total


def _product(expression: sp.Mul, known: dict[sp.Basic, Word]) -> Word:
    """Return numerator/denominator; numbers come first."""
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    for factor in expression.args:
        inverse = isinstance(factor, sp.Pow) and factor.exp.is_number and factor.exp.is_negative
        (below if inverse else above).append(1 / factor if inverse else factor)
    numerator = _chain([_word(f, known) for f in above])
    return numerator / _chain([_word(f, known) for f in below]) if below else numerator


def _chain(factors: list[Word]) -> Word:
    product = 1.0
    for factor in sorted(factors, key=lambda f: not isinstance(f, float)):
        product = factor if isinstance(product, float) and product == 1.0 else product * factor
    return product


def _power(base: sp.Expr, exponent: sp.Expr, known: dict[sp.Basic, Word]) -> Word:
    x = _word(base, known)
    if exponent.is_Rational and exponent.q in (1, 2, 4) and abs(exponent) <= LONGEST_PRODUCT:
        value = _rational_power(x, int(abs(exponent.p)), int(exponent.q))
        return 1.0 / value if exponent.is_negative else value
    y = _word(exponent, known)
    model = x if isinstance(x, Lanes) else y
    return logarithm.power(*(v if isinstance(v, Lanes) else model.lift(v) for v in (x, y)))


def _rational_power(x: Lanes, above: int, below: int) -> Word:
    """Return x^(above/below) by products, for below = 1, 2 or 4: a whole power of x, one of its root, and the root's root."""
    whole, quarters = divmod(above * (4 // below), 4)
    factors = [x.lift(1.0)] * (above == 0)
    for base, count in ((lambda: x, whole), (lambda: root(x), quarters // 2), (lambda: root(root(x)), quarters % 2)):
        factors += [_whole_power(base(), count)] if count else []
    return _chain(factors)


def _whole_power(x: Lanes, count: int) -> Lanes:
    if count == 1:
        return x
    half = _whole_power(x, count // 2)
    return half * half * x if count % 2 else half * half


def _extreme(values: list[Word], relation: str, known: dict[sp.Basic, Word]) -> Word:
    model = next(v for v in values if isinstance(v, Lanes))
    best = model
    for value in values:
        if value is not model:
            first = best.compare(relation, value)
            best = where(first | best.compare("!=", best), best, value)  # what is not a number stays so
    return best


def _pieces(expression: sp.Piecewise, known: dict[sp.Basic, Word]) -> Word:
    model = next(v for v in known.values() if isinstance(v, Lanes))
    result = model.lift(float("nan"))
    for value, condition in reversed(expression.args):
        part = _word(value, known)
        part = part if isinstance(part, Lanes) else model.lift(part)
        result = part if condition == sp.true else where(_word(condition, known), part, result)
    return result


def _test(condition: sp.Basic, known: dict[sp.Basic, Word]) -> Test:
    match condition:
        case sp.And():
            return _joined([_word(a, known) for a in condition.args], Test.__and__)
        case sp.Or():
            return _joined([_word(a, known) for a in condition.args], Test.__or__)
        case sp.Not():
            return ~_word(condition.args[0], known)
        case sp.core.relational.Relational():
            model = next(v for v in known.values() if isinstance(v, Lanes))
            left, right = (_word(a, known) for a in (condition.lhs, condition.rhs))
            left = left if isinstance(left, Lanes) else model.lift(left)
            return left.compare(str(condition.rel_op), right)
    raise NotApplicable(f"there is no arithmetic for {type(condition).__name__} on lanes")


def _joined(tests: list[Test], how: Callable[[Test, Test], Test]) -> Test:
    result = tests[0]
    for test in tests[1:]:
        result = how(result, test)
    return result
