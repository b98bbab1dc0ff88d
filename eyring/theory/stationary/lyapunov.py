"""The Lyapunov equation A S + S A^T = Q, solved exactly by whatever structure its matrix has."""

from collections.abc import Callable

import sympy as sp
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMError

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import agree_in_numbers

__all__ = ["LYAPUNOV", "determinant", "inverse", "solve_lyapunov", "solve_together", "without_roots"]

Operator = Callable[[sp.MatrixBase], sp.MatrixBase]


def solve_lyapunov(right: sp.MatrixBase, *, drift_matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    """Return the symmetric S with A S + S A^T = ``right``, exactly.

    A diagonal A is solved entry by entry, S_ij = right_ij/(a_i + a_j). A 2 x 2 matrix has the closed form
    S = (det A Q + adj A Q adj A^T)/(2 tr A det A). A particle with friction, A = [[0, -I], [H, gamma I]] and noise on its velocity alone, needs the
    covariance of the positions only: [H, [H, S]]/(2 gamma) + gamma (H S + S H) = Q. Else the n (n + 1)/2 linear equations are solved together.

    Args:
        right: Q, symmetric, (n, n).
        drift_matrix: A, (n, n), of the drift -A x.
    """
    A, Q = sp.Matrix(drift_matrix), sp.Matrix(right)
    if A.is_diagonal():
        return sp.ImmutableMatrix(A.rows, A.rows, lambda i, j: _tidy(Q[i, j] / (A[i, i] + A[j, j])))
    if A.rows == 2:
        adjugate, determinant_ = A.adjugate(), A.det()
        return sp.ImmutableMatrix((determinant_ * Q + adjugate * Q * adjugate.T) / (2 * A.trace() * determinant_)).applyfunc(_tidy)
    if _is_particle(A, Q):
        return _solve_particle(A, Q)
    return solve_together(lambda S: A * S + S * A.T, Q)


def inverse(matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    """Return the inverse of a symmetric matrix as adjugate over determinant, both written in its entries and not multiplied out."""
    n = matrix.rows
    entry = {(i, j): sp.Symbol(f"S_{i}_{j}") for i in range(n) for j in range(i, n) if matrix[i, j] != 0}
    named = sp.Matrix(n, n, lambda i, j: entry.get((min(i, j), max(i, j)), sp.Integer(0)))
    values = {symbol: matrix[place] for place, symbol in entry.items()}
    return sp.ImmutableMatrix(named.adjugate() / named.det(method="berkowitz")).xreplace(values)


def determinant(matrix: sp.MatrixBase) -> sp.Expr:
    """Return the determinant, zero exactly if it vanishes identically."""
    plain, roots = without_roots(matrix)
    domain = DomainMatrix.from_Matrix(sp.Matrix(plain))
    return domain.domain.to_sympy(domain.charpoly()[-1] * (-1) ** matrix.rows).xreplace(roots)


def without_roots(expression: sp.Basic) -> tuple[sp.Basic, dict[sp.Symbol, sp.Expr]]:
    """Write every positive symbol that stands under a root as the square of a new one; return what the new ones mean.

    The ring of polynomials would else take eta and sqrt(eta) for two independent symbols.
    """
    under = {p.base for p in expression.atoms(sp.Pow) if p.exp.is_Rational and not p.exp.is_Integer and p.base.is_Symbol and p.base.is_positive}
    new = {s: sp.Symbol(f"root_{s}", positive=True) for s in under}
    return expression.xreplace({s: r**2 for s, r in new.items()}), {r: sp.sqrt(s) for s, r in new.items()}


def _tidy(entry: sp.Expr) -> sp.Expr:
    plain, roots = without_roots(entry)
    return (plain if plain.has(sp.Float) else sp.factor(plain)).xreplace(roots)


def _is_particle(A: sp.Matrix, Q: sp.Matrix) -> bool:
    n, odd = divmod(A.rows, 2)
    if odd or n == 0 or not A[:n, :n].is_zero_matrix or A[:n, n:] != -sp.eye(n) or not Q[:n, :].is_zero_matrix:
        return False
    H, friction = A[n:, :n], A[n:, n:]
    return H == H.T and friction == friction[0, 0] * sp.eye(n)


def _solve_particle(A: sp.Matrix, Q: sp.Matrix) -> sp.ImmutableMatrix:
    """Return the covariance of positions and velocities, S, [H, S]/(2 gamma) and (H S + S H)/2."""
    n = A.rows // 2
    H, gamma, noise = A[n:, :n], A[n, n], Q[n:, n:]

    def balance(S: sp.MatrixBase) -> sp.MatrixBase:
        turn = H * S - S * H
        return (H * turn - turn * H) / (2 * gamma) + gamma * (H * S + S * H)

    if H.is_diagonal():
        weights = balance(sp.ones(n, n))
        S = sp.ImmutableMatrix(n, n, lambda i, j: _tidy(noise[i, j] / weights[i, j]))
    else:
        S = solve_together(balance, noise)
    cross, kinetic = (H * S - S * H) / (2 * gamma), (H * S + S * H) / 2
    return sp.ImmutableMatrix(sp.BlockMatrix([[S, cross], [cross.T, kinetic]]).as_explicit()).applyfunc(_tidy)


def solve_together(operator: Operator, right: sp.MatrixBase) -> sp.ImmutableMatrix:
    """Return the symmetric S with operator(S) = right, the operator linear: one column of its matrix from each symmetric unit matrix."""
    n = right.rows
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    columns = [operator(sp.Matrix(n, n, lambda i, j, p=p: int((i, j) == p or (j, i) == p))) for p in pairs]
    system, roots = without_roots(sp.Matrix([[column[p] for column in columns] + [right[p]] for p in pairs]))
    solution = _solution(system[:, :-1], system[:, -1]).xreplace(roots)
    entry = dict(zip(pairs, solution, strict=True))
    return sp.ImmutableMatrix(n, n, lambda i, j: entry[min(i, j), max(i, j)])


def _solution(matrix: sp.MatrixBase, right: sp.MatrixBase) -> sp.Matrix:
    if matrix.has(sp.Float) or right.has(sp.Float):
        return sp.Matrix(matrix).LUsolve(sp.Matrix(right))
    both = DomainMatrix.from_Matrix(sp.Matrix(matrix.row_join(right))).to_field()
    try:
        solved = both[:, : matrix.cols].lu_solve(both[:, matrix.cols :])
    except DMError:
        return sp.Matrix(matrix).LUsolve(sp.Matrix(right))
    return solved.to_Matrix()


def _balanced(before: sp.MatrixBase, after: sp.MatrixBase, *, drift_matrix: sp.MatrixBase) -> bool:
    return agree_in_numbers(sp.ImmutableMatrix(drift_matrix * after + after * drift_matrix.T), sp.ImmutableMatrix(before))


LYAPUNOV = Rule("Lyapunov equation", solve_lyapunov, _balanced)
