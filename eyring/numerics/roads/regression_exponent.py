"""SGD on linear regression, its chain solved as it stands: mean time to leave an interval at five learning rates."""

import math
from collections.abc import Sequence

import numpy as np

from eyring.numerics.estimators.leading_exponent import leading_exponent
from eyring.numerics.exact.elimination import Elimination
from eyring.numerics.roads.contract import Road, Trial

__all__ = ["RegressionChain"]

PANELS, NODES, INPUTS = 40, 8, 40
RATES = (0.070, 0.052, 0.038, 0.028, 0.021)  # times B/(4 a)


class RegressionChain(Road):
    """Given the batch's inputs, a step is normal: mean w (1 - eta X/B), deviation eta sigma_y sqrt(X)/B, X their sum of squares (chi-square)."""

    result = "regression-exponent"
    method = "mean exit time of the chain of real batches at five learning rates; the part of ln(tau) that grows like 1/eta"

    def trials(self) -> Sequence[Trial]:
        """Batches of three and of four, at places where the SDE's exponent is a third too small."""
        cases = ((4, 1.2, 0.9, 0.55), (3, 0.6, 1.3, 1.2))
        return [Trial({"B": B, "a": a, "sigma_y": s, "w": w, "eta": 0.03}, _exponent(B, a, s, w) / 0.03, 5e-4) for B, a, s, w in cases]


def _exponent(B: int, a: float, s: float, w: float) -> float:
    rates = [share * B / (4 * a) for share in RATES]
    return leading_exponent(rates, [math.log(_exit_steps(eta, B, a, s, w)) for eta in rates])


def _exit_steps(eta: float, B: int, a: float, s: float, w: float) -> float:
    """Return the mean number of steps from near zero until |w'| >= w, by Nystrom's method."""
    from scipy.special import erfc, gamma, roots_genlaguerre

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = w / PANELS
    points = (np.linspace(-w, w, PANELS + 1)[:-1, None] + half * (nodes + 1)).ravel()
    transitions, exits = np.zeros((len(points), len(points))), np.zeros(len(points))
    squares, shares = roots_genlaguerre(INPUTS, B / 2 - 1)
    for total, share in zip(2 * a * squares, shares / gamma(B / 2), strict=True):
        centre, spread = points * (1 - eta * total / B), eta * s * np.sqrt(total) / B
        transitions += share * np.exp(-(((points - centre[:, None]) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
        exits += share * (erfc((w - centre) / (spread * np.sqrt(2))) + erfc((w + centre) / (spread * np.sqrt(2)))) / 2
    transitions *= np.tile(half * weights, PANELS)
    steps = Elimination.of(transitions, exits).solve(np.ones(len(points)))
    return float(steps[np.argmin(np.abs(points))])
