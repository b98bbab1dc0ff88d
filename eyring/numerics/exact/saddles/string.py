"""The way of least climb between two minima: down both sides from every saddle on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.exact.action.ends import written
from eyring.numerics.exact.action.flow import fixed_point, leaving
from eyring.numerics.exact.action.guess import curve
from eyring.numerics.exact.saddles.search import Hills, climbed
from eyring.numerics.exact.saddles.surface import Surface
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["EnergyPath", "Leg", "leg_over", "legs_between", "minimum_energy_path"]

IMAGES = 31
ROUNDS = 150
STILL = 1e-3  # of the string's length: a string that moves less is at rest
FINE = 1e-4  # error of a step downhill, as a part of the way gone
SAME = 1e-3
DEEPEST = 4


@dataclass(frozen=True, eq=False)
class EnergyPath:
    """A way along which the gradient points, over one or more saddles.

    Attributes:
        path: Points from start to end, (points, n).
        heights: The loss at them, (points,).
        saddles: The saddles crossed, in order.
        minima: The minima passed, in order: start, those between, end.
    """

    path: np.ndarray
    heights: np.ndarray
    saddles: tuple[CriticalPoint, ...]
    minima: tuple[CriticalPoint, ...]

    @property
    def barrier(self) -> float:
        """The highest saddle above the start."""
        return max(float(s.value) for s in self.saddles) - float(self.minima[0].value)

    def __repr__(self) -> str:
        ends = f"from the {self.minima[0]} to the {self.minima[-1]}"
        return f"path {ends} over {', '.join(f'the {s}' for s in self.saddles)}: barrier {self.barrier:.6g}, {len(self.path)} points"


@dataclass(frozen=True, eq=False)
class Leg:
    """One saddle, the way over it, and the minima on both sides, which are its first and last points."""

    saddle: np.ndarray
    points: np.ndarray

    def turned(self) -> "Leg":
        """Return the same way in the other direction."""
        return Leg(self.saddle, self.points[::-1])


def minimum_energy_path(
    loss: Landscape,
    *,
    start: CriticalPoint | Sequence[float] | float,
    end: CriticalPoint | Sequence[float] | float,
    values: Mapping[Any, Any] | None = None,
    through: Sequence[Sequence[float]] | None = None,
) -> EnergyPath:
    """Return a way between two minima on which grad L points along the way: the one taken under weak noise of one strength, D = T I.

    A string of points between the minima falls across itself; the tops along it are refined to saddles by Newton's method, with one negative
    curvature each; the way is what flows down from them. Where the string has slid through further minima, every saddle between is on the way.
    Of several such ways the one near the first guess is found.

    Args:
        loss: The landscape.
        start: A minimum; numbers are snapped within 1e-6.
        end: Another one.
        values: Numbers for the loss's parameters, by symbol or printed name.
        through: Points that the first string passes through; left out, it is straight.

    Raises:
        ParameterError: If start or end is no minimum, or both are the same.
        AccuracyError: If no chain of saddles is found between them.

    Source: E, Ren & Vanden-Eijnden 2002 for strings [recalled].

    >>> way = minimum_energy_path(Landscape("x**4/4 - x**2/2 + y**2", ["x", "y"]), start=(-1, 0), end=(1, 0))
    >>> way.barrier, way.saddles[0].position
    (0.25, (0, 0))
    """
    surface = Surface.of(loss, values, asked_by="minimum_energy_path")
    a, b = surface.minimum(start, "start"), surface.minimum(end, "end")
    size = float(np.linalg.norm(b - a))
    if size < 1e-6:
        raise ParameterError("start and end are the same minimum; a way needs two")
    first = np.array([a, *(surface.coordinates(p, "a point of through") for p in through or ()), b])
    legs = legs_between(surface, first, size)
    points = np.concatenate([legs[0].points, *(leg.points[1:] for leg in legs[1:])])
    minima = [a, *(leg.points[-1] for leg in legs[:-1]), b]
    return EnergyPath(
        points, surface.height(points), tuple(surface.critical(leg.saddle) for leg in legs), tuple(surface.critical(m) for m in minima)
    )


def legs_between(surface: Hills, guess: np.ndarray, size: float, depth: int = DEEPEST, *, tolerance: float = FINE) -> list[Leg]:
    """Return the legs from the first to the last point of a guess; gaps between the legs found are bridged in turn.

    Args:
        surface: The loss.
        guess: Points from one minimum to another.
        size: Their distance.
        depth: How often a gap may be bridged within a gap.
        tolerance: Error of a step downhill, as a part of the way gone.
    """
    a, b = guess[0], guess[-1]
    legs: list[Leg] = []
    here = a
    for leg in _over_the_tops(surface, _rested(surface, guess), size, tolerance):
        ends = [float(np.linalg.norm(leg.points[k] - here)) for k in (0, -1)]
        if max(ends) < SAME * size:
            continue
        forth = leg if ends[0] <= ends[1] else leg.turned()
        if min(ends) > SAME * size:
            legs += _bridge(surface, here, forth.points[0], size, depth, tolerance)
        legs.append(forth)
        here = forth.points[-1]
        if np.linalg.norm(here - b) < SAME * size:
            return legs
    return [*legs, *_bridge(surface, here, b, size, depth if legs else 0, tolerance)]


def _bridge(surface: Hills, a: np.ndarray, b: np.ndarray, size: float, depth: int, tolerance: float) -> list[Leg]:
    if depth == 0:
        raise AccuracyError(
            f"no chain of saddles was found between the minima {written(a)} and {written(b)}; give through=[points on the way], or take find_saddles "
            "from each of them"
        )
    return legs_between(surface, np.array([a, b]), size, depth - 1, tolerance=tolerance)


def _rested(surface: Hills, guess: np.ndarray) -> np.ndarray:
    """Let a string fall across itself until it rests: steps of Newton's length in the metric of |Hessian|, the points spaced evenly again."""
    shares = np.linspace(0, 1, IMAGES)
    x = curve(guess, shares)
    length = float(np.linalg.norm(np.diff(x, axis=0), axis=1).sum())
    reach = 0.5 * length / IMAGES
    for _ in range(ROUNDS):
        tangent = x[2:] - x[:-2]
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        g = surface.slope(x[1:-1])
        across = g - np.sum(g * tangent, axis=1, keepdims=True) * tangent
        curvatures, vectors = np.linalg.eigh(surface.curvature(x[1:-1]))
        stiff = np.maximum(np.abs(curvatures), 1e-3 * np.max(np.abs(curvatures), axis=1, keepdims=True))
        step = -np.einsum("kij,kj->ki", vectors, np.einsum("kij,ki->kj", vectors, across) / stiff)
        if not np.all(np.isfinite(step)):
            raise AccuracyError("the loss is not finite along the string between the minima; give through=[points on the way]")
        step -= np.sum(step * tangent, axis=1, keepdims=True) * tangent
        size = np.linalg.norm(step, axis=1, keepdims=True)
        x[1:-1] += step * np.minimum(1.0, reach / np.maximum(size, 1e-300)) * 0.7
        before, x = x, curve(x, shares)
        if float(np.max(size)) < STILL * length and float(np.max(np.linalg.norm(x - before, axis=1))) < STILL * length:
            break
    return x


def _over_the_tops(surface: Hills, string: np.ndarray, size: float, tolerance: float) -> list[Leg]:
    """Return the legs over the saddles next to the string's tops, in its order."""
    heights = surface.height(string)
    legs: list[Leg] = []
    for k in range(1, len(string) - 1):
        if not (heights[k] > heights[k - 1] and heights[k] >= heights[k + 1]):
            continue
        tangent = string[k + 1] - string[k - 1]
        saddle = climbed(surface, string[k], tangent / np.linalg.norm(tangent), first=0.0)
        if saddle is None or any(np.linalg.norm(saddle - leg.saddle) < 1e-6 * size for leg in legs):
            continue
        leg = leg_over(surface, saddle, size, tolerance=tolerance)
        if leg is not None:
            legs.append(leg)
    return legs


def leg_over(surface: Hills, saddle: np.ndarray, size: float, *, tolerance: float = FINE) -> Leg | None:
    """Return the way down both sides of a saddle of index 1 into the minima there, or None if a side does not come to rest."""
    ways = list(leaving(surface, saddle, size=size, tolerance=tolerance))
    if not all(way.settled for way in ways):
        return None
    down = [np.concatenate([saddle[None], way.points, _bottom(surface, way.points[-1])[None]]) for way in ways]
    return Leg(saddle, np.concatenate([down[0][::-1], down[1][1:]]))


def _bottom(surface: Hills, near: np.ndarray) -> np.ndarray:
    """Return the minimum next to the last point of a way downhill."""
    found = fixed_point(surface, near)
    return near if found is None else found
