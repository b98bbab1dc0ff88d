"""A walk along a line: where it begins, ends and is thrown back, and panels on each of which Phi changes little."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.exact.line import Line, check_diffusion, line_of
from eyring.numerics.exact.quadrature import Panels
from eyring.numerics.exact.stability import demand_stable_steps
from eyring.numerics.exact.tails import DROP, STEEPEST, far_edges, resolved_edges
from eyring.numerics.exact.values import coordinate_of
from eyring.theory.sde import SDE

__all__ = ["Passage", "passage", "wall_behind", "way"]


@dataclass(frozen=True)
class Passage:
    """A walk from ``start`` up to ``target`` > start along a line; behind it a tail, or a wall that reflects."""

    line: Line
    start: float
    target: float
    wall: float | None = None

    def edges(self, *, drop: float = DROP, steepest: float = STEEPEST) -> np.ndarray:
        """Return panel edges from the cut of the far tail to the target, start among them."""
        on_the_way = np.linspace(self.start, self.target, 1025)
        check_diffusion(self.line, on_the_way, where="on the way from start to target")
        far = self._behind(drop)
        outside = Panels(far).points.ravel()
        if len(outside):
            check_diffusion(self.line, outside, where="on the far side of the start")
        kinks = self.line.breaks(np.concatenate([outside, on_the_way]))
        base = np.unique(np.concatenate([far, [self.start, self.target], kinks]))
        return resolved_edges(self.line, base, steepest=steepest)

    def _behind(self, drop: float) -> np.ndarray:
        if self.wall is None:
            return far_edges(self.line, self.start, self.target - self.start, drop=drop)
        return np.linspace(self.wall, self.start, 9) if self.wall < self.start else np.array([self.start])


def passage(sde: SDE, start: Any, target: Any, reflecting: float | None, numbers: Mapping[sp.Symbol, Any]) -> Passage:
    """Return the walk along the line, mirrored where it goes down."""
    begin, end = way(start, target, numbers)
    demand_stable_steps(sde, begin, end, numbers)
    side = 1 if end > begin else -1
    line = line_of(sde, numbers)
    wall = None if reflecting is None else wall_behind(reflecting, begin, side, numbers)
    return Passage(line if side == 1 else line.mirrored(), float(side * begin), float(side * end), None if wall is None else float(side * wall))


def wall_behind(reflecting: Any, begin: sp.Expr, side: int, numbers: Mapping[sp.Symbol, Any]) -> sp.Expr:
    """Return the wall's place as an exact number.

    Raises:
        ParameterError: If it stands on the way to the target.
    """
    wall = coordinate_of(reflecting, numbers, role="reflecting")
    if side * float(wall) > side * float(begin):
        raise ParameterError(f"the reflecting wall at {sp.N(wall, 6)} stands between start {sp.N(begin, 6)} and target; it belongs behind the start")
    return wall


def way(start: Any, target: Any, numbers: Mapping[sp.Symbol, Any]) -> tuple[sp.Expr, sp.Expr]:
    """Return start and target as exact numbers.

    Raises:
        ParameterError: If they are the same point, or not numbers.
    """
    begin, end = coordinate_of(start, numbers, role="start"), coordinate_of(target, numbers, role="target")
    if float(begin) == float(end):
        raise ParameterError(f"start and target are the same point, {sp.N(begin, 6)}; the time between them is zero. Name two different points")
    return begin, end
