"""Whether a matrix can be a covariance: real, finite, symmetric, and negative in no direction."""

import mpmath
import sympy as sp

from eyring.errors import EyringError

__all__ = ["demand_covariance"]


def demand_covariance(matrix: sp.MatrixBase, what: str) -> None:
    """Refuse a matrix that is no covariance, as far as its entries are numbers.

    Raises:
        EyringError: If an entry is complex, infinite or NaN, the matrix is not symmetric, or it has a negative eigenvalue.
    """
    if matrix.has(sp.nan, sp.zoo, sp.oo, sp.I):
        raise EyringError(f"{what} must be real and finite, got {matrix.tolist()}")
    if (matrix - matrix.T).applyfunc(sp.simplify) != sp.zeros(*matrix.shape):
        raise EyringError(f"{what} must be symmetric, got {matrix.tolist()}")
    if matrix.free_symbols or matrix.has(sp.core.function.AppliedUndef):
        return
    lowest = matrix[0, 0] if matrix.rows == 1 else min(mpmath.eigsy(mpmath.matrix(matrix.evalf(20).tolist()), eigvals_only=True))
    if lowest < -1e-12 * max(1, *(abs(float(e)) for e in matrix)):
        raise EyringError(f"{what} must not be negative in any direction; the one given has the eigenvalue {float(lowest):.6g}")
