"""The loss near one point: its Taylor polynomial, one symbol for each derivative, so that a law derived there holds for every loss."""

import sympy as sp

from eyring.theory import symbols as s
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance

__all__ = ["on_a_line", "on_a_plane", "plane_noise"]


def on_a_line() -> Landscape:
    """Return L = g x + H x^2/2 + L3 x^3/6 about x = 0; formulas at a point that use no higher derivative have their general form there."""
    x = sp.Symbol("x", real=True)
    return Landscape(s.slope * x + s.curvature * x**2 / 2 + s.third_derivative * x**3 / 6, [x])


def on_a_plane() -> Landscape:
    """Return L = g.x + x.H x/2 in two coordinates, with a full Hessian."""
    x = sp.Matrix(sp.symbols("x y", real=True))
    gradient = sp.Matrix([s.slope_1, s.slope_2])
    hessian = sp.Matrix([[s.hessian_11, s.hessian_12], [s.hessian_12, s.hessian_22]])
    return Landscape(sp.expand((gradient.T * x + x.T * hessian * x / 2)[0]), list(x))


def plane_noise() -> Covariance:
    """Return a full minibatch covariance C in two coordinates, entry by entry a symbol."""
    return Covariance(sp.ImmutableMatrix([[s.covariance_11, s.covariance_12], [s.covariance_12, s.covariance_22]]))
