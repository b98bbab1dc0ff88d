"""The flux over a quadratic saddle divided by the population of a quadratic well, integral by integral, in any dimension."""

from functools import cache

import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import agree_in_numbers

__all__ = ["GAUSSIAN", "gaussian", "gaussian_integral"]

_RATE = sp.Dummy("c", positive=True)


def gaussian_integral(curvature: sp.Expr, temperature: sp.Expr, variable: sp.Symbol) -> sp.Integral:
    """Return the unevaluated integral of exp(-curvature u^2/(2 T)) over the line."""
    return sp.Integral(sp.exp(-curvature * variable**2 / (2 * temperature)), (variable, -sp.oo, sp.oo))


def gaussian(integral: sp.Integral) -> sp.Expr:
    """Evaluate one integral of exp(-c u^2) over the line, by sympy's result for an undetermined c > 0."""
    variable = integral.limits[0][0]
    rate = sp.simplify(-sp.log(integral.function) / variable**2)
    return sp.powdenest(_unit_gaussian().subs(_RATE, rate), force=True)


@cache
def _unit_gaussian() -> sp.Expr:
    u = sp.Dummy("u", real=True)
    return sp.integrate(sp.exp(-_RATE * u**2), (u, -sp.oo, sp.oo))


def _evaluate(expression: sp.Expr) -> sp.Expr:
    return sp.powsimp(expression.replace(lambda e: isinstance(e, sp.Integral), gaussian), force=True)


def _same(before: sp.Expr, after: sp.Expr) -> bool:
    """Compare with quadrature: the integrals on the left are done numerically at random parameters."""
    return agree_in_numbers(before.replace(lambda e: isinstance(e, sp.Integral), _by_quadrature), after, tolerance=1e-15)


def _by_quadrature(integral: sp.Integral) -> sp.Expr:
    """Substitute u = sqrt(s) t so that mpmath sees a unit Gaussian whatever the parameters; the scale comes out as a root."""
    variable = integral.limits[0][0]
    rate = -sp.diff(sp.log(integral.function), variable, 2) / 2
    return _unit_by_quadrature() / sp.sqrt(sp.simplify(rate))


@cache
def _unit_by_quadrature() -> sp.Expr:
    u = sp.Dummy("u", real=True)
    return sp.Integral(sp.exp(-(u**2)), (u, -sp.oo, sp.oo)).evalf(30)


GAUSSIAN = Rule("Gaussian integrals", _evaluate, _same)
