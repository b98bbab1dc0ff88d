"""Where a drift in two coordinates comes to rest: the attracting zeros of the drift, or a place on the cycle that attracts instead."""

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.exact.plane.coefficients import Plane

__all__ = ["attractors"]

SCALES = (0.3, 1.0, 3.0, 10.0, 100.0)
ACROSS = 7
STEPS = 40
WANDER = 4000


def attractors(plane: Plane) -> np.ndarray:
    """Return the attracting points, (points, 2): zeros of the drift with no growing direction, or two far points of an attracting cycle.

    Raises:
        NotApplicable: If nothing attracts.
    """
    side = np.linspace(-1, 1, ACROSS) + 0.013
    x, y = (np.concatenate([s * g.ravel() for s in SCALES]) for g in np.meshgrid(side, side - 0.007))
    points = _zeros(plane, x, y)
    if len(points):
        J = np.moveaxis(plane.jacobian(*points.T), -1, 0)
        rates = np.linalg.eigvals(J)
        steady = np.max(rates.real, axis=1) <= 1e-7 * np.max(np.abs(rates), axis=1) + 1e-12
        if np.any(steady):
            return points[steady]
    return _cycle(plane)


def _zeros(plane: Plane, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the zeros of the drift that Newton's iteration finds from these points, each once."""
    first = plane.drift(x, y)
    scale = np.max(np.abs(first), where=np.isfinite(first), initial=1e-300)
    length = np.full(len(x), np.inf)
    for _ in range(STEPS):
        f, J = plane.drift(x, y), plane.jacobian(x, y)
        with np.errstate(all="ignore"):
            det = J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
            dx, dy = (J[1, 1] * f[0] - J[0, 1] * f[1]) / det, (J[0, 0] * f[1] - J[1, 0] * f[0]) / det
            length, most = np.hypot(dx, dy), 0.5 * (np.hypot(x, y) + 0.1)
            short = np.minimum(1, most / np.where(length > 0, length, 1))
            x, y = x - short * dx, y - short * dy
        alive = np.isfinite(x) & np.isfinite(y) & (np.hypot(x, y) < 1e4)
        x, y, length = x[alive], y[alive], length[alive]
        if not len(x) or np.all(length <= 1e-13 * (1 + np.hypot(x, y))):
            break
    with np.errstate(all="ignore"):
        found = np.hypot(*plane.drift(x, y)) <= 1e-9 * scale
    kept: list[np.ndarray] = []
    for point, step in sorted(zip(np.stack([x, y], axis=1)[found], length[found], strict=True), key=lambda p: p[1]):
        if step <= 1e-4 * (1 + np.hypot(*point)) and all(np.hypot(*(point - other)) > 1e-3 * (1 + np.hypot(*point)) for other in kept):
            kept.append(point)
    return np.array(kept).reshape(-1, 2)


def _cycle(plane: Plane) -> np.ndarray:
    """Follow the drift, by length and not by time, until it stays in a bounded place that it does not leave."""
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False) + 0.1
    x, y = (np.concatenate([s * part(angles) for s in SCALES]) for part in (np.cos, np.sin))
    trail = []
    for k in range(WANDER):
        step = 0.02 * np.hypot(x, y) + 1e-3
        fx, fy = plane.drift(x, y)
        with np.errstate(all="ignore"):
            pace = step / np.hypot(fx, fy)
            mx, my = plane.drift(x + pace * fx / 2, y + pace * fy / 2)
            pace = step / np.hypot(mx, my)
            x, y = x + pace * mx, y + pace * my
        x, y = (np.where(np.isfinite(c) & (np.abs(c) < 1e6), c, np.nan) for c in (x, y))
        if k >= WANDER // 2:
            trail.append((x, y))
    places = np.array(trail)
    bounded = np.all(np.isfinite(places), axis=(0, 1))
    if not np.any(bounded):
        raise NotApplicable(
            f"the drift in {plane.names[0]}, {plane.names[1]} has no attractor: it vanishes at no point that attracts, and from a distance of "
            f"{SCALES[0]:g} to {SCALES[-1]:g} it leads away without bound; without an attractor there is no stationary state and no relaxation"
        )
    path = places[:, :, np.argmax(bounded)]
    return np.array([path[np.argmin(path[:, 0])], path[np.argmax(path[:, 0])], path[np.argmin(path[:, 1])], path[np.argmax(path[:, 1])]])
