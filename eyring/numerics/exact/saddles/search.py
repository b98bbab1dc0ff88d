"""Saddles around a minimum, the other side unknown: climb along one direction of curvature, fall along all others."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.action.ends import written
from eyring.numerics.exact.action.flow import leaving
from eyring.numerics.exact.saddles.surface import Surface
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["Hills", "climbed", "find_saddles", "pushed"]

STEPS = 120
FIRST = 1e-2  # first step, in units of 1 + |x|
SETTLED = 1e-11
PUSH = 0.02  # in units of 1 + |x|
PUSHES = 100
FARTHEST = 100.0
APART = 1e-6


class Hills(Protocol):
    """What a search for saddles asks of a loss, at points (k, n): a symbolic surface has it, and so has a network's loss on all its data."""

    def height(self, x: np.ndarray) -> np.ndarray:
        """Return L, (k,)."""

    def slope(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient, (k, n)."""

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """Return the Hessian, (k, n, n)."""

    def drift(self, x: np.ndarray) -> np.ndarray:
        """Return the way downhill, -grad L."""

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return its derivative."""


def find_saddles(
    loss: Landscape, *, start: CriticalPoint | Sequence[float] | float, values: Mapping[Any, Any] | None = None
) -> list[CriticalPoint]:
    """Return the saddles of index 1 found on the rim of a minimum's basin, the lowest first.

    From the minimum, both ways along every direction of curvature, every coordinate and some others, each walk climbs along one eigenvector of
    the Hessian, or is pushed along its first direction until that leads downhill, and falls along all others. What it reaches is kept if the
    Hessian has one negative eigenvalue there and a way downhill leads back to the minimum. Nothing about the other side need be known. A saddle
    that no walk meets stays unknown: the list may lack some.

    Args:
        loss: The landscape.
        start: Its minimum; numbers are snapped within 1e-6.
        values: Numbers for the loss's parameters, by symbol or printed name.

    Returns:
        Critical points with positions to 30 digits.

    Raises:
        ParameterError: If start is no minimum, or a value is missing.
        AccuracyError: If no walk ends at a saddle of the basin's rim.

    Source: Cerjan & Miller 1981 [recalled].

    >>> well = Landscape("x**4/4 - x**2/2 + y**2", ["x", "y"])
    >>> [str(s) for s in find_saddles(well, start=(-1, 0))]
    ['saddle at (0, 0) with loss 0']
    """
    surface = Surface.of(loss, values, asked_by="find_saddles")
    minimum = surface.minimum(start, "start")
    found: list[np.ndarray] = []
    for direction, walk in itertools.product(_directions(surface, minimum), (climbed, _along_the_lowest, pushed)):
        place = walk(surface, minimum, direction)
        if place is None or any(np.max(np.abs(place - other)) < APART * (1 + np.max(np.abs(place))) for other in found):
            continue
        found.append(place)
    saddles = [surface.critical(place) for place in found if _borders(surface, place, minimum)]
    if not saddles:
        raise AccuracyError(
            f"no saddle was met on the way up from the minimum {written(minimum)}: the loss may rise on all sides, or the walks left through a rim "
            "that is not smooth; if the other minimum is known, take minimum_energy_path"
        )
    return sorted(saddles, key=lambda s: float(s.value))


def _directions(surface: Surface, minimum: np.ndarray) -> Iterator[np.ndarray]:
    eigenvectors = np.linalg.eigh(surface.curvature(minimum[None])[0])[1].T
    others = np.random.default_rng(0).normal(size=(len(minimum), len(minimum)))
    for direction in (*eigenvectors, *np.eye(len(minimum)), *others / np.linalg.norm(others, axis=1, keepdims=True)):
        yield direction
        yield -direction


def climbed(surface: Hills, begin: np.ndarray, direction: np.ndarray, *, lowest: bool = False, first: float = FIRST) -> np.ndarray | None:
    """Return the saddle of index 1 to which the walk leads that begins uphill along ``direction``, or None.

    Every step is Newton's with the sign of each curvature set right, up along the followed eigenvector and down along the others, and no longer
    than the quadratic model has proved good for.

    Args:
        surface: The loss.
        begin: First point.
        direction: A unit vector.
        lowest: Follow the eigenvector of least curvature instead of the one most like the last.
        first: Length of a step before the walk, along ``direction``, in units of 1 + |x|.
    """
    reach = FIRST * (1 + float(np.linalg.norm(begin)))
    x, mode = begin + first / FIRST * reach * direction, direction
    g, H = surface.slope(x[None])[0], surface.curvature(x[None])[0]
    for _ in range(STEPS):
        if not (np.all(np.isfinite(g)) and np.all(np.isfinite(H))):
            return None
        curvatures, vectors = np.linalg.eigh(H)
        followed = 0 if lowest else int(np.argmax(np.abs(mode @ vectors)))
        mode = vectors[:, followed] * (np.sign(vectors[:, followed] @ (g if lowest else mode)) or 1.0)
        signs = np.where(np.arange(len(x)) == followed, -1.0, 1.0)
        step = vectors @ (-signs * (vectors.T @ g) / np.maximum(np.abs(curvatures), 1e-10 * np.max(np.abs(curvatures))))
        if curvatures[followed] > 0 and step @ mode <= 0:
            step = step + (reach - step @ mode) * mode
        length = float(np.linalg.norm(step))
        step *= min(1.0, reach / length) if length > 0 else 1.0
        g_new, H_new = surface.slope((x + step)[None])[0], surface.curvature((x + step)[None])[0]
        surprise = float(np.linalg.norm(g_new - g - H @ step)) / max(float(np.max(np.abs(curvatures)) * np.linalg.norm(step)), 1e-300)
        if not np.isfinite(surprise) or (surprise > 0.5 and length > 1e-7 * (1 + np.linalg.norm(x))):
            reach /= 3
            if reach < SETTLED:
                return None
            continue
        reach *= 1.6 if surprise < 0.1 else 1.0 if surprise < 0.25 else 0.6
        x, g, H = x + step, g_new, H_new
        if np.linalg.norm(x - begin) > FARTHEST * (1 + np.linalg.norm(begin)):
            return None
        if length < SETTLED * (1 + np.linalg.norm(x)):
            return x if np.sum(np.linalg.eigvalsh(H) < 0) == 1 else None
    return None


def _along_the_lowest(surface: Hills, begin: np.ndarray, direction: np.ndarray) -> np.ndarray | None:
    return climbed(surface, begin, direction, lowest=True)


def pushed(surface: Hills, begin: np.ndarray, direction: np.ndarray) -> np.ndarray | None:
    """Push along ``direction``, falling across it, until it leads downhill; climb from there to a saddle of index 1, or return None."""
    x, push = begin.copy(), PUSH * (1 + float(np.linalg.norm(begin)))
    for _ in range(PUSHES):
        x = x + push * direction
        g, H = surface.slope(x[None])[0], surface.curvature(x[None])[0]
        if not (np.all(np.isfinite(g)) and np.all(np.isfinite(H))):
            return None
        if g @ direction < 0:
            return climbed(surface, x, direction, first=0.0)
        curvatures, vectors = np.linalg.eigh(H)
        stiff = np.maximum(np.abs(curvatures), 1e-3 * np.max(np.abs(curvatures)))
        fall = -vectors @ ((vectors.T @ (g - (g @ direction) * direction)) / stiff)
        fall -= (fall @ direction) * direction
        x = x + fall * min(1.0, push / max(float(np.linalg.norm(fall)), 1e-300))
    return None


def _borders(surface: Surface, saddle: np.ndarray, minimum: np.ndarray) -> bool:
    """Say whether a way downhill from the saddle ends at the minimum."""
    size = float(np.linalg.norm(saddle - minimum))
    try:
        return any(way.reaches(minimum, within=1e-3 * size) for way in leaving(surface, saddle, size=size))
    except NotApplicable:
        return False
