"""The exponent of the escape along a narrow valley when the noise is the Hessian of the minimum, all the way."""

import sympy as sp

from eyring.theory.basins.two_minima import OTHER_NAMES
from eyring.theory.formula import Formula
from eyring.theory.rare_events.valley import straight_valley
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    covariance_11,
    covariance_12,
    covariance_22,
    hessian_11,
    hessian_12,
    hessian_22,
    learning_rate,
    loss_min,
    loss_saddle,
    valley_slope,
)

__all__ = ["FrozenCurvatureBarrier"]


class FrozenCurvatureBarrier(Result):
    """ln(tau) ~ 2 B (L_b - L_a)/(eta e^T H e), H the Hessian at the minimum and e along the valley y = m x.

    e^T H e takes the place of the curvature of the one-dimensional law: the steep walls give noise across the valley, which does not count.
    """

    name = "frozen-curvature-barrier"
    title = "Exponent of the escape along a narrow valley under noise C = H/B of the minimum"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Insert C = H/B in the exponent for anisotropic noise."""
        m = valley_slope
        along = (hessian_11 + 2 * m * hessian_12 + m**2 * hessian_22) / (1 + m**2)
        frozen = {covariance_11: hessian_11, covariance_12: hessian_12, covariance_22: hessian_22}
        derivation = (
            straight_valley()
            .apply(
                OTHER_NAMES,
                "C = H/B, frozen at the minimum",
                names={c: h / batch_size for c, h in frozen.items()},
                needs="the noise across the valley, which now grows with the walls, still does not count: the limit above held it fixed",
            )
            .claim("by the curvature along the valley", 2 * batch_size * (loss_saddle - loss_min) / (learning_rate * along))
        )
        convex = Condition(greater(along, sp.Integer(0)), "the loss is convex along the valley at the minimum", hard=True)
        high = Condition(greater(derivation.expression, 3), "the barrier is high against the noise along the valley")
        return Formula(derivation, "1", learning_rate, (convex, high), name=self.name)
