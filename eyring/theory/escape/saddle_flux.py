"""The flux over a quadratic saddle divided by the population of a quadratic well, integral by integral, in any dimension."""

import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import agree_in_numbers

__all__ = ["GAUSSIAN", "gaussian", "gaussian_integral"]


def gaussian_integral(curvature: sp.Expr, temperature: sp.Expr, variable: sp.Symbol) -> sp.Integral:
    """Return the unevaluated integral of exp(-curvature u^2/(2 T)) over the line."""
    return sp.Integral(sp.exp(-curvature * variable**2 / (2 * temperature)), (variable, -sp.oo, sp.oo))


def gaussian(integral: sp.Integral) -> sp.Expr:
    """Evaluate one Gaussian integral by sympy."""
    return sp.powdenest(sp.simplify(integral.doit()), force=True)


def _evaluate(expression: sp.Expr) -> sp.Expr:
    return sp.powsimp(expression.replace(lambda e: isinstance(e, sp.Integral), gaussian), force=True)


def _same(before: sp.Expr, after: sp.Expr) -> bool:
    """Compare with quadrature: the integrals on the left are done numerically at random parameters."""
    return agree_in_numbers(before.replace(lambda e: isinstance(e, sp.Integral), _by_quadrature), after, tolerance=1e-15)


def _by_quadrature(integral: sp.Integral) -> sp.Expr:
    """Substitute u = sqrt(s) t so that mpmath sees a unit Gaussian whatever the parameters; the scale comes out as a root."""
    variable = integral.limits[0][0]
    rate = -sp.diff(sp.log(integral.function), variable, 2) / 2
    unit = sp.Integral(sp.exp(-(variable**2)), (variable, -sp.oo, sp.oo)).evalf(30)
    return unit / sp.sqrt(sp.simplify(rate))


GAUSSIAN = Rule("Gaussian integrals", _evaluate, _same)
