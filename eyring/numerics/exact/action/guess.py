"""First guesses of a cheapest path, and the time that a walker would take along them."""

import numpy as np

from eyring.numerics.exact.action.elements import DEGREE, Elements
from eyring.numerics.exact.action.ends import End
from eyring.numerics.exact.action.field import Field
from eyring.numerics.exact.action.newton import Pin, Trajectory

__all__ = ["along", "bows", "curve"]

BOWS = (0.0, 0.15, -0.15)  # how far paths bend aside, in units of the distance
DEPTH = 1e-4  # how near to its ends a guess comes, in units of its length
SAMPLES = 400
MOST = 300  # elements of a guess
SLOWEST = 0.02  # a guess that crosses a place of no drift does not wait there for ever


def bows(start: np.ndarray, end: np.ndarray) -> list[np.ndarray]:
    """Return a straight line and two bows aside."""
    share = np.linspace(0, 1, 33)[:, None]
    tangent = end - start
    straight = start + share * tangent
    if len(start) == 1:
        return [straight]
    aside = np.zeros_like(tangent)
    aside[int(np.argmin(np.abs(tangent)))] = np.linalg.norm(tangent)
    aside -= tangent * (aside @ tangent) / (tangent @ tangent)
    return [straight + bow * np.sin(np.pi * share) * aside for bow in BOWS]


def curve(points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return points at shares of the length of a curve, which is linear between few points and smooth between many."""
    from scipy.interpolate import PchipInterpolator

    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    kept = np.concatenate([[True], np.diff(lengths) > 1e-14 * lengths[-1]])
    return np.asarray(PchipInterpolator(lengths[kept] / lengths[-1], points[kept], axis=0)(shares))


def along(field: Field, points: np.ndarray, start: End, end: End | None, elements: int) -> Trajectory:
    """Return a guess as a path in time: its speed is that of the drift, as on every cheapest path."""
    shares = _shares(free_end=end is not None)
    x = curve(points, shares)
    middle = (x[1:] + x[:-1]) / 2
    step = np.linalg.norm(np.diff(x, axis=0), axis=1)
    speed = np.linalg.norm(field.drift(middle), axis=1)
    near = np.minimum(shares[1:], (1 - shares[:-1]) if end else 1.0)
    durations = step / np.maximum(speed, SLOWEST * np.max(speed) * np.minimum(near, 1))
    times = np.concatenate([[0], np.cumsum(durations)])
    work = times / times[-1] + np.concatenate([[0], np.cumsum(step)]) / np.sum(step)
    turning = max(e.turning for e in (start, end) if e) * times[-1]
    count = int(max(elements, min(turning / 3, MOST)))
    vertices = np.interp(np.linspace(0, work[-1], count + 1), work, times)
    mesh = Elements(field, np.diff(vertices))
    nodes = np.stack([np.interp(mesh.nodes, times, column) for column in x.T], axis=1)
    nodes[0], nodes[-1] = x[0], x[-1]
    return Trajectory(mesh, nodes, start, end, _pin(field, nodes, start, end) if end else None)


def _shares(*, free_end: bool) -> np.ndarray:
    """Return shares of the length, dense towards the fixed points: they are an infinite time away."""
    rise = np.geomspace(DEPTH, 0.5, SAMPLES // 2)
    return np.concatenate([rise, 1 - rise[-2::-1]]) if free_end else np.concatenate([rise, np.linspace(0.5, 1, SAMPLES // 4)[1:]])


def _pin(field: Field, x: np.ndarray, start: End, end: End) -> Pin:
    """Hold the middle of the path on the plane half way between the ends."""
    chord = end.point - start.point
    heights = (x[::DEGREE] - start.point) @ chord / (chord @ chord)
    node = 1 + int(np.argmin(np.abs(heights[1:-1] - 0.5)))
    D = field.diffusion(x[node * DEGREE][None])[0]
    stiffness = float(chord @ np.linalg.solve(D, chord)) / float(chord @ chord) * min(start.rate, end.rate)
    return Pin(node * DEGREE, x[node * DEGREE].copy(), chord / np.linalg.norm(chord), stiffness)
