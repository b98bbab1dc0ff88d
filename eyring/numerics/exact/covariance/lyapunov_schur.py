"""The continuous Lyapunov equation A S + S A^T = Q in hundreds of dimensions: one factorisation, a correction, and an error that says how far off."""

from typing import NamedTuple

import numpy as np

__all__ = ["Solution", "continuous_covariance", "relative_error"]

ROUNDING = 2.0**-52


class Solution(NamedTuple):
    """A stationary covariance with its error.

    Attributes:
        covariance: S, (n, n), symmetric.
        error: Bound on the error of an entry, over the largest entry.
    """

    covariance: np.ndarray
    error: float


def continuous_covariance(A: np.ndarray, Q: np.ndarray) -> Solution:
    """Return S with A S + S A^T = Q, where every eigenvalue of A has a positive real part.

    A symmetric A is taken apart into its axes, S_ij = Q_ij/(a_i + a_j); any other by Bartels and Stewart's method (a Schur form, once), and the
    residual is solved for a correction. The inverse of the equation is a positive map, so that its norm is that of its answer X to the unit
    matrix: rounding of the numbers given moves S by at most about 2^-52 |A| |X| |S|.

    Args:
        A: (n, n).
        Q: (n, n), symmetric: 2 D.

    >>> continuous_covariance(np.diag([1.0, 3.0]), np.array([[2.0, 4.0], [4.0, 12.0]])).covariance.tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    S, inverse = _by_axes(A, Q) if np.array_equal(A, A.T) else _by_schur(A, Q)
    S = (S + S.T) / 2
    half = A @ S
    return Solution(S, relative_error(S, residual=Q - half - half.T, inverse=inverse, moved=float(np.linalg.norm(A, 2))))


def relative_error(S: np.ndarray, *, residual: np.ndarray, inverse: float, moved: float) -> float:
    """Return the bound |inverse| (|residual| + 2^-52 |moved| |S|) over the largest entry of S, in the spectral norm."""
    largest = float(np.max(np.abs(S)))
    bound = inverse * (np.linalg.norm(residual, 2) + ROUNDING * moved * np.linalg.norm(S, 2))
    return float(bound) / largest if largest else 0.0


def _by_axes(A: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, float]:
    rates, axes = np.linalg.eigh(A)
    return axes @ ((axes.T @ Q @ axes) / (rates[:, None] + rates[None, :])) @ axes.T, float(0.5 / rates[0])


def _by_schur(A: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the solution, corrected once, and the norm of the inverse."""
    from scipy.linalg import schur
    from scipy.linalg.lapack import dtrsyl

    T, Z = schur(A, output="real")

    def solved(right: np.ndarray) -> np.ndarray:
        turned, scale, _ = dtrsyl(T, T, Z.T @ right @ Z, tranb="T")
        return Z @ turned @ Z.T * scale

    S = solved(Q)
    S = S + solved(Q - A @ S - S @ A.T)
    return S, float(np.linalg.norm(solved(np.eye(len(A))), 2))
