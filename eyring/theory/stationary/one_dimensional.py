"""One dimension, any state-dependent noise: the law of zero flux, in three calculi."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.quadrature import definite_free, rational_in
from eyring.theory.sde import SDE
from eyring.theory.stationary.contract import StationaryLaw, StationaryTheory, stationarity
from eyring.theory.stationary.tails import demand_noise_everywhere, demand_tails

__all__ = ["ZeroFlux"]


class ZeroFlux(StationaryTheory):
    """p ~ D^(q - 1) exp(int f/D dx): q = 0 in Ito's calculus, 1/2 in Stratonovich's, 1 in anti-Ito."""

    name = "zero flux"

    def objection(self, sde: SDE) -> str | None:
        """Need one coordinate."""
        return None if sde.dim == 1 else "there is more than one coordinate, and zero flux is then not guaranteed"

    def derive(self, sde: SDE) -> StationaryLaw:
        """Integrate the condition of zero flux and insert the density in the Fokker-Planck equation."""
        x, f, D, q = sde.coordinates[0], sde.drift[0], sde.diffusion[0], sde.calculus_weight
        demand_noise_everywhere(D, x)
        tails = demand_tails(sp.together((f + (q - 1) * sp.diff(D, x)) / D), x)
        exponent = definite_free(sp.cancel(f / D) if rational_in(f / D, x) else f / D, x)
        derivation = (
            Derivation("law of zero flux")
            .define("drift over diffusion, whose integral is the exponent", f / D, needs="D > 0 everywhere; the weight is normalisable")
            .claim("the density without flux", D ** (q - 1) * sp.exp(exponent), residual=stationarity(sde), rule="Fokker-Planck residual")
        )
        return StationaryLaw(sde, derivation, tails, name=self.name)
