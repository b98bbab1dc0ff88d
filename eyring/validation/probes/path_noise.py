"""Curvature and noise along a path in many directions at once, not the tangent's alone: at most fifty, with the share left out."""

from dataclasses import dataclass

import numpy as np

from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.gradient_covariance import gradient_noise
from eyring.validation.probes.path import MeasuredPath
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["PathNoise", "path_noise"]

MOST = 50


@dataclass(frozen=True, eq=False)
class PathNoise:
    """H and G at m points of a path, in k orthonormal directions V.

    Attributes:
        directions: V, (n, k).
        curvature: V^T H V, (m, k, k).
        noise: V^T G V, G of one sample, (m, k, k).
        discarded: Share of tr G outside V, (m,).
        turning: Largest share of a unit tangent's square outside V.
    """

    directions: np.ndarray
    curvature: np.ndarray
    noise: np.ndarray
    discarded: np.ndarray
    turning: float


def path_noise(problem: TrainingProblem, path: MeasuredPath, *, directions: int = MOST, every: int = 1) -> PathNoise:
    """Project H and G along a path on at most fifty directions: all n where there are no more, else the tangents' and the sharpest at its ends.

    Args:
        problem: The network and its data.
        path: As measured on the same problem.
        directions: k, at most 50.
        every: Measure every so many points of the path.
    """
    surface = FullBatch.of(problem)
    V = _spanning(path, min(directions, MOST, problem.dimension))
    points, tangents = path.points[::every], path.tangents[::every]
    noises = [gradient_noise(surface.problem, surface.tensor(point), directions=V) for point in points]
    curvatures = [V.T @ surface.products(point, V) for point in points]
    outside = 1 - np.sum((tangents @ V) ** 2, axis=1)
    return PathNoise(
        V,
        np.array([(H + H.T) / 2 for H in curvatures]),
        np.array([noise.covariance for noise in noises]),
        np.array([noise.discarded for noise in noises]),
        max(0.0, float(np.max(outside))),
    )


def _spanning(path: MeasuredPath, k: int) -> np.ndarray:
    n = path.points.shape[1]
    if k == n:
        return np.eye(n)
    along = np.linalg.svd(path.tangents.T, full_matrices=False)[0][:, : max(1, k // 3)]
    leading = [probe.eigenvectors[:, ::-1][:, :k] for probe in (path.minimum, path.saddle)]
    paired = np.stack(leading, axis=2).reshape(n, -1)  # sharpest of both, in turn
    return np.linalg.qr(np.concatenate([along, paired], axis=1))[0][:, :k]
