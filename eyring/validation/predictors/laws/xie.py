"""Noise in proportion to the Hessian, as Xie, Sato and Sugiyama state it, and with the prefactor of Ito's calculus."""

from math import log
from typing import ClassVar

import numpy as np

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.formulas import conditions_at, logarithm_of

__all__ = ["XieDerived", "XiePublished"]


class XiePublished(Law):
    """tau = (2 pi/|H_b|) exp[(2 B (L_b - L_a)/eta)(s/H_a + (1 - s)/|H_b|)]: the form in print.

    The paper leaves s open, 0 < s < 1: the interval is all of it; the value takes s from where the way's curvature changes sign.
    """

    name = "xie"
    title = "Noise in proportion to the Hessian, as published (anti-Ito prefactor 2 pi/|H_b|)"
    source: ClassVar[str] = "xie2021"
    place = 20
    published: ClassVar[bool] = True

    def predict(self, case: Case) -> Row:
        """Take the curvatures along the way for the noise."""
        loss = case.losses()
        switch = (float(case.profile.loss_at(np.array(case.profile.inflection))) - loss["L_a"]) / case.barrier
        numbers = {**loss, "B": 1 / case.training.per_sample, "eta": case.training.step}
        step = log(case.training.step)
        value, *ends = (logarithm_of("xie", {**numbers, "s": s}, published=self.published) - step for s in (switch, 1e-12, 1 - 1e-12))
        return self.leading(
            case,
            value,
            0.0,
            *measured.hessian_noise(case),
            measured.alignment(case),
            *conditions_at("xie", {**numbers, "s": switch}, published=self.published),
            measured.one_way_down(case),
            measured.at_rest(case),
            measured.overdamped(case),
            measured.gaussian_steps(case),
            measured.independent_batches(case),
            low=min(*ends, value),
            high=max(*ends, value),
            note=f"s = {switch:.4g}, the share of the barrier climbed where the curvature along the way changes sign; the interval is all 0 < s < 1",
        )


class XieDerived(XiePublished):
    """The same with what Ito's calculus, that of minibatch noise, has before the exponential: 2 pi/H_a."""

    name = "xie-ito"
    title = "Noise in proportion to the Hessian, with Ito's prefactor 2 pi/H_a"
    place = 21
    published = False
