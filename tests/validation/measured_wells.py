"""Measured paths of wells that are known as formulas: what a probe would find, without a network."""

import numpy as np
import sympy as sp

from eyring.validation.probes.critical import CriticalProbe
from eyring.validation.probes.path import MeasuredPath


def probe(loss, noise, place, coordinates, index):
    """Return the critical point at a place, from derivatives taken by sympy."""
    at = dict(zip(coordinates, place, strict=True))

    def numbers(matrix):
        return np.array(sp.Matrix(matrix).subs(at).evalf(), dtype=float)

    values, vectors = np.linalg.eigh(numbers(sp.hessian(loss, coordinates)))
    slope = float(np.linalg.norm(numbers([sp.diff(loss, x) for x in coordinates])))
    G = vectors.T @ numbers(noise) @ vectors
    return CriticalProbe(np.array(place, dtype=float), float(loss.subs(at)), slope, values, vectors, G, 0.0, index)


def straight_path(loss, noise, coordinates, start, over, end, *, points=41):
    """Return the path along the first coordinate, on which the others rest, with its loss and noise as formulas (matrix G of one sample)."""
    x = coordinates[0]
    half = points // 2
    places = np.concatenate([np.linspace(start[0], over[0], half + 1), np.linspace(over[0], end[0], points - half)[1:]])
    side = np.sign(over[0] - start[0])

    def along(expression):
        values = sp.lambdify(coordinates, expression, "numpy")(places, *[np.full_like(places, c) for c in start[1:]])
        return np.broadcast_to(values, places.shape).astype(float)

    positions = np.tile(np.array(start, dtype=float), (points, 1))
    positions[:, 0] = places
    tangents = np.zeros_like(positions)
    tangents[:, 0] = side
    ends = (probe(loss, noise, p, coordinates, k) for p, k in ((start, 0), (over, 1), (end, 0)))
    slope, curvature = side * along(sp.diff(loss, x)), along(sp.diff(loss, x, 2))
    return MeasuredPath(abs(places - places[0]), positions, along(loss), tangents, slope, curvature, along(noise[0, 0]), half, *ends)
