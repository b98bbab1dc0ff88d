"""The walls of the valley along the way: curvature and noise across it at every point, and the push along it that they give."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eyring.errors import ParameterError

__all__ = ["Flanks", "transported"]


@dataclass(frozen=True, eq=False)
class Flanks:
    """Curvature and noise in the directions across, in a frame that follows the way without turning about it.

    Attributes:
        arc: Arc length of the points, (m,), ascending from the minimum to the end of the way.
        curvatures: K = N^T H N, (m, p, p).
        noises: N^T G N, one sample's, (m, p, p).

    Raises:
        ParameterError: If the arrays do not belong together.
    """

    arc: np.ndarray
    curvatures: np.ndarray
    noises: np.ndarray

    def __post_init__(self) -> None:
        m, shape = len(self.arc), np.shape(self.curvatures)
        if shape != np.shape(self.noises) or len(shape) != 3 or shape[0] != m or shape[1] != shape[2]:
            raise ParameterError(f"flanks need (m, p, p) curvatures and noises at m = {m} points, got {shape} and {np.shape(self.noises)}")

    def widening(self, arc: np.ndarray) -> np.ndarray:
        """Return w at arc lengths, (len(arc),)."""
        from scipy.interpolate import CubicSpline

        return np.asarray(CubicSpline(self.arc, self._widening())(arc))

    def _widening(self) -> np.ndarray:
        """Return w = (1/2) tr(K' S) at the points, K S + S K = G: walkers are pushed down the way by eta w C/G, where the valley narrows uphill."""
        from scipy.interpolate import CubicSpline

        if not self.curvatures.shape[1]:
            return np.zeros(len(self.arc))
        steepening = CubicSpline(self.arc, self.curvatures)(self.arc, 1)
        values, vectors = np.linalg.eigh(self.curvatures)
        turned = np.swapaxes(vectors, 1, 2)
        noise, change = turned @ self.noises @ vectors, turned @ steepening @ vectors
        sums = values[:, :, None] + values[:, None, :]
        held = sums > 1e-6 * np.abs(values).max()  # a direction that is flat or falls away has no spread of its own
        spread = np.where(held, noise, 0.0) / np.where(held, sums, 1.0)
        return np.asarray(np.einsum("mij,mji->m", change, spread) / 2)


def transported(tangents: np.ndarray) -> np.ndarray:
    """Return orthonormal frames across the way that follow it without turning about it, (m, n, n - 1): each is the one before it, reflected twice.

    Args:
        tangents: Unit tangents, (m, n).
    """
    first = np.linalg.svd(tangents[:1])[2][1:].T
    frames = [first]
    for before, after in pairwise(tangents):
        middle = before + after
        middle = middle / np.linalg.norm(middle)
        frame = frames[-1] - 2 * np.outer(middle, middle @ frames[-1])
        frames.append(frame - 2 * np.outer(after, after @ frame))
    return np.array(frames)
