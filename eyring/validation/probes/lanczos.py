"""The sharpest and the lowest curvatures of a network too large for its Hessian: Lanczos on Hessian-vector products."""

import numpy as np
import torch

from eyring.errors import AccuracyError, ParameterError
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.hessian import as_point
from eyring.validation.probes.memory import gigabytes, require_memory
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["eigenpairs", "extreme_eigenpairs"]

DENSE = 400  # parameters up to which the whole spectrum is cheaper than Lanczos


def extreme_eigenpairs(problem: TrainingProblem, theta: torch.Tensor, *, leading: int, lowest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the leading eigenvalues of the Hessian, ascending, (k,), with unit eigenvectors as columns, (n, k).

    Up to some hundred parameters the dense Hessian is diagonalised and cut; above, scipy's Lanczos runs on Hessian-vector products. A cluster of
    equal eigenvalues may come back with members missing, as with every Lanczos method.

    Args:
        problem: The network and its data.
        theta: Parameters, (n,).
        leading: How many of the largest.
        lowest: How many of the smallest (most negative).

    Raises:
        ParameterError: If more are asked for than there are.
        AccuracyError: If Lanczos does not converge.
        NotApplicable: If the vectors do not fit into memory.
    """
    return eigenpairs(FullBatch.of(problem), as_point(problem, theta), leading=leading, lowest=lowest)


def eigenpairs(surface: FullBatch, point: np.ndarray, *, leading: int, lowest: int, dense: int = DENSE) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``extreme_eigenpairs`` does, on a surface already in float64."""
    n = surface.dimension
    if min(leading, lowest) < 0 or leading + lowest < 1 or leading + lowest > n:
        raise ParameterError(f"asked for {leading} leading and {lowest} lowest eigenpairs of {n}; take from 1 to {n} in all")
    if n <= dense:
        values, vectors = np.linalg.eigh(surface.curvature(point[None])[0])
        kept = np.r_[0:lowest, n - leading : n]
        return values[kept], vectors[:, kept]
    needed = gigabytes(n, 4 * (leading + lowest) + 40)
    require_memory(needed, for_what=f"Lanczos for {leading + lowest} directions of {n} parameters", instead="take fewer directions")
    low = _lanczos(surface, point, lowest, "SA") if lowest else (np.zeros(0), np.zeros((n, 0)))
    high = _lanczos(surface, point, leading, "LA") if leading else (np.zeros(0), np.zeros((n, 0)))
    return np.concatenate([low[0], high[0]]), np.concatenate([low[1], high[1]], axis=1)


def _lanczos(surface: FullBatch, point: np.ndarray, count: int, which: str) -> tuple[np.ndarray, np.ndarray]:
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    n, times = surface.dimension, surface.linearised(point)[1]
    H = LinearOperator((n, n), matvec=lambda v: times(v.reshape(n, 1))[:, 0], matmat=times, dtype=np.float64)
    begin = np.random.default_rng(0).normal(size=n)  # fixed, so that the same network gives the same figures
    try:
        values, vectors = eigsh(H, k=count, which=which, v0=begin, ncv=min(n, max(4 * count, 40)), tol=1e-10, maxiter=50 * n)
    except ArpackNoConvergence as stopped:
        raise AccuracyError(
            f"Lanczos found {len(stopped.eigenvalues)} of {count} eigenvalues of the Hessian ({which}): the spectrum is too dense there; take fewer"
        ) from stopped
    order = np.argsort(values)
    return values[order], vectors[:, order]
