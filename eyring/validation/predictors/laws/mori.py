"""Noise in proportion to the loss: a power of L_b/L_a in place of an exponential (Mori et al.)."""

from math import log
from typing import ClassVar

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.formulas import conditions_at, logarithm_of

__all__ = ["MoriAlongTheWay", "MoriInAllDirections"]


class MoriAlongTheWay(Law):
    """tau = 2 pi/sqrt(H_a |H_b|) (L_b/L_a)^(1/2 + B/(eta H_a)), curvatures and losses along the way."""

    name = "mori"
    title = "Noise in proportion to the loss, along the way alone"
    source: ClassVar[str] = "mori2021"
    place = 30

    def predict(self, case: Case) -> Row:
        """Take C = 2 L(s) H_a/B."""
        numbers = {**case.losses(), "B": 1 / case.training.per_sample, "eta": case.training.step}
        exponent = log(numbers["L_b"] / numbers["L_a"]) * numbers["B"] / (numbers["eta"] * numbers["H_a"]) if numbers["L_a"] > 0 else 0.0
        log_time = logarithm_of("mori-1d", numbers)
        return self.leading(case, log_time - log(case.training.step), 1 / exponent, *conditions_at("mori-1d", numbers), *_common(case))


class MoriInAllDirections(Law):
    """tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) (L_b/L_a)^(B/(eta h) + 1 - n/2), n directions probed, h = H_a along the way."""

    name = "mori-nd"
    title = "Noise in proportion to the loss, in all probed directions"
    source: ClassVar[str] = "mori2021"
    place = 31

    def predict(self, case: Case) -> Row:
        """Count the directions that are not flat."""
        loss = case.losses()
        numbers = {
            **case.determinants(),
            "L_a": loss["L_a"],
            "L_b": loss["L_b"],
            "H": loss["H_a"],
            "n": float(1 + len(case.pairs.wells)),
            "B": 1 / case.training.per_sample,
            "eta": case.training.step,
        }
        log_time = logarithm_of("mori-nd", numbers)
        exponent = log(loss["L_b"] / loss["L_a"]) * numbers["B"] / (numbers["eta"] * numbers["H"])
        row = (*conditions_at("mori-nd", numbers), measured.high_barrier(case, exponent), *_common(case))
        return self.leading(case, log_time - log(case.training.step), 1 / exponent, *row, measured.isotropic_noise(case))


def _common(case: Case) -> tuple[measured.Assumption, ...]:
    return (
        measured.loss_noise(case),
        measured.one_way_down(case),
        measured.at_rest(case),
        measured.overdamped(case),
        measured.gaussian_steps(case),
        measured.independent_batches(case),
    )
