"""Gradient noise in proportion to the Hessian, C = [H]^+ / B, frozen at the minimum and then at the saddle (Xie et al. 2021)."""

from dataclasses import dataclass
from itertools import pairwise

import sympy as sp

from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number, switch_point

__all__ = ["Hessian"]


@dataclass(frozen=True)
class Hessian(GradientNoise):
    """C = [H(a)]^+/B up to the coordinate value ``switch``, C = [H(b)]^+/B beyond it; [H]^+ has the absolute eigenvalues of H.

    Taken at every point instead, the noise vanishes where the curvature changes sign and no walker ever crosses.

    Args:
        switch: Where the noise changes from that of the minimum to that of the saddle; left out, it stays the symbol c.
        between: The minimum a and the saddle b; needed if ``switch`` does not single them out.
        pointwise: Ask for C = [H(x)]^+/B at every point; refused in one dimension.
    """

    switch: sp.Expr = switch_point
    between: tuple[CriticalPoint, CriticalPoint] | None = None
    pointwise: bool = False

    def __post_init__(self) -> None:
        try:
            c = None if isinstance(self.switch, bool) else exact_number(self.switch)
        except (sp.SympifyError, TypeError):
            c = None
        if not isinstance(c, sp.Expr) or c.is_extended_real is False or c is sp.nan or c.is_infinite:
            raise ParameterError(f"switch must be a real, finite coordinate value or a symbol, got {self.switch!r}")

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the piecewise constant covariance; with a single minimum and no saddle, H/B of that minimum everywhere.

        Raises:
            NotApplicable: If asked for at every point, or in more than one coordinate unless the loss is a sum over coordinates.
            EyringError: If the switch does not lie between a minimum and the next saddle.
        """
        points = landscape.critical_points
        if not self.pointwise and len(points) == 1 and points[0].index == 0:
            return sp.ImmutableMatrix(points[0].hessian / batch_size)
        if landscape.dim != 1:
            raise NotApplicable(
                f"Hessian noise with a switch point is derived along one coordinate, and the loss has {landscape.dim}; "
                "take the loss along the escape direction, or give the measured covariance: ey.noise.Covariance(matrix)"
            )
        if self.pointwise:
            raise NotApplicable(
                "noise C = |L''(x)|/B at every point vanishes at the inflection point between minimum and saddle, where the drift points back: "
                "no walker crosses and the escape time is infinite. Use Hessian(switch=c) (frozen at the minimum, then at the saddle), "
                "or the covariance of real batches: ey.noise.FiniteSum(losses)"
            )
        well, saddle = self._pair(landscape)
        x, c = landscape.coordinates[0], exact_number(self.switch)
        at_well, at_saddle = (abs(p.hessian[0, 0]) / batch_size for p in (well, saddle))
        well_is_left = (saddle.position[0] - well.position[0]).is_nonnegative is not False
        left, right = (at_well, at_saddle) if well_is_left else (at_saddle, at_well)
        return sp.ImmutableMatrix([[sp.Piecewise((left, x < c), (right, True))]])

    def _pair(self, landscape: Landscape) -> tuple[CriticalPoint, CriticalPoint]:
        if self.between is not None:
            return self.between
        points = landscape.critical_points
        neighbours = [(p, q) for p, q in pairwise(points) if {p.index, q.index} == {0, 1}]
        c = exact_number(self.switch)
        if c.is_number:
            if any(e.free_symbols for p in points for e in p.position):
                raise EyringError(
                    f"the switch point {c} is a number, and the places of the critical points ({', '.join(str(p.position[0]) for p in points)}) are "
                    "symbols, so that nothing says where it lies; leave switch out (it stays the symbol c) and give c its number with the others, or "
                    "name the pair: Hessian(switch=..., between=(minimum, saddle))"
                )
            neighbours = [(p, q) for p, q in neighbours if bool(p.position[0] < c) and bool(c < q.position[0])]
        if len(neighbours) != 1:
            where = ", ".join(str(p) for p in points) or "none"
            raise EyringError(
                f"the switch point {c} does not single out one minimum and the saddle next to it (critical points: {where}); "
                "give a number between the two, or Hessian(switch=..., between=(minimum, saddle))"
            )
        p, q = neighbours[0]
        return (p, q) if p.index == 0 else (q, p)
