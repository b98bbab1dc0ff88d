"""Correlated normal numbers with a covariance that may depend on where the walker is."""

from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp

from eyring.errors import ParameterError

__all__ = ["array_function", "noise_root"]

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


def array_function(coordinates: Sequence[sp.Symbol], expressions: Sequence[sp.Expr]) -> Callable[[np.ndarray], np.ndarray]:
    """Return x, (n, walkers) -> one row an expression, (len(expressions), walkers)."""
    compiled = sp.lambdify(list(coordinates), list(expressions), ["scipy", "numpy"], cse=True)

    def rows(x: np.ndarray) -> np.ndarray:
        return np.stack([np.broadcast_to(np.asarray(row, dtype=float), x.shape[1:]) for row in compiled(*x)])

    return rows


def noise_root(covariance: sp.MatrixBase, coordinates: Sequence[sp.Symbol]) -> Shape:
    """Return (x, standard normal numbers) -> normal numbers with this covariance at x; all (n, walkers).

    Raises:
        ParameterError: From the function, where the covariance is negative.
    """
    n = covariance.rows
    if n == 1 or covariance.is_diagonal():
        variances = array_function(coordinates, [covariance[i, i] for i in range(n)])
        return lambda x, normal: np.sqrt(_positive(variances(x), x)) * normal
    if not covariance.free_symbols & set(coordinates):
        root = _matrix_root(np.array(covariance.tolist(), dtype=float)[None])[0]
        return lambda x, normal: root @ normal
    entries = array_function(coordinates, list(covariance))

    def varying(x: np.ndarray, normal: np.ndarray) -> np.ndarray:
        return np.einsum("wij,jw->iw", _matrix_root(entries(x).T.reshape(-1, n, n)), normal)

    return varying


def _positive(variances: np.ndarray, x: np.ndarray) -> np.ndarray:
    if np.any(variances < 0):
        walker = int(np.argmin(variances.min(axis=0)))
        raise ParameterError(
            f"the noise has a negative variance, {variances.min():.6g}, at {x[:, walker].tolist()}; check the covariance or diffusion"
        )
    return variances


def _matrix_root(matrices: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrices)
    if np.any(values < -1e-10 * (np.abs(values).max(axis=-1, keepdims=True) + 1e-300)):
        raise ParameterError(f"the noise has a negative variance, {values.min():.6g}, along some direction; check the covariance or diffusion")
    return vectors * np.sqrt(np.clip(values, 0, None))[..., None, :]
