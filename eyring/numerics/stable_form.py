"""Rewrite a formula so that float64 does not lose its digits by subtracting nearly equal numbers.

Six rewritings, from the inside out; each is an identity:

1. c sqrt(A) + r, with c and r of opposite sign, becomes (c^2 A - r^2)/(c sqrt(A) - r), if that removes terms from the numerator.
   Where the signs are not known, the expression chooses by the sign of c r. A Max under the root:
   c^2 Max(A, B) - r^2 = Max(c^2 A - r^2, c^2 B - r^2).
2. A sum of rational terms is factored: L_b/T - L_a/T becomes (L_b - L_a)/T, and 1 - mu^2 becomes (1 - mu)(1 + mu).
3. k exp(u) - k becomes k expm1(u).
4. log(1 + u) becomes log1p(u).
5. log(a exp(u) + b exp(v)) becomes m + log(a exp(u - m) + b exp(v - m)) with m = Max(u, v), which leaves float64 nowhere.
6. (x + A)^2 + P becomes (x + B)^2 + Q, the square completed anew for one symbol x, if Q has fewer terms than P: trace^2 - 4 det of a matrix of
   two rows, (a + d)^2 - 4 (a d - b c), becomes (a - d)^2 + 4 b c.

>>> gamma, w = sp.symbols("gamma w", positive=True)
>>> stable_form(sp.sqrt(gamma**2 / 4 + w) - gamma / 2)
w/(gamma/2 + sqrt(gamma**2/4 + w))
"""

from functools import lru_cache

import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p

__all__ = ["stable_form"]

MOST_OPERATIONS = 200  # a longer sum is not expanded or factored: that could take minutes


@lru_cache(maxsize=4096)
def stable_form(expression: sp.Expr) -> sp.Expr:
    """Return ``expression`` rewritten by the six rules of this file."""
    if not expression.args or isinstance(expression, sp.Integral | sp.Derivative):
        return expression
    rebuilt = expression.func(*(stable_form(a) for a in expression.args))
    if isinstance(rebuilt, sp.log) and isinstance(rebuilt.args[0], sp.Add) and rebuilt.args[0].has(sp.Symbol):
        return _logarithm(rebuilt)
    if isinstance(rebuilt, sp.Add) and rebuilt.free_symbols and sp.count_ops(rebuilt) <= MOST_OPERATIONS:
        return _sum(rebuilt)
    return rebuilt


def _sum(total: sp.Add) -> sp.Expr:
    for rule in (_root_minus_number, _exponential_minus_one, _square_completed_anew):
        found = rule(total)
        if found is not None:
            return found
    rational = [t for t in total.args if t.is_rational_function()]
    rest = [t for t in total.args if not t.is_rational_function()]
    return _factored(sp.Add(*rational)) + sp.Add(*rest)


def _logarithm(logarithm: sp.log) -> sp.Expr:
    argument = logarithm.args[0]
    return log1p(argument - 1) if sp.S.One in argument.args else _largest_taken_out(argument.args) or logarithm


def _largest_taken_out(terms: tuple[sp.Expr, ...]) -> sp.Expr | None:
    """Return the logarithm of the sum with its largest exponential in front; None if some term has no exponential."""
    parts = [t.as_independent(sp.exp, as_Add=False) for t in terms]
    exponents = [e.exp for _, e in parts if isinstance(e, sp.exp) and e.free_symbols]
    if len(exponents) < len(terms):
        return None
    largest = sp.Max(*exponents, evaluate=False)
    return largest + sp.log(sp.Add(*(factor * sp.exp(u - largest) for (factor, _), u in zip(parts, exponents, strict=True))))


def _factored(total: sp.Expr) -> sp.Expr:
    if not isinstance(total, sp.Add) or not total.free_symbols:
        return total
    common = sp.factor_terms(total)
    if _is_product_of_symbols(common):
        return common
    if any(t.has(sp.Add) for t in total.args):  # factoring would multiply (1 - mu)^2 out
        return total
    factored = sp.factor(total)
    return factored if _is_product_of_symbols(factored) else total


def _is_product_of_symbols(expression: sp.Expr) -> bool:
    return isinstance(expression, sp.Mul) and len([f for f in expression.args if f.free_symbols]) > 1


def _root_minus_number(total: sp.Add) -> sp.Expr | None:
    for term in total.args:
        roots = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.Pow) and f.exp == sp.S.Half and f.free_symbols]
        if roots:
            rest = total - term
            numerator = _cancelled(term**2, rest**2)
            if numerator is not None:
                return _chosen(term, rest, numerator, coefficient=term / sp.Mul(*roots))
    return None


def _cancelled(square: sp.Expr, other: sp.Expr) -> sp.Expr | None:
    """Return square - other where subtracting removes terms, else None."""
    largest = [f for f in sp.Mul.make_args(square) if isinstance(f, sp.Max)]
    if largest:
        factor = square / largest[0]
        differences = [_cancelled(factor * a, other) if a != 0 else -other for a in largest[0].args] if factor.is_positive else [None]
        return None if None in differences else sp.Max(*differences, evaluate=False)
    first, second = sp.expand(square), sp.expand(other)
    difference = sp.expand(first - second)
    terms = len(sp.Add.make_args(first)) + len(sp.Add.make_args(second))
    return _factored(difference) if difference != 0 and len(sp.Add.make_args(difference)) < terms else None


def _chosen(term: sp.Expr, rest: sp.Expr, numerator: sp.Expr, *, coefficient: sp.Expr) -> sp.Expr:
    quotient = numerator / (term - rest)
    product = coefficient * rest
    if product.is_nonnegative:
        return term + rest
    return quotient if product.is_negative else sp.Piecewise((quotient, product < 0), (term + rest, True))


def _exponential_minus_one(total: sp.Add) -> sp.Expr | None:
    if len(total.args) != 2:
        return None
    number, exponential = sorted(total.args, key=lambda t: t.has(sp.exp))
    factor, power = exponential.as_independent(sp.exp, as_Add=False)
    return factor * expm1(power.exp) if isinstance(power, sp.exp) and factor == -number else None


def _square_completed_anew(total: sp.Add) -> sp.Expr | None:
    squares = [t for t in total.args if isinstance(t, sp.Pow) and t.exp == 2 and isinstance(t.base, sp.Add)]
    if len(squares) != 1 or not total.is_polynomial():
        return None
    expanded, fewest, best = sp.expand(total), _terms(sp.expand(total - squares[0])), None
    for x in sorted(squares[0].base.free_symbols, key=str):
        below, slope, bend = (expanded.coeff(x, n) for n in range(3))
        rest = sp.expand(below - slope**2 / (4 * bend)) if bend.is_Rational and bend.is_positive else None
        if rest is not None and sp.degree(expanded, x) == 2 and _terms(rest) < fewest:
            fewest, best = _terms(rest), bend * (x + slope / (2 * bend)) ** 2 + _factored(rest)
    return best


def _terms(expression: sp.Expr) -> int:
    return 0 if expression == 0 else len(sp.Add.make_args(expression))
