"""A polynomial double well whose critical points are rational numbers, so that every derivative there is known exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import sympy as sp

from eyring.numerics.exact import exact_escape_time
from eyring.theory.sde import SDE

__all__ = ["Well", "X"]

X = sp.Symbol("x", real=True)


@dataclass(frozen=True)
class Well:
    """A loss with slope ``slope`` in x: minimum a, saddle b, and whatever lies beyond.

    Attributes:
        slope: L'(x), a polynomial that vanishes at every point.
        points: a, b and c, the minimum beyond, from left to right.
        lowest: L_a.
    """

    slope: sp.Expr
    points: tuple[sp.Rational, ...]
    lowest: sp.Rational

    @classmethod
    def of(cls, points: str, shape: str = "1", lowest: str = "0") -> "Well":
        """Return the well with L' = shape(x) (x - p_1) (x - p_2) ..., from the texts of the points and of the shape's coefficients, highest first."""
        roots = tuple(sp.Rational(p) for p in points.split())
        factor = sp.Poly([sp.Rational(c) for c in shape.split()], X).as_expr()
        return cls(sp.expand(factor * sp.prod(X - r for r in roots)), roots, sp.Rational(lowest))

    @cached_property
    def loss(self) -> sp.Expr:
        """L(x), a polynomial."""
        primitive = sp.integrate(self.slope, X)
        return sp.expand(primitive - primitive.subs(X, self.points[0]) + self.lowest)

    def derivative(self, order: int, point: int) -> Fraction:
        """Return a derivative of the loss (order 0: its value) at one of the points, by number."""
        value = sp.Poly(self.loss, X).diff((X, order)).eval(self.points[point])
        return Fraction(int(value.p), int(value.q))

    def local(self, highest: int = 2) -> Mapping[str, Fraction]:
        """Return L_a, L_b, H_a, H_b and the derivatives L3_a, L3_b, ... up to the ``highest``."""
        names = {0: "L", 2: "H"} | {k: f"L{k}" for k in range(3, highest + 1)}
        return {f"{name}_{place}": self.derivative(k, number) for number, place in enumerate("ab") for k, name in names.items()}

    @property
    def barrier(self) -> Fraction:
        """The lowest of the barriers between neighbouring points."""
        return min(abs(self.derivative(0, i) - self.derivative(0, j)) for i, j in pairwise(range(len(self.points))))

    def time(self, diffusion: sp.Expr, *, target: int = 2, calculus: str = "ito") -> float:
        """Return the exact mean time from a to one of the points under noise D(x)."""
        sde = SDE(-self.slope, diffusion, [X], calculus=calculus)
        return float(exact_escape_time(sde, start=self.points[0], target=self.points[target]))
