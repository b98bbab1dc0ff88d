"""Rates of one landscape at any strength of its noise: panels, potentials and first guesses are kept.

Each table serves strengths within a factor sqrt(2) of each other, and is the same whatever was asked before.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from eyring.errors import EyringError
from eyring.numerics.exact.line import Line
from eyring.numerics.exact.quadrature import Panels, halved
from eyring.numerics.exact.relaxation.mode_kernel import machine
from eyring.numerics.exact.relaxation.mode_panels import DROP, DROP_A_MODE, ROUNDING, SETTLED, SPARE, WIDER, Passes
from eyring.numerics.exact.relaxation.terrain import Shape, Terrain, shape_of, terrain_of
from eyring.numerics.exact.values import ordinary
from eyring.theory.sde import SDE
from eyring.theory.symbols import GLOSSARY

__all__ = ["Family", "Table", "family_of"]

BINS = 2  # to an octave
MOST_ROUNDS = 3
WORTHWHILE = 8  # points at one landscape that repay a table of their own
SMALLEST, LARGEST = 1e-140, 1e140  # of a strength, so that no square of it leaves the floats
NO_WALLS = np.zeros(2, dtype=bool)

Grid = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Table:
    """A process on coarse and fine panels, for c between ``low`` and sqrt(2) of it in Phi = c phi(x), D = pattern(x).

    Attributes:
        low: The least c.
        guesses: ln lambda as a polynomial in c/low - 1, (powers, count).
        terms: Powers of lambda that make the series exact to rounding.
        grids: What ``mode_kernel.solve`` needs of the coarse and of the fine panels.
    """

    low: float
    guesses: np.ndarray
    terms: int
    grids: tuple[Grid, Grid]

    @classmethod
    def of(cls, line: Callable[[float], Line], terrain: Terrain, low: float, count: int) -> "Table":
        """Cut panels that resolve ``count`` modes at every strength of the bin, and look for the rates at three of them.

        Raises:
            AccuracyError: If the rates cannot be found at one.
        """
        strengths, indices = low * 2.0 ** (np.arange(3) / (2 * BINS)), range(1, count + 1)

        def reaching(more: int) -> np.ndarray:
            far = terrain.cut(low, line(low).weight, WIDER**more * (DROP + DROP_A_MODE * count))[[0, -1]]
            return terrain.between(far[0], far[1], strengths[-1])

        wide = reaching(1)
        first, last = np.searchsorted(wide, terrain.wells[[0, -1]]).tolist()
        edges = wide[int(SPARE * first) : len(wide) - int(SPARE * (len(wide) - last))]
        logs: list[list[float]] = []
        for c in strengths[::-1].tolist():
            passes, rates = Passes.of(line(c), edges).smallest(indices)
            edges = passes.panels.edges
            logs.insert(0, [math.log(mantissa) + shift for mantissa, shift in rates])
        guesses = np.polynomial.polynomial.polyfit(strengths / low - 1, np.array(logs), 2)
        for more in range(1, MOST_ROUNDS + 1):
            inner, wide, terms = halved(edges), reaching(more), 2
            fine = np.concatenate([wide[wide < inner[0]], inner, wide[wide > inner[-1]]])
            for c, log in zip(strengths.tolist(), logs, strict=True):
                passes, largest = Passes.of(line(c), fine), 2 * math.exp(log[-1])
                fine = passes.resolved(largest).panels.edges
                terms = max(terms, passes.terms(largest), Passes.of(line(c), edges).terms(largest))
            table = cls(low, guesses, terms, (_grid(line(1.0), edges), _grid(line(1.0), fine)))
            if np.all(table.rates(strengths)[:, :, 2] < np.inf):
                break
            edges = fine
        return table

    def rates(self, strengths: np.ndarray) -> np.ndarray:
        """Return (mantissa, logarithm, relative error) of each rate at each c, (n, count, 3); an infinite error where nothing settled."""
        found: np.ndarray = machine().solve(strengths, self.low, self.guesses, self.terms, NO_WALLS, self.grids)
        apart = found[:, :, 2]
        apart[:] = np.where(apart < SETTLED, np.maximum(apart, ROUNDING * (10 + np.abs(found[:, :, 1]))), np.inf)
        return found


def _grid(line: Line, edges: np.ndarray) -> Grid:
    """Return phi at the nodes, D^-q and D^(q-1) there, half widths and phi over each panel; nodes first."""
    panels = Panels(edges)
    slope, diffusion = line(panels.points)
    parts = panels.running(slope), diffusion**-line.weight, diffusion ** (line.weight - 1)
    local, scale, speed = (np.ascontiguousarray(part.T) for part in parts)
    return local, scale, speed, np.ascontiguousarray(panels.half[:, 0]), panels.whole(slope)


@dataclass(frozen=True)
class Family:
    """A one-dimensional SDE whose rates are asked for at many values of its parameters.

    Attributes:
        sde: The process.
        shape: The process without its strengths.
        names: Its parameters, by name.
        clock: Continuous time of one step, where that is a number.
        plain: Whether any float may be given for a parameter, and the clock is a number.
    """

    sde: SDE
    shape: Shape
    names: tuple[str, ...]
    clock: float | None
    plain: bool

    def columns(self, values: Any) -> list[float] | None:
        """Return the values in the order of the parameters where they are one plain float for each name, else None."""
        if not self.plain or not isinstance(values, Mapping) or len(values) != len(self.names):
            return None
        named = {getattr(key, "name", key): value for key, value in values.items()}
        columns = [named.get(name) for name in self.names]
        return columns if all(map(ordinary, columns)) else None  # type: ignore[return-value]

    def rates(self, columns: list[float], count: int) -> list[tuple[float, float, float]] | None:
        """Return (mantissa, shift, relative error) of each rate, or None where that takes more than a table."""
        if self.shape.inner:
            return None
        try:
            strength, level = float(self.shape.strength(*columns)), float(self.shape.level(*columns))
        except (ArithmeticError, TypeError, ValueError):
            return None
        if not (SMALLEST < level < LARGEST and SMALLEST < abs(strength) < LARGEST):
            return None
        table = _table(self.sde, (), math.copysign(1.0, strength), math.floor(BINS * math.log2(abs(strength))), count)
        if table is None:
            return None
        found = table.rates(np.array([abs(strength)]))[0]
        if found[:, 2].max() == math.inf:
            return None
        found[:, 0] *= level
        return [(mantissa, shift, error) for mantissa, shift, error in found.tolist()]

    def many(self, columns: np.ndarray, count: int) -> np.ndarray:
        """Return (mantissa, shift, relative error) of each rate at each row of values, (n, count, 3); infinite errors where a table is not enough."""
        with np.errstate(all="ignore"):
            parts = (np.asarray(f(*columns.T), dtype=float) for f in (self.shape.strength, self.shape.level))
            strength, level = (np.broadcast_to(part, len(columns)) for part in parts)
        size = np.abs(strength)
        result = np.full((len(columns), count, 3), np.inf)
        fit = np.flatnonzero((size > SMALLEST) & (size < LARGEST) & (level > SMALLEST) & (level < LARGEST))
        bins = np.floor(BINS * np.log2(size[fit]))
        keys = np.column_stack([columns[fit][:, list(self.shape.inner)], np.sign(strength[fit]), bins])
        kinds, which, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        for i, key in enumerate(kinds.tolist()):
            if self.shape.inner and sizes[i] < WORTHWHILE:
                continue
            table = _table(self.sde, tuple(key[:-2]), key[-2], int(key[-1]), count)
            if table is not None:
                some = fit[which.ravel() == i]
                result[some] = table.rates(size[some])
                result[some, :, 0] *= level[some, None]
        return result


@lru_cache(maxsize=512)
def _table(sde: SDE, inner: tuple[float, ...], sign: float, place: int, count: int) -> Table | None:
    """Return the table for strengths from 2^(place/2); None where the spectrum has a continuous part or the rates are not found."""
    shape, low = shape_of(sde), 2.0 ** (place / BINS)
    try:
        terrain = terrain_of(sde, inner, sign, place // BINS)
        return Table.of(lambda c: shape.line(inner, sign * c), terrain, low, count) if terrain.steep else None
    except EyringError:
        return None


@lru_cache(maxsize=256)
def family_of(sde: SDE) -> Family | None:
    """Return the family of a one-dimensional SDE, None for any other."""
    if sde.dim != 1 or sde.diffusion[0, 0] == 0:
        return None
    bounded = any(p.name in GLOSSARY and GLOSSARY[p.name].bounds for p in sde.parameters)
    clock = None if sde.clock.free_symbols else float(sde.clock)
    return Family(sde, shape_of(sde), tuple(p.name for p in sde.parameters), clock, clock is not None and not bounded)
