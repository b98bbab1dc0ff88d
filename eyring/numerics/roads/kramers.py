"""Escape in one dimension: the exact double integral of the mean passage time, at ever weaker noise."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import mpmath
import sympy as sp

from eyring.numerics.roads.contract import Limit, Trial
from eyring.numerics.roads.well import Well, X

__all__ = ["ExactCorrected", "ExactPassage", "ExactStateDependent", "ExactTwiceCorrected", "ExactVisit"]

WELLS = (
    Well.of("-1 1/5 7/5", "1/3 0 1", "3/10"),
    Well.of("-6/5 -1/4 3/2", "1 -1 2", "-7/10"),
    Well.of("-3/2 -1/5 6/5", "3/5 7/10 3/10 1 3/2", "1/5"),
)
FADING = (30, 45, 70, 110, 170)  # barrier over noise


class ExactPassage(Limit):
    """tau of three lopsided wells against the leading formula."""

    result = "kramers"
    method = "exact passage time by nested quadrature, five noise strengths to zero"
    tolerance = 1e-5

    def trials(self) -> Sequence[Trial]:
        """Wells with steep and flat minima, saddles left and right of the middle."""
        return [t for w in WELLS[:2] for t in _trials(w, highest=2)]


class ExactCorrected(Limit):
    """What is left after the first correction, divided by D."""

    result = "kramers-first-correction"
    method = "exact passage time by nested quadrature, five noise strengths; what is left over D goes to zero"
    kept = 1
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """The same wells, with their third and fourth derivatives."""
        return [t for w in WELLS[:2] for t in _trials(w, highest=4)]


class ExactTwiceCorrected(Limit):
    """What is left after the second correction, divided by D^2."""

    result = "kramers-second-correction"
    method = "exact passage time by nested quadrature, five noise strengths; what is left over D^2 goes to zero"
    kept = 2
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """Three wells, with their derivatives up to the sixth."""
        return [t for w in WELLS for t in _trials(w, highest=6)]


class ExactVisit(Limit):
    """The first visit to the saddle; where L'''_b is not zero the ratio is a series in sqrt(D)."""

    result = "to-the-saddle"
    method = "exact passage time to the saddle by nested quadrature, five noise strengths to zero"
    power = Fraction(1, 2)
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """The target is the saddle itself."""
        return [t for w in WELLS[:2] for t in _trials(w, highest=2, target=1)]


class ExactStateDependent(Limit):
    """Noise eps d(x) with d growing and falling along the way, in Ito's calculus."""

    result = "kramers-state-dependent"
    method = "exact passage time under D(x) in Ito's calculus by nested quadrature, five noise strengths to zero"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """The exponent is integrated numerically."""
        shapes = (1 + X**2 / 2 + X / 3, (7 - X - X**2) / 4)
        return [t for w, d in zip(WELLS, shapes, strict=False) for t in _noisy(w, d)]


def _trials(well: Well, *, highest: int, target: int = 2) -> Iterator[Trial]:
    for ratio in FADING:
        D = well.barrier / ratio
        values = {**well.local(highest), "D": D}
        yield Trial(values, well.time(sp.Rational(D.numerator, D.denominator), target=target), smallness=float(D), group=str(well.slope))


def _noisy(well: Well, shape: sp.Expr) -> Iterator[Trial]:
    a, b = well.points[0], well.points[1]
    climb = mpmath.quad(sp.lambdify(X, well.slope / shape, "mpmath"), [mpmath.mpf(p.p) / p.q for p in (a, b)])
    for ratio in FADING:
        strength = well.barrier / ratio
        exact = sp.Rational(strength.numerator, strength.denominator)
        noise = {f"D_{place}": Fraction(int(v.p), int(v.q)) for place, v in (("a", exact * shape.subs(X, a)), ("b", exact * shape.subs(X, b)))}
        values = {**well.local(), **noise, "E": float(climb) * strength.denominator / strength.numerator}
        yield Trial(values, well.time(exact * shape), smallness=float(strength), group=str(shape))
