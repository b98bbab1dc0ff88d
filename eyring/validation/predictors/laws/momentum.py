"""Momentum with one temperature: Kramers and Langer's law at the friction that momentum leaves."""

from math import log
from typing import ClassVar

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.formulas import conditions_at, logarithm_of

__all__ = ["KramersLanger"]


class KramersLanger(Law):
    """tau = (2 pi/lambda_+) sqrt(|det H_b|/det H_a) e^{(L_b - L_a)/T}, T = eta C/(2 (1 - mu)) along the way out, gamma = (1 - mu)/sqrt(eta)."""

    name = "kramers-langer"
    title = "Momentum with the one temperature of the way out"
    source: ClassVar[str] = "langer1969"
    place = 40

    def predict(self, case: Case) -> Row:
        """Take the temperature that the whole climb sees: barrier over int L'/T."""
        T = case.barrier / case.exponent
        ends = {k: v for k, v in case.losses().items() if k in ("L_a", "L_b")}
        numbers = {**ends, **case.determinants(), "T": T, "gamma": case.training.friction}
        temperatures = case.temperature_along[: case.path.saddle_at + 1]
        return self.leading(
            case,
            logarithm_of("kramers-langer", numbers) - log(case.training.rate) / 2,
            T / case.barrier,
            *conditions_at("kramers-langer", numbers),
            measured.constant_noise(case),
            measured.isotropic_noise(case),
            measured.one_way_down(case),
            measured.at_rest(case),
            measured.small_steps(case),
            measured.gaussian_steps(case),
            measured.independent_batches(case),
            measured.curvatures_counted(case),
            note=f"temperature {T:.6g}, the mean along the way up, where it runs from {temperatures.min():.6g} to {temperatures.max():.6g}",
        )
