"""The Gibbs law of isotropic noise, overdamped and with momentum, for an undetermined loss of two coordinates."""

import sympy as sp

from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.matching.moments import velocity
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.sde import SDE
from eyring.theory.stationary import stationary
from eyring.theory.stationary.density_ratio import DENSITY_RATIO
from eyring.theory.symbols import batch_size, gradient_std, learning_rate, loss_min, loss_saddle, momentum, velocity_here

__all__ = ["GibbsLaw", "KineticGibbsLaw"]

X, Y = sp.symbols("x y", real=True)
LOSS = sp.Function("L", real=True)(X, Y)
NOISE = learning_rate * gradient_std**2 / (2 * batch_size)  # eta C/2 for C = sigma^2 I/B


class GibbsLaw(Result):
    """p ~ exp(-2 B L/(eta sigma^2)): the density at loss L_b over that at loss L_a, for any loss and C = sigma^2 I/B."""

    name = "gibbs-law"
    title = "Stationary density of the SDE of SGD under isotropic noise: two places compared"
    chapter = "Stationary laws"
    sources = ("jastrzebski2017", "daizhu2018")

    def derive(self) -> Formula:
        """Insert exp(-L/D) in the Fokker-Planck equation, and compare two places."""
        landscape = Landscape(LOSS, [X, Y])
        sde = SDE([-g for g in landscape.gradient], NOISE * sp.eye(2), [X, Y], clock=learning_rate, landscape=landscape)
        derivation = stationary(sde, law="Gibbs").derivation.apply(
            DENSITY_RATIO, "the density at loss L_b over that at loss L_a", here={LOSS: loss_saddle}, there={LOSS: loss_min}
        )
        return Formula(derivation, "1", learning_rate, name=self.name)


class KineticGibbsLaw(Result):
    """p ~ exp(-(L + |v|^2/2)/T), T = eta sigma^2/(2 B (1 - mu)): at loss L_b and velocity v, over that at rest at loss L_a."""

    name = "kinetic-gibbs-law"
    title = "Stationary density of the SDE of SGD with momentum in phase space: two states compared"
    chapter = "Stationary laws"
    sources = ("daizhu2018", "daizhu2021")

    def derive(self) -> Formula:
        """Insert exp(-(L + |v|^2/2)/T) in the kinetic Fokker-Planck equation, and compare two states."""
        landscape, speeds = Landscape(LOSS, [X, Y]), [velocity(X), velocity(Y)]
        friction = (1 - momentum) / sp.sqrt(learning_rate)
        drift = [*speeds, *(-friction * v - g for v, g in zip(speeds, landscape.gradient, strict=True))]
        spread = NOISE / sp.sqrt(learning_rate)  # of the velocity: eta C/2 over the clock sqrt(eta)
        sde = SDE(drift, sp.diag(0, 0, spread, spread), [X, Y, *speeds], clock=sp.sqrt(learning_rate), landscape=landscape)
        moving, resting = {LOSS: loss_saddle, speeds[0]: velocity_here, speeds[1]: sp.S.Zero}, {LOSS: loss_min, **dict.fromkeys(speeds, sp.S.Zero)}
        derivation = stationary(sde, law="Gibbs").derivation.apply(
            DENSITY_RATIO, "the density at loss L_b and velocity v over that at rest at loss L_a", here=moving, there=resting
        )
        running = Condition(less(momentum, sp.Integer(1)), "there is friction", hard=True)
        return Formula(derivation, "1", sp.sqrt(learning_rate), (running,), name=self.name)
