"""The Gibbs law: a gradient drift and white noise, overdamped or with momentum."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.kinetic import kinetic_form
from eyring.theory.potential import landscape_of
from eyring.theory.regime import Condition
from eyring.theory.sde import SDE
from eyring.theory.stationary.contract import StationaryLaw, StationaryTheory, stationarity
from eyring.theory.stationary.tails import demand_tails

__all__ = ["Gibbs", "isotropic_constant"]


class Gibbs(StationaryTheory):
    """p ~ exp(-L/T), and with momentum p ~ exp(-(L + |v|^2/2)/T) (Jastrzebski et al. 2017; Dai & Zhu 2018)."""

    name = "Gibbs"
    speciality = 1

    def objection(self, sde: SDE) -> str | None:
        """Need a gradient drift and a temperature that is one number."""
        kinetic = kinetic_form(sde)
        if kinetic is not None:
            if kinetic.isotropic_temperature is None:
                return "the temperature of the velocities depends on direction or place"
            return None
        if isotropic_constant(sde) is None:
            return "the diffusion matrix is not one constant times the identity"
        return None if landscape_of(sde) is not None else "the drift is not the gradient of a loss"

    def derive(self, sde: SDE) -> StationaryLaw:
        """Write the Gibbs density and insert it in the Fokker-Planck equation."""
        kinetic = kinetic_form(sde)
        if kinetic is not None:
            energy = kinetic.landscape.expression + sum(v**2 for v in kinetic.velocities) / 2
            temperature = kinetic.isotropic_temperature
        else:
            landscape = landscape_of(sde)
            assert landscape is not None  # objection() has seen to it
            energy, temperature = landscape.expression, isotropic_constant(sde)
        derivation = (
            Derivation("Gibbs law" + (" in phase space" if kinetic else ""))
            .define("energy over temperature", energy / temperature, needs="the weight is normalisable")
            .claim("its exponential is stationary", sp.exp(-energy / temperature), residual=stationarity(sde), rule="Fokker-Planck residual")
        )
        landscape = kinetic.landscape if kinetic else landscape_of(sde)
        tails: tuple[Condition, ...] = ()
        if landscape is not None and landscape.dim == 1:
            tails = demand_tails(sp.together(-landscape.gradient[0] / temperature), landscape.coordinates[0])
        return StationaryLaw(sde, derivation, tails, name=self.name)


def isotropic_constant(sde: SDE) -> sp.Expr | None:
    """Return T if the diffusion matrix is T times the identity and the same everywhere, else None."""
    D = sde.diffusion
    if D.free_symbols & set(sde.coordinates) or D.has(sp.Function("L")):
        return None
    same = all(sp.simplify(D[i, j] - (D[0, 0] if i == j else 0)) == 0 for i in range(sde.dim) for j in range(sde.dim))
    return D[0, 0] if same else None
