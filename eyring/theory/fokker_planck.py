"""The Fokker-Planck equation of an SDE: operator, probability flux, and the residual of a proposed stationary density."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.sde import SDE

__all__ = ["FokkerPlanck", "fokker_planck"]


@dataclass(frozen=True)
class FokkerPlanck:
    """d_t p = -sum_i d_i J_i with the flux J_i = f_i p - sum_j d_j (D_ij p), f the Ito drift.

    Attributes:
        sde: The process, in Ito's calculus.
    """

    sde: SDE

    def flux(self, density: sp.Expr) -> sp.ImmutableMatrix:
        """Return the probability flux J of a density, one component a coordinate."""
        xs, D = self.sde.coordinates, self.sde.diffusion
        spread = [sum(sp.diff(D[i, j] * density, y) for j, y in enumerate(xs)) for i in range(self.sde.dim)]
        return sp.ImmutableMatrix([f * density - s for f, s in zip(self.sde.drift, spread, strict=True)])

    def operator(self, density: sp.Expr) -> sp.Expr:
        """Return the rate of change of a density, -div J."""
        return -sum(sp.diff(J, x) for J, x in zip(self.flux(density), self.sde.coordinates, strict=True))

    def residual(self, density: sp.Expr) -> sp.Expr:
        """Return the rate of change relative to the density, simplified: zero if and only if it is stationary."""
        return sp.simplify(sp.expand(sp.powsimp(sp.expand(sp.simplify(self.operator(density) / density)))))


def fokker_planck(sde: SDE) -> FokkerPlanck:
    """Return the Fokker-Planck operator of an SDE in any of the three calculi, overdamped or kinetic.

    Raises:
        NotApplicable: If the drift cannot be turned into Ito's form.

    >>> x, T = sp.Symbol("x", real=True), sp.Symbol("T", positive=True)
    >>> fokker_planck(SDE(-x, T, [x])).residual(sp.exp(-x**2 / (2 * T)))
    0
    """
    return FokkerPlanck(sde.ito())
