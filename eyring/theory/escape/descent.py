"""Which two minima a saddle connects: steepest descent from it, both ways."""

import mpmath
import sympy as sp

from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["ends_of_descent", "escape_direction"]

MOST_STEPS = 20_000
SNAP = 1e-3


def escape_direction(saddle: CriticalPoint) -> tuple[list[float], float]:
    """Return the unit vector along which the saddle descends, and the curvature along it."""
    eigenvalues, vectors = mpmath.eigsy(mpmath.matrix(saddle.hessian.evalf(20).tolist()))
    lowest = min(range(len(eigenvalues)), key=lambda k: eigenvalues[k])
    return [float(vectors[i, lowest]) for i in range(vectors.rows)], float(eigenvalues[lowest])


def ends_of_descent(landscape: Landscape, saddle: CriticalPoint) -> list[tuple[sp.Expr, ...] | None]:
    """Return the minimum reached on either side of the saddle; None where the descent does not settle.

    The path is followed with short steps of bounded length that shrink wherever the loss would rise.
    """
    loss = sp.lambdify(landscape.coordinates, landscape.expression, "math")
    slope = sp.lambdify(landscape.coordinates, list(landscape.gradient), "math")
    direction, _ = escape_direction(saddle)
    minima = landscape.minima()
    span = max((abs(float(p.position[i] - saddle.position[i])) for p in minima for i in range(landscape.dim)), default=1.0)
    return [_descend(loss, slope, saddle, [side * d for d in direction], minima, span) for side in (1, -1)]


def _descend(loss, slope, saddle, direction, minima, span) -> tuple[sp.Expr, ...] | None:
    step = 0.01 * span
    point = [float(c) + step * d for c, d in zip(saddle.position, direction, strict=True)]
    height = loss(*point)
    for _ in range(MOST_STEPS):
        gradient = slope(*point)
        size = sum(g * g for g in gradient) ** 0.5
        if size == 0:
            break
        trial = [p - step * g / size for p, g in zip(point, gradient, strict=True)]
        try:
            lower = loss(*trial)
        except OverflowError:
            return None
        if lower < height:
            point, height, step = trial, lower, min(1.2 * step, 0.01 * span)
        else:
            step /= 2
        if step < 1e-9 * span:
            break
    near = [m for m in minima if max(abs(p - float(c)) for p, c in zip(point, m.position, strict=True)) < SNAP * span]
    return near[0].position if near else None
