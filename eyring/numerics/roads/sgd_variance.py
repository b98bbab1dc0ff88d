"""SGD on a parabola: the variance recursion of the update rule, iterated until it stands still."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["SGDVarianceRecursion"]


class SGDVarianceRecursion(Road):
    """Iterate Var x' = (1 - eta h)^2 Var x + eta^2 C from zero."""

    result = "sgd-variance"
    method = "variance recursion of the update rule, iterated to its fixed point"

    def trials(self) -> Sequence[Trial]:
        """Small and large steps, up to close to the limit of stability."""
        cases = [("1/10", "3/2", "7/10"), ("4/5", "21/10", "3/10"), ("1/50", "1/2", "4")]
        numbers = [tuple(map(Fraction, case)) for case in cases]
        return [Trial({"eta": eta, "H": h, "C": c}, _iterated(eta, h, c), 1e-25) for eta, h, c in numbers]


def _iterated(eta: Fraction, h: Fraction, c: Fraction) -> mpmath.mpf:
    with mpmath.workdps(40):
        step, kick = (mpmath.mpf(f.numerator) / f.denominator for f in ((1 - eta * h) ** 2, eta**2 * c))
        variance, before = mpmath.mpf(0), mpmath.mpf(-1)
        while abs(variance - before) > abs(variance) * mpmath.mpf(10) ** -38:
            before, variance = variance, step * variance + kick
        return variance
