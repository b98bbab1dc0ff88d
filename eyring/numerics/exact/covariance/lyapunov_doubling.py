"""The law that one linear step leaves as it is, S = A S A^T + Q, in hundreds of dimensions: the number of steps summed doubles each time."""

from typing import NamedTuple

import numpy as np

from eyring.numerics.exact.covariance.lyapunov_schur import Solution, relative_error

__all__ = ["Growing", "stepwise_covariance"]

DOUBLINGS = 60
FORGOTTEN = 1e-18
RUNAWAY = 1e100


class Growing(NamedTuple):
    """Steps that do not contract.

    Attributes:
        radius: Spectral radius of one step.
    """

    radius: float


def stepwise_covariance(change: np.ndarray, source: np.ndarray) -> Solution | Growing:
    """Return S = sum_k A^k Q (A^T)^k with A = 1 + ``change``, or the spectral radius where the sum does not end.

    After k doublings 2^k steps are summed: S <- S + A S A^T, A <- A^2. The same sum over the unit matrix is the norm of the inverse of
    S - A S A^T (a positive map), so that the residual, taken from ``change`` without forming 1 - A A^T, bounds the error.

    Args:
        change: A - 1, (N, N).
        source: Q, (N, N), symmetric.

    >>> stepwise_covariance(np.array([[-0.5]]), np.array([[3.0]])).covariance.tolist()
    [[4.0]]
    """
    unit = np.eye(len(change))
    step, S, inverse = unit + change, source.copy(), unit.copy()
    with np.errstate(all="ignore"):
        for _ in range(DOUBLINGS):
            S, inverse = S + step @ S @ step.T, inverse + step @ inverse @ step.T
            step = step @ step
            size = float(np.max(np.abs(step)))
            if not size < RUNAWAY or size * size * len(step) < FORGOTTEN:
                break
    if not size * size * len(step) < FORGOTTEN:
        return Growing(float(np.max(np.abs(np.linalg.eigvals(unit + change)))))
    S = (S + S.T) / 2
    half = change @ S
    residual = source + half + half.T + half @ change.T
    norm = float(np.linalg.norm(inverse, 2))
    return Solution(S, relative_error(S, residual=residual, inverse=norm, moved=float(np.linalg.norm(change, 2))))
