"""The quasipotential with its sharp prefactor, where drift and noise are known around the way."""

from math import log
from typing import ClassVar

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.friction import log_friction

__all__ = ["Quasipotential"]


class Quasipotential(Law):
    """The least action over all paths in all directions for the noise C(theta) as it is, and the determinants along the most likely one."""

    name = "quasipotential"
    title = "Least action with its sharp prefactor, noise and curvature in all directions"
    source: ClassVar[str] = ""
    place = 62

    def predict(self, case: Case) -> Row:
        """Ask the surroundings; what is neglected is of the order of noise over barrier."""
        sharp = case.sharp
        return self.leading(
            case,
            sharp.value + log_friction(case),
            sharp.error + 1 / sharp.exponent,
            measured.high_barrier(case, sharp.exponent),
            *measured.parabolic_well(case),
            measured.one_way_down(case),
            measured.at_rest(case),
            measured.small_steps(case),
            measured.gaussian_steps(case),
            measured.independent_batches(case),
            note=f"exponent {sharp.exponent:.6g}, prefactor exp({sharp.value + log(case.training.step) - sharp.exponent:.6g}) units of time, "
            f"eta/(1 - mu) an iteration; along the measured path the exponent would be {case.exponent:.6g}",
        )
