"""Exponent integrals: done by sympy where it is certain to manage, left as integrals (done numerically) elsewhere."""

import sympy as sp

__all__ = ["definite", "definite_free", "rational_in"]


def rational_in(expression: sp.Expr, x: sp.Symbol) -> bool:
    """Say whether the expression is a ratio of polynomials in x."""
    return bool(expression.is_rational_function(x))


def definite_free(integrand: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """Return an antiderivative of ``integrand``; an integral from 0 where sympy has none in closed form."""
    inexact = integrand.has(sp.Float) and not integrand.is_polynomial(x)  # partial fractions need exact roots
    if rational_in(integrand, x) and not inexact:
        closed = sp.integrate(sp.apart(sp.together(integrand), x) if not integrand.is_polynomial(x) else sp.expand(integrand), x)
        if not closed.has(sp.RootSum, sp.Integral):
            return closed
    u = sp.Dummy("u", real=True)
    return sp.Integral(integrand.subs(x, u), (u, 0, x))


def definite(integrand: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """Return the integral of ``integrand`` from low to high; unevaluated where sympy has no closed form."""
    antiderivative = definite_free(integrand, x)
    if antiderivative.has(sp.Integral):
        return sp.Integral(integrand, (x, low, high))
    return sp.simplify(antiderivative.subs(x, high) - antiderivative.subs(x, low))
