"""Kramers and Eyring with white noise of one strength: barrier over temperature, and the curvatures of all directions before it."""

from math import log
from typing import ClassVar

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.formulas import logarithm_of

__all__ = ["IsotropicKramers"]


class IsotropicKramers(Law):
    """tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) e^{(L_b - L_a)/D}, D = eta tr C/(2 n (1 - mu)), tr C over all n directions at the minimum."""

    name = "kramers-isotropic"
    title = "Eyring-Kramers with white noise D = eta tr C/(2 n)"
    source: ClassVar[str] = "daizhu2018"
    place = 10

    def predict(self, case: Case) -> Row:
        """Spread the measured noise evenly over all directions; momentum rescales the learning rate."""
        T = case.mean_temperature
        ends = {k: v for k, v in case.losses().items() if k in ("L_a", "L_b")}
        log_time = logarithm_of("eyring-kramers", {"T": T, **ends, **case.determinants()})
        return self.leading(
            case,
            log_time - log(case.training.step),
            T / case.barrier,
            measured.high_barrier(case, case.barrier / T),
            measured.isotropic_noise(case),
            measured.constant_noise(case),
            measured.one_way_down(case),
            measured.at_rest(case),
            measured.small_steps(case),
            measured.overdamped(case),
            measured.gaussian_steps(case),
            measured.independent_batches(case),
            measured.curvatures_counted(case),
            note=f"temperature {T:.6g}, that of tr C/n at the minimum; along the way out it is {case.temperature_along[0]:.6g}",
        )
