"""The way from a minimum up to a saddle in one dimension: the numbers of a landscape that escape formulas ask for."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import mpmath
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import draw
from eyring.theory.escape.problem import Place, pose
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.quadrature import definite
from eyring.theory.sde import SDE
from eyring.theory.symbols import climb_2, climb_3, climb_12, curvature_min, curvature_saddle, exact_number, loss_min, loss_saddle, temperature

__all__ = ["Climb", "climb_of"]

INTEGRANDS = {climb_2: (2, 0), climb_3: (3, 0), climb_12: (1, 2)}  # powers of L' and L''


@dataclass(frozen=True)
class Climb:
    """A landscape of one coordinate, a minimum of it, and the next saddle.

    Attributes:
        loss: The landscape.
        start: The minimum.
        over: The saddle.
    """

    loss: Landscape
    start: CriticalPoint
    over: CriticalPoint

    @property
    def ends(self) -> tuple[sp.Expr, sp.Expr]:
        """Where the way begins and ends."""
        return self.start.position[0], self.over.position[0]

    def integral(self, integrand: sp.Expr) -> sp.Expr:
        """Return the integral of an expression of the coordinate from the minimum to the saddle."""
        return definite(sp.expand(integrand), self.loss.coordinates[0], *self.ends)

    def value(self, symbol: sp.Symbol) -> sp.Expr:
        """Return what L_a, L_b, H_a, H_b or an integral A_... is for this landscape."""
        if symbol in INTEGRANDS:
            return self.integral(self._shape(*INTEGRANDS[symbol]))
        local = {loss_min: self.start.value, loss_saddle: self.over.value}
        return local[symbol] if symbol in local else {curvature_min: self.start, curvature_saddle: self.over}[symbol].hessian[0, 0]

    def insert(self, general: Derivation, values: Mapping[sp.Symbol, object]) -> Derivation:
        """Put this landscape, and values for the other symbols, into the last line of a general derivation."""
        own = {loss_min, loss_saddle, curvature_min, curvature_saddle, *INTEGRANDS}
        wanted = sorted(general.expression.free_symbols, key=str)
        inserted = {s: self.value(s) if s in own else exact_number(values[s]) for s in wanted}
        return general.apply(_INSERT, "insert the landscape", values=inserted, climb=self)

    def number(self, symbol: sp.Symbol, point: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        """Return the value of a symbol by numerical differentiation and quadrature, with numbers for the parameters."""
        loss = sp.lambdify(self.loss.coordinates[0], self.loss.expression.subs(point), "mpmath")
        a, b = (mpmath.mpf(sp.N(e.subs(point), 40)) for e in self.ends)
        if symbol in INTEGRANDS:
            first, second = INTEGRANDS[symbol]
            return sp.Float(mpmath.quad(lambda u: mpmath.diff(loss, u) ** first * (mpmath.diff(loss, u, 2) ** second if second else 1), [a, b]), 25)
        place, order = (a if symbol.name.endswith("_a") else b), (2 if symbol.name.startswith("H") else 0)
        return sp.Float(mpmath.diff(loss, place, order), 25)

    def _shape(self, first: int, second: int) -> sp.Expr:
        x = self.loss.coordinates[0]
        return sp.diff(self.loss.expression, x) ** first * sp.diff(self.loss.expression, x, 2) ** second


def climb_of(loss: Landscape, *, start: Place, over: Place) -> Climb:
    """Return the way from ``start`` to ``over``, both found to be what they must be.

    Raises:
        NotApplicable: If the loss has several coordinates, start is no minimum, over is no saddle, or another barrier stands on the way.
        EyringError: If start or over is no critical point.
    """
    if loss.dim != 1:
        raise NotApplicable(
            f"this formula is derived for one coordinate, and the loss has {loss.dim}; use escape_time for small steps, or simulate_escapes"
        )
    sde = SDE(-loss.gradient, temperature, loss.coordinates, landscape=loss)
    problem = pose(sde, start=start, over=over, event="next well")
    return Climb(loss, problem.start, problem.over)


def _insert(expression: sp.Expr, *, values: dict[sp.Symbol, sp.Expr], climb: Climb) -> sp.Expr:
    return expression.subs(values, simultaneous=True)


def _numbers_confirm(before: sp.Expr, after: sp.Expr, *, values: dict[sp.Symbol, sp.Expr], climb: Climb) -> bool:
    """Find levels, curvatures and integrals of the landscape numerically, at random values of its parameters."""
    generator = random.Random(7)
    free = {s for v in values.values() for s in v.free_symbols} | set(climb.loss.parameters)
    point = {s: draw(s, generator) for s in sorted(free, key=str)}
    own = {loss_min, loss_saddle, curvature_min, curvature_saddle, *INTEGRANDS}
    with mpmath.workdps(40):
        numbers = {s: climb.number(s, point) if s in own else v.subs(point) for s, v in values.items()}
        expected = before.subs(numbers, simultaneous=True).evalf(25)
        found = after.subs(point).evalf(25)
    return bool(abs(found - expected) <= 1e-9 * abs(expected))


_INSERT = Rule("insertion of the landscape", _insert, _numbers_confirm)
