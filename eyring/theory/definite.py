"""Whether a matrix can be a covariance: real, finite, symmetric, and negative in no direction."""

from operator import mul

import mpmath
import sympy as sp

from eyring.errors import EyringError

__all__ = ["demand_covariance"]

FEW = 12  # rows up to which the eigenvalues are computed


def demand_covariance(matrix: sp.MatrixBase, what: str) -> None:
    """Refuse a matrix that is no covariance, as far as its entries are numbers.

    Raises:
        EyringError: If an entry is complex, infinite or NaN, the matrix is not symmetric, or it has a negative eigenvalue.
    """
    if matrix.has(sp.nan, sp.zoo, sp.oo, sp.I):
        raise EyringError(f"{what} must be real and finite, got {matrix.tolist()}")
    if matrix != matrix.T and (matrix - matrix.T).applyfunc(sp.simplify) != sp.zeros(*matrix.shape):
        raise EyringError(f"{what} must be symmetric, got {matrix.tolist()}")
    if matrix.free_symbols or matrix.has(sp.core.function.AppliedUndef):
        return
    rows = [[float(entry) for entry in row] for row in matrix.tolist()]
    scale = max(1.0, *(abs(entry) for row in rows for entry in row))
    lowest = _bound_on_lowest(rows, 1e-12 * scale * len(rows)) if matrix.rows > FEW else _lowest(matrix)
    if lowest < -1e-12 * scale:
        raise EyringError(
            f"{what} must not be negative in any direction; the one given has {'an' if matrix.rows > FEW else 'the'} eigenvalue "
            f"{'of at most ' if matrix.rows > FEW else ''}{float(lowest):.6g}"
        )


def _lowest(matrix: sp.MatrixBase) -> mpmath.mpf:
    return matrix[0, 0] if matrix.rows == 1 else min(mpmath.eigsy(mpmath.matrix(matrix.evalf(20).tolist()), eigvals_only=True))


def _bound_on_lowest(rows: list[list[float]], shift: float) -> float:
    """Return 0 if Cholesky's factors of the matrix plus ``shift`` exist, else an upper bound on the lowest eigenvalue, that of one direction."""
    factor: list[list[float]] = []
    for i, row in enumerate(rows):
        new: list[float] = []
        for j in range(i):
            new.append((row[j] - sum(map(mul, new, factor[j]))) / factor[j][j])
        pivot = row[i] + shift - sum(map(mul, new, new))
        if pivot <= 0:
            direction = [0.0] * i
            for j in reversed(range(i)):
                direction[j] = (-new[j] - sum(factor[k][j] * direction[k] for k in range(j + 1, i))) / factor[j][j]
            return pivot / (1 + sum(map(mul, direction, direction))) - shift
        factor.append([*new, pivot**0.5])
    return 0.0
