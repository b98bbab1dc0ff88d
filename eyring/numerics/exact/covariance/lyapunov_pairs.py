"""Stationary covariances axis by axis: in the eigenbasis of the Hessian every pair of axes is one small equation.

Axis i has a state of s numbers (its parameter, and a buffer or velocity). With E_i what one step adds (z' = (1 + E_i) z), or the generator of
dz = E_i z dt, the block S_ij solves E_i S + S E_j^T [+ E_i S E_j^T] + C_ij M + N_ij = 0. No 1 - (1 - eta h)^2 is ever formed, so that curvatures
from 1e-12 to 1 keep their digits.
"""

import numpy as np

__all__ = ["pair_covariance", "pair_rounding"]

PAIRS = 1 << 16  # solved at a time


def pair_covariance(
    generators: np.ndarray, noise: np.ndarray, *, felt: np.ndarray, own: np.ndarray | None = None, stepwise: bool
) -> np.ndarray:
    """Return the covariance of the first number of each axis' state, (n, n).

    Args:
        generators: E_i, (n, s, s).
        noise: C in the same basis, (n, n).
        felt: M, (s, s): what a unit of C adds to a block.
        own: N_ii, (s, s): noise of its own on each axis, the same for all; none where left out.
        stepwise: With the quadratic term, for steps; without, for the continuous limit.

    >>> pair_covariance(np.array([[[-1.0]], [[-3.0]]]), np.array([[2.0, 1.0], [1.0, 6.0]]), felt=np.eye(1), stepwise=False).tolist()
    [[1.0, 0.25], [0.25, 1.0]]
    """
    n, s = generators.shape[:2]
    rows, columns = np.triu_indices(n)
    found = np.empty(len(rows))
    for begin in range(0, len(rows), PAIRS):
        i, j = rows[begin : begin + PAIRS], columns[begin : begin + PAIRS]
        source = noise[i, j, None, None] * felt
        if own is not None:
            source = source + np.where(i == j, 1.0, 0.0)[:, None, None] * own
        found[begin : begin + PAIRS] = _solved(generators[i], generators[j], source.reshape(-1, s * s), stepwise=stepwise)
    covariance = np.empty((n, n))
    covariance[rows, columns] = covariance[columns, rows] = found
    return covariance


def pair_rounding(generators: np.ndarray, *, felt: np.ndarray, stepwise: bool) -> float:
    """Return by how many roundings the variance of an axis may be off at the most: |M^-1| |M| |x|/|x| of its equation M x = b, its first entry."""
    system, _ = _system(generators, generators, stepwise=stepwise)
    answer = np.abs(np.linalg.solve(system, np.broadcast_to(felt.reshape(-1, 1), (len(system), felt.size, 1))))
    spread = np.abs(np.linalg.inv(system)) @ np.abs(system) @ answer
    return float(np.max(spread[:, 0, 0] / answer[:, 0, 0]))


def _solved(one: np.ndarray, other: np.ndarray, source: np.ndarray, *, stepwise: bool) -> np.ndarray:
    """Return the first entry of each block S of one S + S other^T [+ one S other^T] + source = 0."""
    system, size = _system(one, other, stepwise=stepwise)
    return -np.linalg.solve(system, source[:, :, None])[:, 0, 0] / size[:, 0]


def _system(one: np.ndarray, other: np.ndarray, *, stepwise: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices with columns of size one, and those sizes: of a flat direction the first column is small throughout."""
    unit = np.eye(one.shape[-1])
    system = _kronecker(one, np.broadcast_to(unit, other.shape)) + _kronecker(np.broadcast_to(unit, one.shape), other)
    if stepwise:
        system += _kronecker(one, other)
    size = np.max(np.abs(system), axis=1)
    return system / size[:, None, :], size


def _kronecker(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    s = one.shape[-1]
    return np.einsum("pac,pbd->pabcd", one, other).reshape(-1, s * s, s * s)
