"""Zhu et al.'s escaping efficiency: how much faster the loss grows out of the minimum than under isotropic noise of the same strength."""

from typing import ClassVar

import numpy as np

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.formulas import compiled

__all__ = ["EscapingEfficiency"]


class EscapingEfficiency(Law):
    """Tr(H C) over its value tr H tr C/n for isotropic noise of the same trace, in the directions probed at the minimum. It is no time."""

    name = "zhu"
    title = "Escaping efficiency Tr(H C), relative to isotropic noise of the same trace"
    source: ClassVar[str] = "zhu2019"
    place = 50

    def predict(self, case: Case) -> Row:
        """Let the mean loss grow for one unit of time in each direction."""
        H, C = case.minimum.eigenvalues, case.training.per_sample * np.diag(case.minimum.noise)
        even = np.full(len(H), C.mean())
        ratio = _growth(case, H, C) / _growth(case, H, even)
        return Row(
            self.name,
            self.title,
            self.source,
            "indicator",
            ratio,
            ratio,
            ratio,
            case.training.rate,
            (measured.alignment(case), measured.small_steps(case)),
            note="an indicator, not a time: above 1, noise lies in the sharp directions; it knows no barrier and no saddle",
        )


def _growth(case: Case, curvatures: np.ndarray, noises: np.ndarray) -> float:
    """Return the rate at which the mean loss grows at first, Tr(H C) eta/2: the catalogued formula of two directions, for each and its like."""
    growth = compiled("escaping-efficiency", published=True)
    shown = (curvatures != 0) & (noises > 0)
    h, c = np.abs(curvatures[shown]), noises[shown]
    each = growth(C_11=c, C_22=c, H_1=h, H_2=h, eta=case.training.step, t=1.0) / 2
    return float(np.sum(np.sign(curvatures[shown]) * each))
