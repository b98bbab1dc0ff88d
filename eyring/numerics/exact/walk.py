"""A walk along a line, cut into panels: scale and speed densities, and the heights that keep every integral in range."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.exact.line import Line, check_diffusion, line_of
from eyring.numerics.exact.quadrature import Panels, halved, running_sum
from eyring.numerics.exact.stability import demand_stable_steps
from eyring.numerics.exact.tails import DROP, MOST_PANELS, STEEPEST, far_edges, resolved_edges
from eyring.numerics.exact.values import coordinate_of
from eyring.theory.sde import SDE

__all__ = ["Grid", "Passage", "passage", "wall_behind", "way"]


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

    def converged(self, quantity: "Callable[[Passage, np.ndarray], tuple[float, float, float]] | None" = None) -> tuple[float, float, float]:
        """Halve the panels until two answers agree; return (mantissa, shift, relative error).

        Args:
            quantity: What is asked for, from the walk and the panels' edges; left out, the mean time.

        Raises:
            AccuracyError: If they do not agree.
        """
        asked = quantity or Passage.on
        edges = self.edges()
        mantissa, shift, rise = asked(self, edges)
        floor = 1e-15 * (4 + rise)
        for _ in range(6):
            edges = halved(edges)
            finer, finer_shift, _ = asked(self, edges)
            error = abs(mantissa * math.exp(shift - finer_shift) / finer - 1)
            mantissa, shift = finer, finer_shift
            if error <= 10 * floor:
                return mantissa, shift, max(error, floor)
            if len(edges) > MOST_PANELS:
                break
        raise AccuracyError(
            f"the answer settled only to a relative error of {error:.1g} (its logarithm is {math.log(mantissa) + shift:.6g}); drift or diffusion "
            "may jump or oscillate at a point that is not written as Piecewise or Abs",
            estimate=mantissa * math.exp(min(shift, 700)),
            error=error,
        )

    def on(self, edges: np.ndarray) -> tuple[float, float, float]:
        """Return (mantissa, shift, rise of Phi on the way) of the mean time with these panels."""
        grid = Grid.of(self, edges)
        return grid.summed(grid.nested())

    def variance_on(self, edges: np.ndarray) -> tuple[float, float, float]:
        """Return (mantissa, shift, rise of Phi) of the time's variance, int s' int m 2 D T'^2: a sum of positive terms.

        The variance V obeys the backward equation with -2 D T'^2 on its right side, T the mean time and -T' = s' int m.
        """
        grid = Grid.of(self, edges)
        highest = float(grid.height.max())
        slope_of_time = grid.nested() * np.exp(grid.height - highest)[:, None]
        mantissa, shift, rise = grid.summed(grid.nested(2 * grid.diffusion * slope_of_time**2))
        return mantissa, shift + 2 * highest, rise


@dataclass(frozen=True)
class Grid:
    """A walk on panels: Phi at their edges, scale and speed densities at their nodes, and the heights that keep everything in range.

    Attributes:
        panels: The panels.
        first: The panel that begins at the start.
        diffusion: D at the nodes.
        local: Phi at the nodes, from the left end of each panel.
        base: Phi at the edges, from the start.
        lowest: The least Phi left of each panel.
        weight: q of the calculus.
    """

    panels: Panels
    first: int
    diffusion: np.ndarray
    local: np.ndarray
    base: np.ndarray
    lowest: np.ndarray
    weight: float

    @classmethod
    def of(cls, walk: Passage, edges: np.ndarray) -> "Grid":
        """Evaluate the coefficients of a walk on panels with these edges."""
        panels = Panels(edges)
        first = int(np.searchsorted(edges, walk.start))
        slope, diffusion = walk.line(panels.points)
        base = _from(panels.whole(slope), first)
        return cls(panels, first, diffusion, panels.running(slope), base, np.minimum.accumulate(base[:-1]), walk.line.weight)

    @property
    def height(self) -> np.ndarray:
        """Phi at each panel's left end above the lowest before it: the logarithm by which ``nested`` is too small."""
        return self.base[:-1] - self.lowest

    @property
    def top(self) -> float:
        """The largest height on the way."""
        return float(self.height[self.first :].max())

    @property
    def scale(self) -> np.ndarray:
        """The scale density e^Phi D^-q at the nodes, Phi from the left end of each panel."""
        return np.asarray(np.exp(self.local) * self.diffusion**-self.weight)

    def nested(self, source: np.ndarray | float = 1.0) -> np.ndarray:
        """Return s'(y) int^y m source at the nodes, to be multiplied by e^height."""
        speed = np.exp(-self.local) * self.diffusion ** (self.weight - 1) * source
        population = _population(self.panels.whole(speed), self.height, self.lowest)
        return np.asarray(self.scale * (population[:, None] + np.exp(-self.height)[:, None] * self.panels.running(speed)))

    def summed(self, nested: np.ndarray) -> tuple[float, float, float]:
        """Return (mantissa, shift, rise of Phi) of the integral of ``nested`` from start to target."""
        parts = self.panels.whole(nested)[self.first :]
        total = float(np.sum(parts * np.exp(self.height[self.first :] - self.top)))
        return total, self.top, float(np.ptp(self.base[self.first :]))


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


def _from(steps: np.ndarray, first: int) -> np.ndarray:
    """Return the running sum that is zero at edge ``first``, summed outwards from there."""
    return np.concatenate([-running_sum(steps[:first][::-1])[:0:-1], running_sum(steps[first:])])


def _population(whole: np.ndarray, height: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    """Return the probability left of each panel, in units of e^-lowest there, so that nothing overflows."""
    gains = whole * np.exp(-height)
    shrink = np.exp(np.diff(lowest, append=lowest[-1]))
    population, running = np.empty(len(whole)), 0.0
    for k, (gain, factor) in enumerate(zip(gains.tolist(), shrink.tolist(), strict=True)):
        population[k] = running
        running = (running + gain) * factor
    return population
