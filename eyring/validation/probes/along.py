"""What is measured at each point of a path: loss, slope, curvature and gradient noise along the tangent, all samples, no sampling error."""

import numpy as np
import torch
from torch.func import grad, vmap

from eyring.numerics.exact.action.guess import curve
from eyring.numerics.exact.saddles.string import Leg
from eyring.validation.probes.full_batch import FullBatch

__all__ = ["arc_and_tangents", "evenly", "measured_along"]

ENTRIES = 2**22  # of per-sample gradients held at once


def evenly(leg: Leg, count: int) -> tuple[np.ndarray, int]:
    """Return ``count`` points of a way, evenly spaced on each side of its saddle, and the saddle's place among them."""
    top = int(np.argmin(np.linalg.norm(leg.points - leg.saddle, axis=1)))
    sides = leg.points[: top + 1], leg.points[top:]
    lengths = [float(np.linalg.norm(np.diff(side, axis=0), axis=1).sum()) for side in sides]
    before = min(max(round((count - 1) * lengths[0] / sum(lengths)), 2), count - 3)
    pieces = [curve(side, np.linspace(0, 1, steps + 1)) for side, steps in zip(sides, (before, count - 1 - before), strict=True)]
    points = np.concatenate([pieces[0], pieces[1][1:]])
    points[0], points[before], points[-1] = leg.points[0], leg.saddle, leg.points[-1]
    return points, before


def arc_and_tangents(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return arc length, (m,), and unit tangents, (m, n), of the smooth curve through the points."""
    from scipy.interpolate import CubicSpline

    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    tangents = CubicSpline(arc, points, axis=0)(arc, 1)
    return arc, tangents / np.linalg.norm(tangents, axis=1, keepdims=True)


def measured_along(surface: FullBatch, points: np.ndarray, tangents: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return L, t . grad L, t^T H t and t^T G t at points (m, n) with unit tangents (m, n), each (m,).

    All samples enter: the noise has no sampling error.
    """
    problem = surface.problem

    def at(theta: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        slopes = problem.sample_gradients(theta) @ t
        return slopes.var(correction=0), grad(lambda x: grad(problem.loss)(x) @ t)(theta) @ t

    at_once = max(ENTRIES // (problem.samples * surface.dimension), 1)
    noise, curvature = vmap(at, chunk_size=at_once)(surface.tensor(points), surface.tensor(tangents))
    slope = np.einsum("mi,mi->m", surface.slope(points), tangents)
    return surface.height(points), slope, curvature.detach().cpu().numpy(), noise.detach().cpu().numpy()
