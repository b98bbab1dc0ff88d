"""Moments of one step of linear regression from the moments of chi-squared, and the tail exponent of ever smaller steps by quadrature."""

import math
from collections.abc import Sequence
from fractions import Fraction

import mpmath
import numpy as np
from scipy.optimize import brentq

from eyring.numerics.exact.quadrature import Panels
from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.linear_process import DIGITS, number

__all__ = ["EvenMoments", "EverSmallerSteps"]

SHRINKING = tuple(1 / (250 * 2**n) for n in range(6))  # epsilon = 2 eta a/B


class EvenMoments(Road):
    """For even beta, (1 - c chi2_B)^beta multiplied out and E chi2^m = B (B + 2) ... (B + 2 m - 2); at others two known functions."""

    result = "kesten-moment"
    method = "moments of chi-squared in exact fractions at even beta; confluent hypergeometric functions at another"

    def trials(self) -> Sequence[Trial]:
        """Three even orders and one that is not whole."""
        even = [_even(eta, a, batch, order) for eta, a, batch, order in (("3/10", "7/4", 3, 2), ("1/7", "5/2", 5, 4), ("2/3", "4/5", 2, 6))]
        return [*even, _between("2/5", "3/2", 3, "27/10")]


class EverSmallerSteps(Road):
    """Solve E|1 - y|^beta = 1 at six ever smaller steps, and remove the corrections in powers of the step and of its logarithm."""

    result = "tail-exponent-small-step"
    method = "root of the moment by quadrature at six small steps, extrapolated with logarithms"

    def trials(self) -> Sequence[Trial]:
        """Batches of one, three and six."""
        with mpmath.workdps(DIGITS):
            cases = [(1, "1/50", "7/10"), (3, "1/30", "2/5"), (6, "1/70", "9/4")]
            return [
                Trial({"B": batch, "eta": Fraction(eta), "a": Fraction(a)}, _limit(batch) * batch / (2 * number(eta) * number(a)), 1e-6)
                for batch, eta, a in cases
            ]


def _even(eta: str, a: str, batch: int, order: int) -> Trial:
    factor = Fraction(eta) * Fraction(a) / batch
    total, chi = Fraction(0), Fraction(1)
    for m in range(order + 1):
        total += int(mpmath.binomial(order, m)) * (-factor) ** m * chi
        chi *= batch + 2 * m
    return Trial({"eta": Fraction(eta), "a": Fraction(a), "B": batch, "beta": order}, total, 1e-20)


def _between(eta: str, a: str, batch: int, order: str) -> Trial:
    with mpmath.workdps(DIGITS):
        k, z, beta = mpmath.mpf(batch) / 2, batch / (2 * number(eta) * number(a)), number(order)
        below = mpmath.beta(k, beta + 1) * mpmath.hyp1f1(k, k + beta + 1, -z)
        beyond = mpmath.exp(-z) * mpmath.gamma(beta + 1) * mpmath.hyperu(beta + 1, k + beta + 1, z)
        value = (below + beyond) * z**k / mpmath.gamma(k)
    return Trial({"eta": Fraction(eta), "a": Fraction(a), "B": batch, "beta": Fraction(order)}, value, 1e-20)


def _limit(batch: int) -> mpmath.mpf:
    """Return beta epsilon at epsilon -> 0 by fitting 1, e ln e, e, e^2 ln^2 e, e^2 ln e and e^2."""
    points = [mpmath.mpf(e) for e in SHRINKING]
    shapes = ((0, 0), (1, 1), (1, 0), (2, 2), (2, 1), (2, 0))
    system = mpmath.matrix([[e**p * mpmath.log(e) ** q for p, q in shapes] for e in points])
    return mpmath.lu_solve(system, mpmath.matrix([_root(batch, e) for e in SHRINKING]))[0]


def _root(batch: int, epsilon: float) -> float:
    """Return nu = beta epsilon with E|1 - y|^beta = 1, y = epsilon chi2/2; both sides of y = 1 are summed over panels."""
    k, norm = batch / 2, math.gamma(batch / 2)
    s = Panels(np.linspace(0, 7, 15))

    def excess(nu: float) -> float:
        near = s.whole(2 * s.points ** (batch - 1) * np.exp(nu / epsilon * np.log1p(-epsilon * s.points**2) - s.points**2)).sum()
        width = 9 * math.sqrt(nu * epsilon)
        u = Panels(np.linspace(-width, width, 31))
        fall = nu * np.log1p(u.points / nu) - u.points
        far = u.whole((1 + nu + u.points) ** (k - 1) * np.exp(fall / epsilon)).sum() * epsilon**-k
        return (nu * math.log(nu) - nu - 1) + epsilon * (math.log(far / norm) - math.log1p(-near / norm))

    return float(brentq(excess, 3.0, 3.7, xtol=1e-15, rtol=1e-15))
