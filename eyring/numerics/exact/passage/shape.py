"""A process without its strengths: Phi' = c g(x) and D = d h(x), so that one set of panels and densities serves every temperature.

Noise strength, batch size and learning rate sit in c and d alone for most processes; parameters that bend the landscape stay in g and h.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from eyring.numerics.exact.line import symbolic_slope
from eyring.theory.sde import SDE

__all__ = ["Shape", "shape_of"]


@dataclass(frozen=True)
class Shape:
    """What is left of a process when its strengths are taken out.

    Attributes:
        sde: The process with c = d = 1.
        strengths: The process's parameters, in order -> (c, d).
        bends: Positions, among the process's parameters, of those that remain in the shape.
    """

    sde: SDE
    strengths: Callable[..., tuple[Any, Any]]
    bends: tuple[int, ...]


def shape_of(sde: SDE) -> Shape:
    """Take the strengths out of a one-dimensional process.

    >>> x, D, s = sp.symbols("x D s", positive=True)
    >>> shape = shape_of(SDE(x - x**3, D * (1 + s * x), [x]))
    >>> shape.strengths(0.1, 7.0), shape.sde.parameters
    ((10.0, 0.1), (s,))
    """
    x = sde.coordinates[0]
    symbolic_slope(sde)
    (push, drift), (strength, diffusion) = (_constant_times(e, x) for e in (sde.drift[0], sde.diffusion[0, 0]))
    bare = SDE(drift, diffusion, [x], sde.calculus)
    strengths = sp.lambdify(sde.parameters, (push / strength, strength), "numpy")
    return Shape(bare, strengths, tuple(i for i, p in enumerate(sde.parameters) if p in bare.parameters))


def _constant_times(expression: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """Return a factor without x, never a negative number times symbols, and the rest."""
    if expression == 0:
        return sp.Integer(1), expression
    constant, rest = sp.factor_terms(expression).as_independent(x, as_Add=False)
    negative = constant.as_coeff_Mul()[0].is_negative
    return (-constant, -rest) if negative else (constant, rest)
