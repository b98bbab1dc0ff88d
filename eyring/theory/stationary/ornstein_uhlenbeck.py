"""The Ornstein-Uhlenbeck law: a linear drift and any constant noise matrix, by the Lyapunov equation."""

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation
from eyring.theory.sde import SDE
from eyring.theory.stationary.contract import StationaryLaw, StationaryTheory, stationarity
from eyring.theory.stationary.lyapunov import LYAPUNOV, determinant, inverse

__all__ = ["OrnsteinUhlenbeck"]


class OrnsteinUhlenbeck(StationaryTheory):
    """p ~ exp(-(x - m)^T Sigma^-1 (x - m)/2) with A Sigma + Sigma A^T = 2 D for drift -A (x - m)."""

    name = "Ornstein-Uhlenbeck"
    speciality = 2

    def objection(self, sde: SDE) -> str | None:
        """Need a linear drift with a stable, invertible matrix and a constant diffusion matrix."""
        xs = set(sde.coordinates)
        if sde.diffusion.free_symbols & xs:
            return "the diffusion matrix depends on the coordinates"
        A = _drift_matrix(sde)
        if A.free_symbols & xs or sde.drift.has(sp.Function("L")):
            return "the drift is not linear"
        return "the drift matrix is singular: a flat direction in which nothing is stationary" if determinant(A) == 0 else None

    def derive(self, sde: SDE) -> StationaryLaw:
        """Solve the Lyapunov equation and insert the Gaussian in the Fokker-Planck equation."""
        A = _drift_matrix(sde)
        _demand_stable(A)
        centre = sp.Matrix(A).LUsolve(sp.Matrix(sde.drift.subs(dict.fromkeys(sde.coordinates, 0))))
        solved = (
            Derivation("Ornstein-Uhlenbeck law")
            .define("twice the diffusion matrix, the right side of A S + S A^T = 2 D", sp.ImmutableMatrix(2 * sde.diffusion))
            .apply(LYAPUNOV, "solve the Lyapunov equation for the covariance", drift_matrix=A)
        )
        covariance = solved.expression
        offset = sp.Matrix(sde.coordinates) - centre
        derivation = solved.claim(
            "the Gaussian with this covariance is stationary",
            sp.exp(-_half_square(inverse(covariance), offset)),
            residual=stationarity(sde),
            rule="Fokker-Planck residual",
        )
        return StationaryLaw(sde, derivation, covariance=covariance, name=self.name)


def _drift_matrix(sde: SDE) -> sp.ImmutableMatrix:
    """Return A of the drift -A (x - m), simplified only where expanding leaves a coordinate in it."""
    A = sp.ImmutableMatrix(-sde.drift.jacobian(list(sde.coordinates))).applyfunc(lambda e: sp.cancel(e) if not e.has(sp.Float) else sp.expand(e))
    return A.applyfunc(sp.simplify) if A.free_symbols & set(sde.coordinates) else A


def _half_square(precision: sp.MatrixBase, offset: sp.MatrixBase) -> sp.Expr:
    """Return y^T P y/2 as a sum over the entries of P."""
    n = precision.rows
    diagonal = sum((precision[i, i] * offset[i] ** 2 / 2 for i in range(n)), sp.Integer(0))
    return diagonal + sum((precision[i, j] * offset[i] * offset[j] for i in range(n) for j in range(i)), sp.Integer(0))


def _demand_stable(A: sp.MatrixBase) -> None:
    if A.free_symbols:
        return
    growing = [sp.N(e, 6) for e in A.eigenvals() if sp.re(e).is_nonpositive]
    if growing:
        raise NotApplicable(f"the drift matrix has eigenvalues {growing} that do not decay: walkers run away and nothing is stationary")
