"""Where a one-dimensional process lives at any strength of its noise: wells, far sides, and panels on which the potential changes little.

With Phi' = c phi'(x), c the part that no coordinate enters, wells stay where they are when c changes: they are looked for once.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import EyringError
from eyring.numerics.exact.line import Line, check_diffusion, kinks_of, line_of, stable_points, symbolic_slope
from eyring.numerics.exact.quadrature import Panels
from eyring.numerics.exact.tails import far_edges, resolved_edges
from eyring.theory.sde import SDE

__all__ = ["Ground", "Shape", "Terrain", "ground_of", "octave_of", "shape_of", "terrain_of"]

DROP = 170.0
CLIMB = 4.0  # change of Phi on a panel
MASTER = 1.0
SAME = 1e-12
FAR_OUT = np.array([-1e6, -1e8, 1e6, 1e8])


@dataclass(frozen=True)
class Terrain:
    """The landscape of one shape, for strengths from ``weakest`` to twice that.

    Attributes:
        weakest: The least c for which the far sides hold no probability.
        edges: Master edges from far side to far side.
        height: phi at these edges.
        climb: int |phi'| up to these edges.
        log_diffusion: ln D at these edges, up to a constant.
        corners: Edges that every cut keeps: wells and kinks.
        wells: Where the drift comes to rest.
        steep: Whether f^2/D grows without bound on both sides, so that the spectrum is made of single rates.
    """

    weakest: float
    edges: np.ndarray
    height: np.ndarray
    climb: np.ndarray
    log_diffusion: np.ndarray
    corners: np.ndarray
    wells: np.ndarray
    steep: bool

    @classmethod
    def of(cls, line: Line, weakest: float) -> "Terrain":
        """Look over a line whose Phi' belongs to the strength ``weakest``.

        Raises:
            NotApplicable: If it has no point of rest, does not confine, or D vanishes between the far sides.
        """
        wells = stable_points(line)
        curvature = line(wells[:1] + 1e-4)[0] - line(wells[:1] - 1e-4)[0]
        scale = max(float(np.ptp(wells)), 4 / math.sqrt(max(float(curvature[0]), 1e-12) / 2e-4))
        left, right = far_edges(line, wells[0], scale, drop=DROP), -far_edges(line.mirrored(), -wells[-1], scale, drop=DROP)
        rough = np.unique(np.concatenate([left, right, wells, np.linspace(wells[0], wells[-1], 65)]))
        everywhere = Panels(rough).points.ravel()
        check_diffusion(line, everywhere, where="between the two far sides")
        kinks = line.breaks(everywhere)
        corners = np.unique(np.concatenate([wells, kinks]))
        corners = corners[np.append(True, np.diff(corners) > SAME * (right[-1] - left[0]))]
        edges = resolved_edges(line, np.unique(np.concatenate([left, right, corners])), steepest=MASTER)
        panels = Panels(edges)
        slope = line(panels.points)[0] / weakest
        height, climb = (np.concatenate([[0.0], np.cumsum(panels.whole(part))]) for part in (slope, np.abs(slope)))
        return cls(weakest, edges, height, climb, np.log(line(edges)[1]), corners, wells, _is_steep(line))

    def cut(self, strength: float, weight: float, drop: float) -> np.ndarray:
        """Return panel edges between far sides that hold less than e^-drop of the outermost wells' density, Phi changing by at most 4 on each."""
        logarithm = -strength * self.height + (weight - 1) * self.log_diffusion
        low, high = np.searchsorted(self.edges, self.wells[[0, -1]])
        left, right = logarithm[: low + 1], logarithm[high:]
        first = max(int(np.argmax(left > left.max() - drop)) - 1, 0)
        last = min(len(self.edges) - int(np.argmax(right[::-1] > right.max() - drop)), len(self.edges) - 1)
        return self.between(self.edges[first], self.edges[last], strength)

    def between(self, low: float, high: float, strength: float) -> np.ndarray:
        """Return panel edges between two points, Phi changing by at most 4 on each."""
        corners = self.corners[(self.corners > low) & (self.corners < high)]
        stops = np.concatenate([[low], corners, [high]])
        levels = np.interp(stops, self.edges, self.climb)
        rises = levels[1:] - levels[:-1]
        parts = np.maximum(np.ceil(rises * (strength / CLIMB)), 1).astype(int)
        first = np.cumsum(parts) - parts
        fraction = (np.arange(parts.sum()) - np.repeat(first, parts)) / np.repeat(parts, parts)
        edges = np.interp(np.repeat(levels[:-1], parts) + fraction * np.repeat(rises, parts), self.climb, self.edges)
        edges[first] = stops[:-1]
        edges = np.append(edges, high)
        return edges if np.all(edges[1:] > edges[:-1]) else np.unique(edges)


@dataclass(frozen=True)
class Ground:
    """A process with numbers for every parameter, and where it lives.

    Attributes:
        line: Phi' and D as functions.
        strength: c in Phi' = c phi'.
        terrain: Wells, far sides and heights.
    """

    line: Line
    strength: float
    terrain: Terrain

    def edges(self, drop: float) -> np.ndarray:
        """Return panel edges between far sides that hold less than e^-drop of the largest density."""
        return self.terrain.cut(self.strength, self.line.weight, drop)


@dataclass(frozen=True)
class Shape:
    """An SDE taken apart: Phi' = strength * slope(x), D = level * pattern(x)."""

    strength: Callable[..., float]
    level: Callable[..., float]
    slope: Callable[..., Any]
    pattern: Callable[..., Any]
    kinks: tuple[Callable[..., Any], ...]
    parameters: tuple[sp.Symbol, ...]
    inner: tuple[int, ...]  # places of the parameters that slope or pattern hold
    weight: float

    def line(self, inner: tuple[float, ...], strength: float) -> Line:
        """Return the process with D = pattern(x) and this strength."""

        def coefficients(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return strength * self.slope(x, *inner), np.broadcast_to(np.asarray(self.pattern(x, *inner), dtype=float), np.shape(x))

        return Line(coefficients, tuple(partial(_with, kink, inner) for kink in self.kinks), self.weight)


@lru_cache(maxsize=256)
def shape_of(sde: SDE) -> Shape:
    """Take the strengths out of a one-dimensional process.

    Raises:
        NotApplicable: If the SDE is not one-dimensional.
    """
    x = sde.coordinates[0]
    (strength, slope), (level, pattern) = (sp.factor_terms(e).as_independent(x, as_Add=False) for e in symbolic_slope(sde))
    names = sde.parameters
    held = (slope.free_symbols | pattern.free_symbols) - {x}
    inner = tuple(i for i, p in enumerate(names) if p in held)
    arguments = (x, *[names[i] for i in inner])
    kinks = tuple(sp.lambdify(arguments, k, ["scipy", "numpy"]) for k in kinks_of(slope, pattern) if k.has(x))
    outer = [sp.lambdify(names, e, ["scipy", "numpy"]) for e in (strength, level)]
    functions = [sp.lambdify(arguments, e, ["scipy", "numpy"], cse=True) for e in (slope, pattern)]
    return Shape(outer[0], outer[1], functions[0], functions[1], kinks, names, inner, float(sde.calculus_weight))


def _with(function: Callable[..., Any], inner: tuple[float, ...], x: np.ndarray) -> Any:
    return function(x, *inner)


@lru_cache(maxsize=256)
def terrain_of(sde: SDE, inner: tuple[float, ...], sign: float, octave: int) -> Terrain:
    """Return the landscape of a shape for strengths from 2^octave to twice that, looked over once."""
    weakest = 2.0**octave
    return Terrain.of(shape_of(sde).line(inner, sign * weakest), weakest)


def octave_of(strength: float) -> int:
    """Return the octave that a strength lies in."""
    return math.floor(math.log2(abs(strength)))


def ground_of(sde: SDE, numbers: Mapping[sp.Symbol, Any]) -> Ground:
    """Return a one-dimensional process with these numbers, wells and far sides looked up or looked for.

    Raises:
        NotApplicable: If the SDE is not one-dimensional, has no point of rest, does not confine, or D vanishes between the far sides.
        ParameterError: If D is negative or not a number somewhere.
    """
    shape = shape_of(sde)
    given = [float(numbers[p]) for p in shape.parameters]
    inner = tuple(given[i] for i in shape.inner)
    try:
        with np.errstate(all="ignore"):
            strength, level = float(shape.strength(*given)), float(shape.level(*given))
    except (ArithmeticError, TypeError):
        strength = level = math.nan
    if not (level > 0 and 0 < abs(strength) < math.inf):
        _refuse(line_of(sde, numbers))
    try:
        terrain = terrain_of(sde, inner, math.copysign(1.0, strength), octave_of(strength))
    except EyringError:
        _refuse(line_of(sde, numbers))
        raise

    def coefficients(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return strength * shape.slope(x, *inner), level * shape.pattern(x, *inner)

    return Ground(Line(coefficients, (), float(sde.calculus_weight)), abs(strength), terrain)


def _scale(line: Line, well: float) -> float:
    """Return how far left of a well Phi has risen by about ten."""
    distances = np.geomspace(1e-12, 1e12, 481)
    steepness = np.abs(line(well - distances)[0])
    with np.errstate(all="ignore"):
        rise = np.cumsum(steepness[1:] * np.diff(distances))
    enough = np.flatnonzero(~(rise < 10))
    return float(distances[enough[0] + 1] if len(enough) else 1.0)


def _is_steep(line: Line) -> bool:
    slope, diffusion = line(FAR_OUT)
    with np.errstate(all="ignore"):
        strength = (slope**2 * diffusion).reshape(2, 2)
    return bool(np.all(strength[:, 1] > 4 * strength[:, 0]) or np.all(strength[:, 1] == np.inf))


def _refuse(line: Line) -> None:
    """Say, in the process's own numbers, why it has no spectrum."""
    check_diffusion(line, np.linspace(-1, 1, 9), where="near the origin")
    Terrain.of(line, 1.0)
