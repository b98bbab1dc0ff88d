"""Escape under noise that follows the Hessian or the loss: the exact double integral of the mean passage time in one dimension."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from eyring.numerics.roads.contract import Limit, Trial
from eyring.numerics.roads.valley import Valley
from eyring.numerics.roads.well import Well, X

__all__ = ["ExactHessianNoise", "ExactLossNoise", "ExactLossNoiseLine", "PlaneLossNoise"]

SHALLOW, STEEP = Well.of("-1 1/5 7/5", "1/3 0 1", "3/10"), Well.of("-6/5 -1/4 3/2", "1 -1 2", "3")
FADING = (30, 45, 70, 110, 170)  # exponent of the escape time


class ExactHessianNoise(Limit):
    """D = eta H_a/(2 B) up to c, eta |H_b|/(2 B) beyond, the drift in Ito's calculus."""

    result = "xie"
    method = "exact passage time by nested quadrature under noise that jumps at c, in Ito's calculus; five learning rates to zero"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Two wells with c near the minimum and near the saddle."""
        return [*_switched(SHALLOW, sp.Rational(-1, 5), Fraction(7)), *_switched(STEEP, sp.Rational(-9, 10), Fraction(3, 2))]


class ExactLossNoise(Limit):
    """D = (eta H_a/B) L(x), Ito."""

    result = "mori-1d"
    method = "exact passage time by nested quadrature under D = (eta H_a/B) L(x), in Ito's calculus; five learning rates to zero"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Two wells whose lowest loss is not zero."""
        return [t for well, B in ((SHALLOW, Fraction(7)), (STEEP, Fraction(3, 2))) for t in _proportional(well, B, well.derivative(2, 0))]


class ExactLossNoiseLine(Limit):
    """The same in one coordinate, where the curvature that sets the noise is not that of the minimum."""

    result = "mori-nd"
    method = "exact passage time by nested quadrature, n = 1"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """One coordinate: the determinants are the curvatures."""
        return [_on_a_line(t) for well, B in ((SHALLOW, Fraction(7)), (STEEP, Fraction(3, 2))) for t in _proportional(well, B, Fraction(27, 10))]


class PlaneLossNoise(Limit):
    """L = e^V, V = U(x) + kappa(x) y^2/2, from the slowest rate of D = k L in the plane."""

    result = "mori-nd"
    method = "slowest Fokker-Planck rate in the plane by spectral elements and Hermite functions, n = 2; four noise strengths to zero"
    tolerance = 2e-2

    def trials(self) -> Sequence[Trial]:
        """A valley that narrows on the way up."""
        well = Well.of("-6/5 -1/4 3/2", "1 -1 2", "-7/10")
        a, b = (float(p) for p in well.points[:2])
        depth, cut = sp.lambdify(X, well.loss, "numpy"), {"H": 2.7, "B": 1.5, "n": 2}
        low, high = (float(np.exp(float(well.derivative(0, i)))) for i in (0, 1))
        narrow = [1.3 + 0.8 * (p + 1) ** 2 for p in (a, b)]
        bend = [float(well.derivative(2, i)) for i in (0, 1)]
        values = {
            **{"L_a": low, "L_b": high, "lambda_b": high * bend[1]},
            **{"det_H_a": low**2 * bend[0] * narrow[0], "det_H_b": high**2 * bend[1] * narrow[1]},
        }
        trials = []
        for ratio in (8, 10, 13, 17):
            k = float(well.barrier) / ratio
            valley = Valley(depth, lambda x: 1.3 + 0.8 * (x + 1) ** 2, lambda x: 1.6 * (x + 1), (-2.1, 2.4), b, k, stretch=1)
            trials.append(Trial({**values, **cut, "eta": k * cut["B"] / cut["H"]}, valley.escape_time(), smallness=k))
        return trials


def _switched(well: Well, switch: sp.Rational, B: Fraction) -> Iterator[Trial]:
    at_switch = well.loss.subs(X, switch)
    values = well.local()
    L_a, L_b, H_a, H_b = (sp.Rational(values[n].numerator, values[n].denominator) for n in ("L_a", "L_b", "H_a", "H_b"))
    share = (at_switch - L_a) / (L_b - L_a)
    climb = (L_b - L_a) * (share / H_a - (1 - share) / H_b)
    for ratio in FADING:
        strength = sp.nsimplify(sp.N(climb / ratio, 12), rational=True)  # eta/(2 B)
        eta = 2 * strength * sp.Rational(B.numerator, B.denominator)
        noise = sp.Piecewise((strength * H_a, sp.Lt(X, switch)), (-strength * H_b, True))
        drawn = {"eta": Fraction(int(eta.p), int(eta.q)), "B": B, "s": Fraction(int(share.p), int(share.q))}
        yield Trial({**values, **drawn}, well.time(noise), smallness=float(strength), group=str(switch))


def _proportional(well: Well, B: Fraction, bend: Fraction) -> Iterator[Trial]:
    rise = float(sp.log(well.loss.subs(X, well.points[1]) / well.loss.subs(X, well.points[0])))
    for ratio in FADING:
        k = Fraction(rise / ratio).limit_denominator(10**6)
        eta = k * B / bend
        exact = well.time(sp.Rational(k.numerator, k.denominator) * well.loss)
        yield Trial({**well.local(), "eta": eta, "B": B, "H": bend}, exact, smallness=float(k), group=str(B))


def _on_a_line(trial: Trial) -> Trial:
    """Name the curvatures as the formula in n dimensions does."""
    v = trial.values
    named = {"lambda_b": v["H_b"], "det_H_a": v["H_a"], "det_H_b": v["H_b"], "n": 1}
    return Trial({**v, **named}, trial.reference, smallness=trial.smallness, group=trial.group)
