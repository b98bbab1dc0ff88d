"""Derivatives of loss and diffusion at a minimum or a saddle, as symbols and as values."""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import accumulate

import sympy as sp

from eyring.theory.symbols import GLOSSARY, curvature_min, curvature_saddle, declare, diffusion_min, diffusion_saddle

__all__ = ["Jet", "X", "jet_at"]

X = sp.Symbol("x", real=True)
LOSS, DIFFUSION = sp.Function("L", real=True)(X), sp.Function("D", positive=True)(X)


@dataclass(frozen=True)
class Jet:
    """Symbols for the derivatives at one point.

    Attributes:
        place: "a" (the minimum) or "b" (the saddle).
        loss: L'', L''', ... there.
        diffusion: D, D', D'', ... there.
    """

    place: str
    loss: tuple[sp.Symbol, ...]
    diffusion: tuple[sp.Expr, ...]

    def without_gradients(self) -> "Jet":
        """Return the jet for a diffusion coefficient that is one number near the point."""
        return replace(self, diffusion=(self.diffusion[0], *[sp.Integer(0)] * (len(self.diffusion) - 1)))

    def of(self, expression: sp.Expr) -> sp.Expr:
        """Return an expression in L(x), D(x) and their derivatives at this point; L' vanishes there."""
        return expression.doit().xreplace(self._values)

    def derivatives(self, expression: sp.Expr, highest: int) -> tuple[sp.Expr, ...]:
        """Return the expression and its derivatives up to ``highest`` at this point."""
        return tuple(derivative.xreplace(self._values) for derivative in _undetermined(expression, highest))

    @cached_property
    def _values(self) -> dict[sp.Expr, sp.Expr]:
        values: dict[sp.Expr, sp.Expr] = {LOSS.diff(X): sp.Integer(0), DIFFUSION: self.diffusion[0]}
        values |= {LOSS.diff(X, k): s for k, s in enumerate(self.loss, 2)}
        return values | {DIFFUSION.diff(X, k): s for k, s in enumerate(self.diffusion[1:], 1)}


@cache
def _undetermined(expression: sp.Expr, highest: int) -> tuple[sp.Expr, ...]:
    """Return an expression in L(x) and D(x) and its derivatives, at any point."""
    return tuple(accumulate([expression] * (highest + 1), lambda derivative, _: sp.diff(derivative, X)))


@cache
def jet_at(place: str, order: int) -> Jet:
    """Return the symbols for an expansion with ``order`` corrections at the minimum "a" or the saddle "b"."""
    curvature, diffusion = (curvature_min, diffusion_min) if place == "a" else (curvature_saddle, diffusion_saddle)
    where = "minimum" if place == "a" else "saddle"
    loss = (curvature, *(_derivative("L", k, place, where) for k in range(3, 2 * order + 3)))
    return Jet(place, loss, (diffusion, *(_derivative("D", k, place, where) for k in range(1, 2 * order + 1))))


def _derivative(letter: str, order: int, place: str, where: str) -> sp.Symbol:
    name = f"{letter}{order}_{place}"
    if name in GLOSSARY:
        return GLOSSARY[name].symbol
    what, unit = ("loss", f"loss/length^{order}") if letter == "L" else ("diffusion coefficient", f"length^{2 - order}/time")
    mark = "'" * order if order <= 3 else f"^{{({order})}}"
    size = 1.0 if letter == "L" else 0.05
    return declare(
        name,
        f"{letter}_{place}{mark}",
        f"derivative {order} of the {what} at the {where}",
        unit=unit,
        typical=(-size, size),
        real=True,
    )
