"""When two expressions are equal: by algebra, and by numbers drawn from the physical ranges as a second witness."""

import random

import mpmath
import sympy as sp

from eyring.theory.symbols import GLOSSARY

__all__ = ["agree_in_numbers", "difference", "draw"]

DIGITS = 40


def difference(stated: sp.Basic, derived: sp.Basic) -> sp.Basic:
    """Return stated - derived, simplified: zero exactly if algebra shows them equal.

    Positive expressions are also compared through the logarithm of their ratio, which is where products of roots and exponentials simplify.
    """
    if isinstance(stated, sp.MatrixBase):
        return sp.ImmutableMatrix(sp.Matrix(stated) - sp.Matrix(derived)).applyfunc(_simplified)
    if isinstance(stated, sp.Equality) and isinstance(derived, sp.Equality):
        return _simplified((stated.lhs - stated.rhs) - (derived.lhs - derived.rhs))
    plain = sp.expand(stated - derived)
    if plain == 0 or _simplified(plain) == 0:
        return sp.Integer(0)
    logarithm = sp.expand_log(sp.log(stated), force=True) - sp.expand_log(sp.log(derived), force=True)
    if _simplified(sp.expand(logarithm)) == 0 and agree_in_numbers(stated, derived):
        return sp.Integer(0)
    return sp.simplify(plain)


def agree_in_numbers(one: sp.Basic, other: sp.Basic, *, samples: int = 3, tolerance: float = 1e-20) -> bool:
    """Say whether two expressions have the same values at random physical parameters, to 20 of 40 digits.

    Undefined functions are replaced by random polynomials; integrals are done by quadrature.
    """
    generator = random.Random(20_001)
    pairs = zip(_entries(one), _entries(other), strict=True)
    return all(_agree(a, b, generator, tolerance) for a, b in pairs for _ in range(samples))


def draw(symbol: sp.Symbol, generator: random.Random) -> sp.Rational:
    """Return a random rational value for a symbol: from its typical range, else one that fits its assumptions."""
    low, high = GLOSSARY[symbol.name].typical if symbol.name in GLOSSARY else _range(symbol)
    return sp.Rational(round(low * 10**6 + (high - low) * generator.random() * 10**6), 10**6)


def _range(symbol: sp.Symbol) -> tuple[float, float]:
    if symbol.is_positive or symbol.is_nonnegative:
        return (0.3, 2.5)
    return (-2.5, -0.3) if symbol.is_negative else (-2.0, 2.0)


def _agree(one: sp.Expr, other: sp.Expr, generator: random.Random, tolerance: float) -> bool:
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    point = {s: draw(s, generator) for s in symbols}
    functions = {f.func for f in one.atoms(sp.core.function.AppliedUndef) | other.atoms(sp.core.function.AppliedUndef)}
    shapes = {f: _random_function(generator) for f in sorted(functions, key=str)}
    a, b = (_value(e, shapes, point) for e in (one, other))
    return bool(abs(a - b) <= tolerance * max(1, abs(a), abs(b)))


def _random_function(generator: random.Random) -> sp.Lambda:
    u = sp.Dummy("u", real=True)
    terms = [sp.Rational(generator.randint(1, 9), 10) * u ** (2 * k) for k in range(3)]
    return sp.Lambda(u, sum(terms) + sp.Rational(generator.randint(1, 9), 10) * u / 3 + 1)


def _value(expression: sp.Expr, shapes: dict, point: dict) -> mpmath.mpf:
    concrete = expression
    for function, shape in shapes.items():
        concrete = concrete.replace(function, shape)
    return concrete.doit().subs(point).evalf(DIGITS)


def _entries(expression: sp.Basic) -> list[sp.Expr]:
    if isinstance(expression, sp.MatrixBase):
        return list(expression)
    if isinstance(expression, sp.Equality):
        return [expression.lhs - expression.rhs]
    return [expression]


def _simplified(expression: sp.Expr) -> sp.Expr:
    if expression == 0:
        return sp.Integer(0)
    return sp.simplify(expression)
