"""Adam and RMSprop on a parabola and over a barrier: moments at a slow running average, and exact passage times."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import mpmath
import sympy as sp

from eyring.numerics.exact import exact_escape_time
from eyring.numerics.roads.contract import Limit, Road, Trial
from eyring.numerics.roads.well import Well, X
from eyring.theory.sde import SDE

__all__ = ["AdamMoments", "AdamPassage", "RMSpropMoments"]

F = Fraction
SLOWLY = mpmath.mpf(1) / 16  # 1 - beta_2 of the recursion, on which its fixed point does not depend


class RMSpropMoments(Road):
    """The variance of x' = x - eta (h x + zeta)/sqrt(v), and v towards <(h x + zeta)^2>, iterated together from v = C."""

    result = "rmsprop-stationary-variance"
    method = "second moments of position and gradient, the step's size following the latter, iterated to their fixed point"

    def trials(self) -> Sequence[Trial]:
        """Steps small and large against the spread; at the last, SGD with the step of v = C would be unstable."""
        cases = [("1/10", "3/2", "7/10"), ("4/5", "21/10", "3/10"), ("5/2", "6/5", "2/5")]
        numbers = [tuple(map(F, case)) for case in cases]
        return [Trial(dict(zip(("eta", "H", "C"), case, strict=True)), _iterated(*case), 1e-25) for case in numbers]


class AdamMoments(Limit):
    """The same with momentum: moments of position and buffer, at ever smaller learning rates; what is left over eta goes to zero."""

    result = "adam-stationary-variance"
    method = "second moments of position, buffer and gradient, iterated to their fixed point; what is left over eta goes to zero"
    kept = 1
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Momentum below and above 1/3, where the correction changes sign."""
        cases = [(F(3, 2), F(7, 10), F(4, 5)), (F(3, 5), F(11, 5), F(1, 5))]
        return [_adam_trial(case, F(n, 100)) for case in cases for n in (4, 6, 9, 13, 20)]


class AdamPassage(Limit):
    """Exact passage times with the mobility sqrt(B/|H|) of minimum and saddle and the noise eta/2, put in by hand."""

    result = "adam-escape-time"
    method = "exact passage time with Adam's mobility and noise by nested quadrature, five learning rates to zero"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Lopsided wells; batch sizes and switch points of their own."""
        wells = [(Well.of("-1 1/5 7/5", "1/3 0 1", "3/10"), F(7), F(-3, 10)), (Well.of("-6/5 -1/4 3/2", "1 -1 2", "-7/10"), F(18, 5), F(-4, 5))]
        return [t for well, batch, switch in wells for t in _passages(well, batch, switch)]


def _iterated(eta: Fraction, curvature: Fraction, noise: Fraction) -> mpmath.mpf:
    """Return <x^2> after as many steps of RMSprop as it takes to stand still."""
    with mpmath.workdps(40):
        e, h, c = (mpmath.mpf(f.numerator) / f.denominator for f in (eta, curvature, noise))
        average, variance, change = c, mpmath.mpf(0), mpmath.mpf(1)
        while change > mpmath.mpf(10) ** -33:
            step = e / mpmath.sqrt(average)
            variance_next = (1 - step * h) ** 2 * variance + step**2 * c
            average_next = average + SLOWLY * (c + h**2 * variance - average)
            change = max(abs(variance_next - variance) / variance_next, abs(average_next - average) / average)
            variance, average = variance_next, average_next
        return variance


def _adam_trial(case: tuple[Fraction, Fraction, Fraction], eta: Fraction) -> Trial:
    values = dict(zip(("H", "C", "beta_1", "eta"), (*case, eta), strict=True))
    return Trial(values, _spread(eta, *case), smallness=float(eta), group=str(case))


def _spread(eta: Fraction, curvature: Fraction, noise: Fraction, momentum: Fraction) -> mpmath.mpf:
    """Return <x^2> of m' = b m + (1 - b) g, x' = x - eta m'/sqrt(v), v = <g^2>, g = h x + zeta."""
    with mpmath.workdps(40):
        e, h, c, b = (mpmath.mpf(f.numerator) / f.denominator for f in (eta, curvature, noise, momentum))
        average, variance, before = c, mpmath.mpf(0), mpmath.mpf(-1)
        while abs(variance - before) > abs(variance) * mpmath.mpf(10) ** -34:
            before, variance = variance, _held(e / mpmath.sqrt(average), h, c, b)
            average += (c + h**2 * variance - average) / 2
        return variance


def _held(step: mpmath.mpf, h: mpmath.mpf, c: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    """Return <x^2> at a held step: (x, m) -> A (x, m) + K zeta, its moments solved for."""
    A = mpmath.matrix([[1 - step * (1 - b) * h, -step * b], [(1 - b) * h, b]])
    K = mpmath.matrix([-step * (1 - b), 1 - b])
    pairs = [(0, 0), (0, 1), (1, 1)]
    system = mpmath.matrix(3, 3)
    for column, (p, q) in enumerate(pairs):
        unit = mpmath.zeros(2)
        unit[p, q] = unit[q, p] = 1
        left = unit - A * unit * A.T
        for row, (i, j) in enumerate(pairs):
            system[row, column] = left[i, j]
    return mpmath.lu_solve(system, mpmath.matrix([c * K[i] * K[j] for i, j in pairs]))[0]


def _passages(well: Well, batch: Fraction, switch: Fraction) -> Iterator[Trial]:
    local = well.local()
    c = sp.Rational(switch.numerator, switch.denominator)
    at_switch = Fraction(str(well.loss.subs(X, c)))
    share = (at_switch - local["L_a"]) / (local["L_b"] - local["L_a"])
    size = sp.Rational(batch.numerator, batch.denominator)
    near, far = (sp.sqrt(size / abs(sp.Rational(str(local[name])))) for name in ("H_a", "H_b"))
    climb = float(near * sp.Rational(str(at_switch - local["L_a"])) + far * sp.Rational(str(local["L_b"] - at_switch)))
    for ratio in (30, 45, 70, 110, 170):
        eta = Fraction(round(2 * climb / ratio * 10**6), 10**6)
        noise = sp.Rational(eta.numerator, 2 * eta.denominator)
        sde = SDE(-well.slope * sp.Piecewise((near, c > X), (far, True)), noise, [X])
        time = exact_escape_time(sde, start=well.points[0], target=well.points[2])
        yield Trial({**local, "B": batch, "s": share, "eta": eta}, float(time), smallness=float(eta), group=str(well.slope))
