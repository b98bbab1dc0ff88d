"""A stationary density at one place over that at another: what is left of a law when its normalisation drops out."""

from collections.abc import Mapping

import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import logarithm

__all__ = ["DENSITY_RATIO"]

Place = Mapping[sp.Expr, sp.Expr]  # loss, noise, integrals and coordinates -> their values there


def _ratio(density: sp.Expr, *, here: Place, there: Place) -> sp.Expr:
    ratio = sp.powsimp(density.xreplace(dict(here)) / density.xreplace(dict(there)))
    return ratio.replace(sp.exp, lambda exponent: sp.exp(sp.factor(exponent)))


def _same_after_multiplying(density: sp.Expr, ratio: sp.Expr, *, here: Place, there: Place) -> bool:
    """At random values of loss, noise and parameters: the logarithms of the ratio and of the density there add up to that of the density here."""
    total = logarithm(ratio) + logarithm(density.xreplace(dict(there)))
    return agree_in_numbers(total, logarithm(density.xreplace(dict(here))))


DENSITY_RATIO = Rule("density at two places", _ratio, _same_after_multiplying)
