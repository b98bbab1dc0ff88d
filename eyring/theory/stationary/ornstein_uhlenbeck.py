"""The Ornstein-Uhlenbeck law: a linear drift and any constant noise matrix, by the Lyapunov equation."""

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.sde import SDE
from eyring.theory.stationary.contract import StationaryLaw, StationaryTheory, stationarity

__all__ = ["OrnsteinUhlenbeck", "solve_lyapunov"]


class OrnsteinUhlenbeck(StationaryTheory):
    """p ~ exp(-(x - m)^T Sigma^-1 (x - m)/2) with A Sigma + Sigma A^T = 2 D for drift -A (x - m)."""

    name = "Ornstein-Uhlenbeck"
    speciality = 2

    def objection(self, sde: SDE) -> str | None:
        """Need a linear drift with a stable, invertible matrix and a constant diffusion matrix."""
        xs = set(sde.coordinates)
        if sde.diffusion.free_symbols & xs:
            return "the diffusion matrix depends on the coordinates"
        A = -sde.drift.jacobian(list(sde.coordinates))
        if A.applyfunc(sp.simplify).free_symbols & xs or sde.drift.has(sp.Function("L")):
            return "the drift is not linear"
        return "the drift matrix is singular: a flat direction in which nothing is stationary" if sp.simplify(A.det()) == 0 else None

    def derive(self, sde: SDE) -> StationaryLaw:
        """Solve the Lyapunov equation and insert the Gaussian in the Fokker-Planck equation."""
        A = -sde.drift.jacobian(list(sde.coordinates)).applyfunc(sp.simplify)
        _demand_stable(A)
        here = sp.Matrix(sde.coordinates)
        centre = A.LUsolve(sde.drift.subs(dict.fromkeys(sde.coordinates, 0)))
        solved = (
            Derivation("Ornstein-Uhlenbeck law")
            .define("twice the diffusion matrix, the right side of A S + S A^T = 2 D", sp.ImmutableMatrix(2 * sde.diffusion))
            .apply(_LYAPUNOV, "solve the Lyapunov equation for the covariance", drift_matrix=A)
        )
        covariance = solved.expression
        offset = here - centre
        exponent = sp.expand(sp.simplify((offset.T * sp.Matrix(covariance).LUsolve(offset))[0, 0] / 2))
        derivation = solved.claim(
            "the Gaussian with this covariance is stationary", sp.exp(-exponent), residual=stationarity(sde), rule="Fokker-Planck residual"
        )
        return StationaryLaw(sde, derivation, covariance=covariance, name=self.name)


def solve_lyapunov(right: sp.MatrixBase, *, drift_matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    """Return the symmetric S with A S + S A^T = ``right``, exactly.

    A diagonal A is solved entry by entry, S_ij = right_ij/(a_i + a_j); else the n (n + 1)/2 linear equations are solved together.
    """
    A, n = sp.Matrix(drift_matrix), right.rows
    if A.is_diagonal():
        return sp.ImmutableMatrix(n, n, lambda i, j: sp.simplify(right[i, j] / (A[i, i] + A[j, j])))
    unknown = {(i, j): sp.Symbol(f"S_{i}_{j}") for i in range(n) for j in range(i, n)}
    S = sp.Matrix(n, n, lambda i, j: unknown[min(i, j), max(i, j)])
    equations = (A * S + S * A.T - right).applyfunc(sp.expand)
    solution = sp.solve([equations[i, j] for i in range(n) for j in range(i, n)], list(unknown.values()), dict=True)[0]
    return sp.ImmutableMatrix(S.subs(solution).applyfunc(sp.simplify))


def _balanced(before: sp.MatrixBase, after: sp.MatrixBase, *, drift_matrix: sp.MatrixBase) -> bool:
    return agree_in_numbers(sp.ImmutableMatrix(drift_matrix * after + after * drift_matrix.T), sp.ImmutableMatrix(before))


def _demand_stable(A: sp.MatrixBase) -> None:
    if A.free_symbols:
        return
    growing = [sp.N(e, 6) for e in A.eigenvals() if sp.re(e).is_nonpositive]
    if growing:
        raise NotApplicable(f"the drift matrix has eigenvalues {growing} that do not decay: walkers run away and nothing is stationary")


_LYAPUNOV = Rule("Lyapunov equation", solve_lyapunov, _balanced)
