"""Where the drift alone leads: from a point to the attractor of its basin, and the fixed point nearest to a number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from eyring.numerics.exact.action.ends import written

__all__ = ["SNAP", "Course", "course", "fixed_point", "leaving"]

SNAP = 1e-6
STEPS = 4000
TOLERANCE = 2e-3  # of the way gone
FARTHEST = 1e4  # in units of the first distance
LEAVING = 1e-3


class Downhill(Protocol):
    """What drives a course: a drift and its derivatives at points (k, n)."""

    def drift(self, x: np.ndarray) -> np.ndarray:
        """Return f, (k, n)."""

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return df_i/dx_j, (k, n, n)."""


@dataclass(frozen=True)
class Course:
    """A solution of x' = f.

    Attributes:
        points: (steps, n).
        settled: Whether it came to rest.
    """

    points: np.ndarray
    settled: bool

    def reaches(self, point: np.ndarray, *, within: float) -> bool:
        """Say whether it ends near ``point``."""
        return self.settled and float(np.linalg.norm(self.points[-1] - point)) < within

    def __str__(self) -> str:
        return f"comes to rest at {written(np.round(self.points[-1], 6) + 0.0)}" if self.settled else "does not come to rest"


def course(field: Downhill, start: np.ndarray, *, size: float, tolerance: float = TOLERANCE) -> Course:
    """Follow the drift by linearly implicit Euler steps, extrapolated: stiff directions do not hold it up.

    Args:
        field: The drift.
        start: First point.
        size: Scale of the distances.
        tolerance: Error of a step, as a part of the way gone.
    """
    x, points = np.array(start, dtype=float), [np.array(start, dtype=float)]
    f = field.drift(x[None])[0]
    h, fastest = 1e-3 * size / max(float(np.linalg.norm(f)), 1e-300), float(np.linalg.norm(f))
    for _ in range(STEPS):
        try:
            coarse = _implicit(field, x, h)
            fine = _implicit(field, _implicit(field, x, h / 2), h / 2)
        except np.linalg.LinAlgError:
            h /= 3
            continue
        error = float(np.linalg.norm(fine - coarse)) / (tolerance * max(float(np.linalg.norm(fine - start)), LEAVING * size))
        if not np.isfinite(error) or error > 1:
            h *= 0.2 if not np.isfinite(error) else max(0.2, 0.9 / np.sqrt(error))
            continue
        x = 2 * fine - coarse
        points.append(x)
        speed = float(np.linalg.norm(field.drift(x[None])[0]))
        fastest = max(fastest, speed)
        if not np.isfinite(speed) or np.linalg.norm(x - start) > FARTHEST * size:
            break
        if speed <= 1e-6 * fastest and float(np.linalg.norm(points[-1] - points[-2])) < 1e-6 * size:
            return Course(np.array(points), True)
        h *= min(5.0, 0.9 / np.sqrt(error + 1e-3))
    return Course(np.array(points), False)


def _implicit(field: Downhill, x: np.ndarray, h: float) -> np.ndarray:
    J = field.jacobian(x[None])[0]
    return x + np.linalg.solve(np.eye(len(x)) - h * J, h * field.drift(x[None])[0])


def leaving(field: Downhill, saddle: np.ndarray, *, size: float, tolerance: float = TOLERANCE) -> Iterator[Course]:
    """Yield the courses that leave a saddle, two for each direction that it expels."""
    values, vectors = np.linalg.eig(field.jacobian(saddle[None])[0])
    fast = vectors[:, values.real > 0]
    directions = np.linalg.svd(np.concatenate([fast.real, fast.imag], axis=1), full_matrices=False)[0][:, : fast.shape[1]]
    for u in directions.T:
        for sign in (1, -1):
            yield course(field, saddle + sign * LEAVING * size * u, size=size, tolerance=tolerance)


def fixed_point(field: Downhill, near: np.ndarray) -> np.ndarray | None:
    """Return the zero of the drift to which Newton's method leads from ``near``, or None."""
    x = near.copy()
    for _ in range(50):
        f, J = field.drift(x[None])[0], field.jacobian(x[None])[0]
        if not (np.all(np.isfinite(f)) and np.all(np.isfinite(J))):
            return None
        if not np.any(f):
            return x
        step = np.linalg.lstsq(J, -f, rcond=1e-13)[0]
        x = x + step
        if np.linalg.norm(step) <= 1e-15 * (1 + np.linalg.norm(x)):
            return x
    return x if np.linalg.norm(step) <= 1e-9 * (1 + np.linalg.norm(x)) else None
