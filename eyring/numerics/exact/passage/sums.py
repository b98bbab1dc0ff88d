"""A walk's mean time, scale and second moment for any number of strengths and shapes at once, each with the error that two panel sizes show."""

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eyring.errors import AccuracyError, EyringError
from eyring.numerics.exact.line import Line, lines_of
from eyring.numerics.exact.passage.panels import Route, Table, panels_for, scaled
from eyring.numerics.exact.passage.shape import Shape
from eyring.numerics.exact.quadrature import WEIGHTS, Panels, halved
from eyring.numerics.exact.tails import demand_light_tail

__all__ = ["MOMENT", "SCALE", "TIME", "Walk"]

TIME, SCALE, MOMENT = 0, 2, 4  # columns of a sweep
ROUNDING = 1e-15
ENOUGH = 10  # times rounding: where two panel sizes agree
LOOSEST = 1e-8  # no answer is given whose error may be larger
HALVINGS = 6
KEPT = 512  # plans
ABREAST = 64  # shapes on common panels

STILL = -(10**6)  # the octave of a strength of zero
_ONLY = np.zeros(1, dtype=int)

Sums = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """Panels of a walk, and the densities on them at every fineness asked for so far."""

    line: Line
    route: Route
    edges: np.ndarray
    counted: np.ndarray
    tables: list[Table] = field(default_factory=list)

    def demand_variance(self, strengths: np.ndarray) -> None:
        """Refuse a variance that far-away walkers decide."""
        if self.route.wall is None:
            apart = strengths if self.line.shape not in ((), (1,)) else strengths[[np.argmin(np.abs(strengths))]]
            demand_light_tail(scaled(self.line, apart), self.edges, self.route.start)

    def table(self, level: int) -> Table:
        """Return the densities with every panel cut in two ``level`` times."""
        while len(self.tables) <= level:
            edges, counted = self.edges, self.counted
            for _ in self.tables:
                edges, counted = halved(edges), np.repeat(counted, 2)
            self.tables.append(Table.of(self.line, self.route, edges, counted))
        return self.tables[level]

    def swept(self, level: int, strengths: np.ndarray, members: Any, *, squared: bool) -> np.ndarray:
        """Return the sums of a sweep at a fineness, for these of the shapes."""
        from eyring.numerics.exact.passage.kernel import sweep

        t = self.tables[level] if level < len(self.tables) else self.table(level)
        densities = (t.local, t.rise, t.scale_weight, t.speed_weight, t.diffusion)
        if len(t.rise) > 1:
            densities = tuple(f[members] for f in densities)  # type: ignore[assignment]
        return np.asarray(sweep()(strengths, *densities, t.half, t.first, t.counted, squared))

    def settled_at_once(self, strength: float, column: int) -> tuple[float, float, float] | None:
        """Return mantissa, shift and relative error at one strength, if the first two panel sizes agree: ``settled`` without its arrays."""
        one = np.array([strength])
        if column == MOMENT:
            self.demand_variance(one)
        coarse, fine = (self.swept(level, one, _ONLY, squared=column == MOMENT)[0].tolist() for level in (0, 1))
        floor = ROUNDING * (4 + fine[6])
        if not fine[column] > 0 or not abs(coarse[column + 1] - fine[column + 1]) < 1:
            return None
        error = abs(coarse[column] * math.exp(coarse[column + 1] - fine[column + 1]) / fine[column] - 1)
        return (fine[column], fine[column + 1], max(error, floor)) if error <= ENOUGH * floor < LOOSEST else None

    def settled(self, strengths: np.ndarray, column: int) -> Sums:
        """Halve the panels until two answers agree; return mantissas, the logarithms of their units, and relative errors.

        Raises:
            AccuracyError: If they do not agree.
        """
        if column == MOMENT:
            self.demand_variance(strengths)
        open_ones: Any = np.arange(len(strengths))
        before = self.swept(0, strengths, open_ones, squared=column == MOMENT)
        result = np.empty((3, len(strengths)))
        for level in range(1, HALVINGS + 1):
            finer = self.swept(level, strengths[open_ones], open_ones, squared=column == MOMENT)
            value, unit, rise = finer[:, column], finer[:, column + 1], finer[:, 6]
            with np.errstate(invalid="ignore", divide="ignore"):
                error = np.abs(before[:, column] * np.exp(before[:, column + 1] - unit) / value - 1)
            floor = ROUNDING * (4 + rise)
            result[:, open_ones] = value, unit, np.maximum(error, floor)
            rough = ~(error <= ENOUGH * floor)
            if not rough.any():
                break
            open_ones, before = open_ones[rough], finer[rough]
        mantissa, shift, error = result
        if not (worst := error.max()) <= LOOSEST or rough.any():
            index = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
            raise AccuracyError(
                f"the answer settled only to a relative error of {worst:.1g} (its logarithm is {_log(mantissa[index]) + shift[index]:.6g}); "
                "drift or diffusion may jump or oscillate at a point that is not written as Piecewise or Abs, or the noise is so weak that the "
                "rounding of the potential over the noise is as large",
                estimate=float(mantissa[index] * np.exp(min(shift[index], 700))),
                error=float(worst),
            )
        return mantissa, shift, error


def _log(mantissa: float) -> float:
    return math.log(mantissa) if mantissa > 0 else -math.inf


@dataclass(frozen=True)
class Walk:
    """A walk along one route of a process, for any values of its parameters.

    Attributes:
        shape: The process without its strengths.
        route: Start, target, wall.
        plans: Panels found so far: one set serves all strengths within a factor of two.
    """

    shape: Shape
    route: Route
    plans: dict[Any, Plan] = field(default_factory=dict, repr=False, compare=False)

    def sums_at_once(self, strength: float, bends: list[float], column: int) -> tuple[float, float, float] | None:
        """Return the asked sum at one set of values, if it settles at once."""
        octave = 2 * math.frexp(strength)[1] + (strength > 0) if strength else STILL
        plan = self.plans.get((array("d", bends).tobytes(), octave)) or self._plan(np.array([bends]), octave)
        return plan.settled_at_once(strength, column)

    def sums(self, strengths: np.ndarray, bends: np.ndarray, column: int) -> Sums:
        """Return the asked sum for each strength, and row of values that bend the shape, in units where D = h.

        Args:
            strengths: c, shape (n,).
            bends: Values of the shape's parameters, shape (n, parameters) or, where all share them, (1, parameters).
            column: TIME, SCALE or MOMENT.
        """
        if len(bends) == 1:
            return _gathered(len(strengths), _octaves(strengths), lambda key, some: self._plan(bends, key).settled(strengths[some], column))
        keys = _octaves(strengths * self._rises(bends))
        chunks = {(key, i): some[i : i + ABREAST] for key, some in keys.items() for i in range(0, len(some), ABREAST)}
        return _gathered(len(strengths), chunks, lambda _, some: self._abreast(strengths[some], bends[some], column))

    def _plan(self, bends: np.ndarray, octave: int) -> Plan:
        key = (bends.tobytes(), octave)
        if (plan := self.plans.get(key)) is None:
            if len(self.plans) >= KEPT:
                self.plans.clear()
            sign, power = (1 if octave % 2 else -1), octave // 2
            strongest = np.array([sign * 2.0**power if octave != STILL else 0.0])
            plan = self.plans[key] = self._planned(bends, strongest / 2, strongest)
        return plan

    def _planned(self, bends: np.ndarray, weakest: np.ndarray, strongest: np.ndarray) -> Plan:
        line = lines_of(self.shape.sde, bends)
        line = line if self.route.side == 1 else line.mirrored()
        return Plan(line, self.route, *panels_for(line, self.route, weakest, strongest))

    def _abreast(self, strengths: np.ndarray, bends: np.ndarray, column: int) -> Sums:
        """Return the sums of several shapes on common panels; where these refuse, of each half of them, so that a refusal names its own reason."""
        try:
            with np.errstate(over="raise", invalid="raise"):
                return self._planned(bends, strengths, strengths).settled(strengths, column)
        except (EyringError, FloatingPointError):
            if len(strengths) == 1:
                return self._planned(bends, strengths, strengths).settled(strengths, column)
            half = len(strengths) // 2
            parts = [self._abreast(strengths[s], bends[s], column) for s in (slice(half), slice(half, None))]
            return tuple(np.concatenate(pair) for pair in zip(*parts, strict=True))  # type: ignore[return-value]

    def _rises(self, bends: np.ndarray) -> np.ndarray:
        """Return how much phi changes on the way, for each shape, roughly."""
        line = lines_of(self.shape.sde, bends)
        ends = sorted((self.route.side * self.route.start, self.route.side * self.route.target))
        panels = Panels(np.linspace(ends[0], ends[1], 9))
        with np.errstate(all="ignore"):
            return np.asarray((np.abs(line(panels.points)[0]) @ WEIGHTS).sum(axis=-1))


def _octaves(strengths: np.ndarray) -> dict[int, np.ndarray]:
    """Return the indices of strengths of the same sign and within a factor of two, by 2 log2(upper end) + (1 if positive)."""
    octaves = np.where(strengths == 0, STILL, 2 * np.frexp(strengths)[1] + (strengths > 0)).astype(int)
    if len(octaves) == 1:
        return {int(octaves[0]): np.zeros(1, dtype=int)}
    order = np.argsort(octaves, kind="stable")
    keys, begins = np.unique(octaves[order], return_index=True)
    return {int(key): some for key, some in zip(keys, np.split(order, begins[1:]), strict=True)}


def _gathered(n: int, groups: dict[Any, np.ndarray], answer: Callable[[Any, np.ndarray], Sums]) -> Sums:
    """Return the answers of groups of indices, in order."""
    columns = np.empty((3, n))
    for key, some in groups.items():
        columns[:, some] = answer(key, some)
    return columns[0], columns[1], columns[2]
