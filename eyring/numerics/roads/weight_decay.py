"""SGD with weight decay: one step over every batch of a small population, and the second moment iterated on a parabola."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import mpmath

from eyring.numerics.roads.contract import Limit, Road, Trial

__all__ = ["DecayedBatches", "DecayedRecursion", "DecayedSmallSteps"]

F = Fraction
GRADIENTS = (F(17, 10), F(-6, 5), F(2, 5), F(3, 10))  # one a sample
CASES = ((F(3, 2), F(7, 10), F(2, 5)), (F(3, 5), F(13, 5), F(9, 10)))  # curvature, noise, decay

SMALL = tuple(map(F, ("0.01", "0.015", "0.022", "0.03", "0.04")))


class DecayedBatches(Road):
    """Mean and half the variance of one step, over eta, of all batches of two; the regularized loss is differentiated sample by sample."""

    result = "weight-decay-sde"
    method = "one step over every batch of a small population, in exact fractions"

    def trials(self) -> Sequence[Trial]:
        """Two places, decays and learning rates."""
        return [self._trial(F(3, 10), F(2, 5), F(-13, 10)), self._trial(F(13, 5), F(7, 2), F(6, 5))]

    def _trial(self, eta: Fraction, decay: Fraction, here: Fraction) -> Trial:
        batches = [(a + b) / 2 for a, b in product(GRADIENTS, repeat=2)]
        steps = [-eta * sum((g + decay * here for g in (a, b)), F(0)) / 2 for a, b in product(GRADIENTS, repeat=2)]
        (g, c), (drift, spread) = _moments(batches), _moments(steps)
        values = {"eta": eta, "weight_decay": decay, "theta": here, "g": g, "C": c}
        return Trial(values, [drift / eta, spread / (2 * eta)], 1e-25)


class DecayedRecursion(Road):
    """The second moment under x' = x - eta (h x + zeta + decay x), iterated from zero."""

    result = "weight-decay-variance"
    method = "variance recursion of the update rule, iterated to its fixed point"

    def trials(self) -> Sequence[Trial]:
        """Small steps, and steps close to the limit of stability."""
        return [Trial(_values(case, eta), _iterated(case, eta), 1e-25) for case, eta in zip(CASES, (F(1, 5), F(6, 5)), strict=True)]


class DecayedSmallSteps(Limit):
    """The same recursion at ever smaller learning rates."""

    result = "weight-decay-stationary-variance"
    method = "variance recursion of the update rule, four learning rates to zero"
    tolerance = 1e-6

    def trials(self) -> Sequence[Trial]:
        """Two wells."""
        return [Trial(_values(c, eta), _iterated(c, eta), smallness=float(eta), group=str(c)) for c in CASES for eta in SMALL]


def _values(case: tuple[Fraction, ...], eta: Fraction) -> dict[str, Fraction]:
    return dict(zip(("H", "C", "weight_decay", "eta"), (*case, eta), strict=True))


def _moments(points: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    mean = sum(points, F(0)) / len(points)
    return mean, sum(((p - mean) ** 2 for p in points), F(0)) / len(points)


def _iterated(case: tuple[Fraction, ...], eta: Fraction) -> mpmath.mpf:
    with mpmath.workdps(40):
        h, c, decay, e = (mpmath.mpf(f.numerator) / f.denominator for f in (*case, eta))
        variance, before = mpmath.mpf(0), mpmath.mpf(-1)
        while abs(variance - before) > abs(variance) * mpmath.mpf(10) ** -36:
            before, variance = variance, variance - 2 * e * (h + decay) * variance + e**2 * ((h + decay) ** 2 * variance + c)
        return variance
