"""Two ways out of one basin, and the way back: exact exit times from an interval, exact spectra, at ever weaker noise.

Of two competing exits both count in the limit only if their barriers differ by no more than the noise, so the landscape is tilted with it.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from eyring.numerics.exact import relaxation_rates
from eyring.numerics.exact.quadrature import Panels, running_sum
from eyring.numerics.roads.contract import Limit, Trial
from eyring.numerics.roads.well import X
from eyring.theory.sde import SDE

__all__ = ["ExactExit", "ExactGap"]

FADING = (18, 25, 35, 50, 70)


class ExactExit(Limit):
    """Mean time to leave the interval between the minima on either side."""

    result = "parallel-paths"
    method = "exact mean exit time from the interval between the two wells beyond, by quadrature; five noise strengths to zero"
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """The other saddle is higher, then lower, by about half of the noise."""
        points = [sp.Rational(p) for p in ("-2", "-6/5", "-1/10", "4/5", "9/5")]
        return [_exit(points, tilt, sp.Rational(1, 4) / ratio) for tilt in (sp.Rational(3, 5), sp.Rational(-2, 5)) for ratio in FADING]


class ExactGap(Limit):
    """The smallest non-zero eigenvalue of the Fokker-Planck operator between two wells of different width."""

    result = "spectral-gap"
    method = "smallest Fokker-Planck eigenvalue in one dimension by inverse iteration; five noise strengths to zero"
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """The well beyond is higher, then lower, by about half of the noise."""
        points = [sp.Rational(p) for p in ("-1", "1/10", "7/5")]
        return [_gap(points, tilt, sp.Rational(1, 4) / ratio) for tilt in (sp.Rational(3, 5), sp.Rational(-2, 5)) for ratio in FADING]


def _exit(points: Sequence[sp.Rational], tilt: sp.Rational, D: sp.Rational) -> Trial:
    left, other, bottom, saddle, right = points
    slope = _tilted(sp.prod(X - p for p in points), sp.Integer(1), X, (saddle, other), tilt * D)
    loss = sp.integrate(slope, X) + sp.Rational(2, 7)
    values = _local(loss, {"a": bottom, "b": saddle, "d": other}) | {"D": _fraction(D)}
    panels = Panels(np.unique([*np.linspace(float(left), float(bottom), 161), *np.linspace(float(bottom), float(right), 161)]))
    height = (sp.lambdify(X, loss, "numpy")(panels.points) - float(loss.subs(X, bottom))) / float(D)
    scale, speed = np.exp(height - height.max()), np.exp(-height) / float(D)
    middle = int(np.argmin(abs(panels.edges - float(bottom))))
    steps = panels.whole(speed)
    behind = np.concatenate([-running_sum(steps[:middle][::-1])[::-1][:-1], running_sum(steps[middle:])[:-1]])
    passed = behind[:, None] + panels.running(speed)  # from the bottom to either side, so that no digits cancel
    share = panels.whole(scale * passed).sum() / panels.whole(scale).sum()
    reference = panels.whole(scale * (share - passed))[:middle].sum() * np.exp(height.max())
    return Trial(values, float(reference), smallness=float(D), group=str(tilt))


def _gap(points: Sequence[sp.Rational], tilt: sp.Rational, D: sp.Rational) -> Trial:
    slope, values = _two_wells(points, tilt, D)
    rate = float(relaxation_rates(SDE(-slope, D, [X]))[0])
    return Trial(values, rate, smallness=float(D), group=str(tilt))


def _two_wells(points: Sequence[sp.Rational], tilt: sp.Rational, D: sp.Rational) -> tuple[sp.Expr, dict[str, Fraction]]:
    near, saddle, far = points
    slope = _tilted(sp.prod(X - p for p in points), X**2 + 1, X, (far, near), tilt * D)
    loss = sp.integrate(slope, X) + sp.Rational(2, 7)
    return slope, _local(loss, {"a": near, "b": saddle, "c": far}) | {"D": _fraction(D)}


def _tilted(roots: sp.Expr, shape: sp.Expr, lean: sp.Expr, between: tuple[sp.Rational, sp.Rational], difference: sp.Rational) -> sp.Expr:
    """Return roots (shape + p lean) with p such that the loss at the first point exceeds that at the second by the difference."""
    top, bottom = between
    plain, leaning = (sp.integrate(sp.expand(roots * part), (X, bottom, top)) for part in (shape, lean))
    return sp.expand(roots * (shape + (difference - plain) / leaning * lean))


def _local(loss: sp.Expr, points: dict[str, sp.Rational]) -> dict[str, Fraction]:
    value = {f"L_{name}": loss.subs(X, p) for name, p in points.items()}
    return {n: _fraction(v) for n, v in (value | {f"H_{name}": sp.diff(loss, X, 2).subs(X, p) for name, p in points.items()}).items()}


def _fraction(value: sp.Rational) -> Fraction:
    return Fraction(int(value.p), int(value.q))
