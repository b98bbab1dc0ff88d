"""Matrices in floating-point numbers as people give them, each one real, finite and of the right shape, or an error that says which is not."""

from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError

__all__ = ["float_covariance", "float_matrix", "float_symmetric"]

LARGEST = 1e100
SAME = 1e-12  # of the largest entry


def float_matrix(given: Any, what: str, *, size: int | None = None) -> np.ndarray:
    """Return a square matrix; a number is a 1 x 1 matrix, or that multiple of the unit matrix where the size is known.

    Raises:
        ParameterError: If it is not square, of another size, or an entry is not a real, finite number.

    >>> float_matrix(3, "the Hessian", size=2).tolist()
    [[3.0, 0.0], [0.0, 3.0]]
    """
    try:
        array = np.asarray(given.tolist() if isinstance(given, sp.MatrixBase) else given)
        if array.dtype.kind == "O":
            array = np.array([float(entry) for entry in array.ravel()]).reshape(array.shape)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{what} must be a square matrix of numbers, got {_shown(given)}") from error
    if array.dtype.kind not in "iuf" or not np.all(np.isfinite(array)):
        raise ParameterError(f"{what} must be made of real, finite numbers, got {_shown(given)}")
    largest = float(np.max(np.abs(array))) if array.size else 1.0
    if largest and not 1 / LARGEST < largest < LARGEST:
        raise ParameterError(
            f"{what} has entries of size {largest:.3g}, outside the range 1e-100 to 1e100 whose products float64 can hold; choose other units"
        )
    if array.ndim == 0:
        return np.eye(size or 1) * float(array)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size or (size is not None and len(array) != size):
        needed = f"of shape {(size, size)}, as the other matrix has it" if size is not None else "(n, n)"
        raise ParameterError(f"{what} must be a square matrix {needed}, got shape {array.shape}")
    return array.astype(float)


def float_symmetric(given: Any, what: str, *, size: int | None = None) -> np.ndarray:
    """Return a symmetric matrix; rounding in the twelfth digit is averaged out.

    Raises:
        ParameterError: As for a square matrix, and if it is not symmetric.
    """
    matrix = float_matrix(given, what, size=size)
    off = float(np.max(np.abs(matrix - matrix.T)))
    if off > SAME * float(np.max(np.abs(matrix))):
        raise ParameterError(f"{what} must be symmetric; entries across the diagonal differ by up to {off:.3g}")
    return matrix / 2 + matrix.T / 2


def float_covariance(given: Any, what: str, *, size: int) -> np.ndarray:
    """Return a symmetric matrix that is negative in no direction.

    Raises:
        ParameterError: As for a symmetric matrix, and with the negative eigenvalue.
    """
    matrix = float_symmetric(given, what, size=size)
    largest = float(np.max(np.abs(matrix)))
    lowest = float(np.linalg.eigvalsh(matrix / largest)[0]) * largest if largest else 0.0
    if lowest < -SAME * size * largest:
        raise ParameterError(f"{what} must not be negative in any direction; the one given has the eigenvalue {lowest:.6g}")
    return matrix


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) < 200 else f"{text[:190]} ..."
