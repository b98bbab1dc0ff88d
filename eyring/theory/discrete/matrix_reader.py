"""Matrices and numbers as people give them: lists, numpy arrays, sympy matrices, decimals; read once, exactly.

>>> square_matrix([[2, 0.3], [0.3, 1]], "the Hessian")
Matrix([
[   2, 3/10],
[3/10,    1]])
"""

import mpmath
import sympy as sp

from eyring.errors import EyringError, ParameterError
from eyring.theory.symbols import exact_number

__all__ = ["demand_positive_definite", "exact_matrix", "exact_scalar", "square_matrix"]


def exact_matrix(given: object, what: str) -> sp.ImmutableMatrix:
    """Return rows of exact entries; a number is a 1 x 1 matrix, a flat list a column, a decimal 0.1 means 1/10.

    Args:
        given: A number, nested lists or tuples, a sympy matrix, or anything with ``tolist``, such as a numpy array.
        what: How a refusal calls it.

    Raises:
        ParameterError: If an entry is no number or expression, complex, infinite or NaN, or the rows differ in length.
    """
    rows = [_listed(row) for row in _listed(given)]
    if not rows or len({len(row) for row in rows}) != 1:
        raise ParameterError(f"{what} needs rows of one length, got {given!r}")
    return sp.ImmutableMatrix([[_exact_entry(entry, what) for entry in row] for row in rows])


def exact_scalar(given: object, what: str) -> sp.Expr:
    """Return one exact number or expression.

    Raises:
        ParameterError: If it is not one, or not real and finite.
    """
    matrix = exact_matrix(given, what)
    if matrix.shape != (1, 1):
        raise ParameterError(f"{what} must be one number or expression, got {given!r}")
    return matrix[0, 0]


def square_matrix(given: object, what: str, size: int | None = None) -> sp.ImmutableMatrix:
    """Return a symmetric matrix of exact entries; a number is that multiple of the unit matrix.

    Raises:
        EyringError: If it is not square, not symmetric, or of another size.
        ParameterError: If an entry is no real, finite number or expression.
    """
    matrix = exact_matrix(given, what)
    if size is not None and not isinstance(given, list | tuple | sp.MatrixBase) and matrix.shape == (1, 1):
        matrix = sp.ImmutableMatrix(matrix[0, 0] * sp.eye(size))
    if matrix.rows != matrix.cols or (size is not None and matrix.rows != size):
        raise EyringError(f"{what} must be square" + (f" with {size} rows, one for each weight" if size else "") + f", got shape {matrix.shape}")
    if (matrix - matrix.T).applyfunc(sp.expand) != sp.zeros(*matrix.shape):
        raise EyringError(f"{what} must be symmetric, got {matrix.tolist()}")
    return matrix


def demand_positive_definite(matrix: sp.MatrixBase, what: str) -> None:
    """Refuse a symmetric matrix that is not positive in every direction, as far as its entries tell.

    Raises:
        EyringError: With the lowest eigenvalue, or the entry of the diagonal that cannot be.
    """
    wrong = [matrix[i, i] for i in range(matrix.rows) if matrix[i, i].is_nonpositive]
    if wrong:
        raise EyringError(f"{what} must be positive definite; the one given has {wrong[0]} on its diagonal")
    if matrix.free_symbols or matrix.rows == 1:
        return
    with mpmath.workdps(40):
        eigenvalues = mpmath.eigsy(mpmath.matrix(matrix.evalf(40).tolist()), eigvals_only=True)
    if min(eigenvalues) <= 1e-30 * max(eigenvalues):
        raise EyringError(f"{what} must be positive definite; the one given has the eigenvalue {float(min(eigenvalues)):.6g}")


def _listed(given: object) -> list:
    plain = given.tolist() if hasattr(given, "tolist") else given
    return list(plain) if isinstance(plain, list | tuple) else [plain]


def _exact_entry(entry: object, what: str) -> sp.Expr:
    plain = entry.item() if hasattr(entry, "item") else entry
    try:
        exact = exact_number(plain)
    except sp.SympifyError:
        exact = None
    if isinstance(plain, bool) or not isinstance(exact, sp.Expr):
        raise ParameterError(f"{what} must be made of numbers or sympy expressions, got {entry!r}")
    exact = exact.xreplace({decimal: _decimal(decimal) for decimal in exact.atoms(sp.Float)})
    if exact.has(sp.nan, sp.zoo, sp.oo, -sp.oo) or exact.is_extended_real is False:
        raise ParameterError(f"{what} must be real and finite, got {entry}")
    return exact


def _decimal(number: sp.Float) -> sp.Rational:
    """Return the shortest decimal that a float of 15 digits stands for; of a longer one, all its digits."""
    return exact_number(float(number)) if number._prec <= 53 else sp.Rational(str(number))
