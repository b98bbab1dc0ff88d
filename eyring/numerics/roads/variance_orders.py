"""Stationary variances on a parabola, of the steps and of their SDEs, from the numbers of one step alone."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath

from eyring.numerics.roads.contract import Limit, Road, Trial
from eyring.numerics.roads.second_order import first_order, number

__all__ = ["FirstOrderVariance", "RatiosOfVariances", "SecondOrderVariance"]

F = Fraction


class FirstOrderVariance(Limit):
    """The variance of the steps themselves, as the learning rate goes to zero."""

    result = "sgd-variance-first-order"
    method = "variance of the steps, summed kick by kick, extrapolated in the learning rate"
    tolerance = 1e-6

    def trials(self) -> Sequence[Trial]:
        """Two curvatures and noises, four learning rates each."""
        cases = [(F(7, 5), F(3, 10)), (F(3, 5), F(17, 10))]
        etas = [F(n, 1000) for n in (2, 3, 5, 8)]
        return [Trial({"eta": e, "H": h, "C": c}, steps_variance(e, h, c), smallness=float(e), group=str(h)) for h, c in cases for e in etas]


class SecondOrderVariance(Road):
    """Drift and diffusion of order 2 as the logarithm of one step; the variance as the integral of what each moment's noise leaves of itself."""

    result = "sgd-variance-second-order"
    method = "relaxation of the second-order SDE, read off the logarithm of one step, integrated in time"

    def trials(self) -> Sequence[Trial]:
        """Small and large steps."""
        cases = [(F(1, 10), F(7, 5), F(3, 10)), (F(4, 5), F(21, 10), F(17, 10)), (F(13, 10), F(3, 5), F(2, 5))]
        return [Trial({"eta": e, "H": h, "C": c}, _equation_variance(e, h, c, white=False), 1e-15) for e, h, c in cases]


class RatiosOfVariances(Road):
    """The variance of each SDE over that of the steps, less 1."""

    result = "sgd-variance-errors"
    method = "variances of the steps and of the SDEs read off the logarithm of one step"

    def trials(self) -> Sequence[Trial]:
        """Small and large steps."""
        return [_ratios(F(1, 10), F(7, 5), F(3, 10)), _ratios(F(4, 5), F(17, 10), F(7, 10))]


def steps_variance(eta: Fraction, h: Fraction, c: Fraction) -> Any:
    """Return the variance of x' = x - eta (h x + zeta) as the sum of what is left of every earlier kick; pairs of kicks are summed by doubling."""
    with mpmath.workdps(40):
        left, total = number((1 - eta * h) ** 2), number(eta * eta * c)
        while left > mpmath.mpf(10) ** -45:
            total, left = total * (1 + left), left * left
        return total


def _equation_variance(eta: Fraction, h: Fraction, c: Fraction, *, white: bool) -> Any:
    """Return the integral of 2 D exp(-2 a t) over all times, a and D from the steps near the minimum; ``white``: matched at fixed strength eta C."""
    with mpmath.workdps(80):
        deviation = mpmath.sqrt(number(eta * c if white else c))

        def chain(step: Any) -> Any:
            kick = mpmath.sqrt(3 * step) * deviation if white else step * deviation
            weights = [(mpmath.mpf(1) / 6, kick), (mpmath.mpf(2) / 3, 0), (mpmath.mpf(1) / 6, -kick)] if white else [(0.5, kick), (0.5, -kick)]
            return lambda z: [(w, (z[0] * (1 - step * number(h)) + n,)) for w, n in weights]

        (drift, _), (_, diffusion) = first_order(chain, (mpmath.mpf(1),), eta)[0], first_order(chain, (mpmath.mpf(0),), eta)[0]
        decay = mpmath.quad(lambda t: mpmath.exp(2 * drift * t), [0, 1 / abs(drift), 10 / abs(drift), 100 / abs(drift)])
        return 2 * diffusion * decay


def _ratios(eta: Fraction, h: Fraction, c: Fraction) -> Trial:
    with mpmath.workdps(40):
        exact = steps_variance(eta, h, c)
        small = F(1, 10**22)  # the first-order SDE is what is left of the steps at a tiny step, at the same eta C
        equations = [
            steps_variance(small, h, c * eta / small),
            _equation_variance(eta, h, c, white=False),
            _equation_variance(eta, h, c, white=True),
        ]
        return Trial({"eta": eta, "H": h}, [v / exact - 1 for v in equations], 1e-14)
