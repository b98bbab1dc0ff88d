"""Nesterov's momentum on a parabola: the joint moments of torch's form of the rule, iterated until they stand still."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["NesterovMoments"]

F = Fraction


class NesterovMoments(Road):
    """Iterate <x x>, <x m>, <m m> under m' = mu m + g, x' = x - eta (g + mu m'), g = h x + zeta; the formula comes from the velocity's form."""

    result = "nesterov-discrete-variance"
    method = "joint second moments of parameter and torch's buffer, iterated to their fixed point"

    def trials(self) -> Sequence[Trial]:
        """Small steps; and steps near the limit of stability, where heavy ball would still be far from its own."""
        cases = [("1/10", "3/2", "7/10", "4/5"), ("4/5", "9/5", "3/10", "2/5"), ("3/10", "1/2", "5/2", "3/5")]
        numbers = [tuple(map(F, case)) for case in cases]
        return [Trial(dict(zip(("eta", "H", "C", "mu"), case, strict=True)), _iterated(*case), 1e-25) for case in numbers]


def _iterated(eta: Fraction, curvature: Fraction, noise: Fraction, momentum: Fraction) -> mpmath.mpf:
    with mpmath.workdps(45):
        e, h, c, mu = (mpmath.mpf(f.numerator) / f.denominator for f in (eta, curvature, noise, momentum))
        xx, xm, mm, before = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(-1)
        while abs(xx - before) > abs(xx) * mpmath.mpf(10) ** -38:
            before = xx
            gg, gx, gm = h * h * xx + c, h * xx, h * xm  # moments of the gradient with itself and the state before the step
            new_mm = mu**2 * mm + 2 * mu * gm + gg
            x_new_m, g_new_m = mu * xm + gx, mu * gm + gg
            xm_next = x_new_m - e * (g_new_m + mu * new_mm)
            xx = xx - 2 * e * (gx + mu * x_new_m) + e**2 * (gg + 2 * mu * g_new_m + mu**2 * new_mm)
            xm, mm = xm_next, new_mm
        return xx
