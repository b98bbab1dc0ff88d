"""Absolute values of Hessians, had from their eigenvectors."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["Eigenvectors"]


class Eigenvectors(Road):
    """U |Lambda| U^T/B by the symmetric eigenvalue problem."""

    result = "hessian-noise"
    method = "eigenvectors of the Hessian, in 40 digits"

    def trials(self) -> Sequence[Trial]:
        """A minimum, a saddle with the way out along one axis mostly, one aslant, and a maximum."""
        cases = [("7/5", "3/10", "1/2", 2), ("7/5", "2/5", "-3/5", 3), ("4/5", "9/5", "6/5", 5), ("-9/5", "1/3", "-1/2", 7)]
        return [_trial(Fraction(one), Fraction(off), Fraction(two), batch) for one, off, two, batch in cases]


def _trial(one: Fraction, off: Fraction, two: Fraction, batch: int) -> Trial:
    with mpmath.workdps(45):
        a, b, c = (mpmath.mpf(f.numerator) / f.denominator for f in (one, off, two))
        values, vectors = mpmath.eigsy(mpmath.matrix([[a, b], [b, c]]))
        absolute = vectors * mpmath.diag([abs(v) for v in values]) * vectors.T / batch
    return Trial({"H_11": one, "H_12": off, "H_22": two, "B": batch}, absolute.tolist(), 1e-25)
