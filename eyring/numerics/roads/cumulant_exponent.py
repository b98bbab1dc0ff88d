"""The exponent of SGD with skewed gradients: every batch listed, the root of their own generating function found at every point of the way."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np
import sympy as sp

from eyring.numerics.exact.large_deviation import large_deviation_exponent
from eyring.numerics.exact.quadrature import Panels
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["ListedBatches"]

X, P = sp.symbols("x p", real=True)
HEIGHTS = (0.08, 0.12, 0.17, 0.23)
Samples = tuple[tuple[Fraction, Fraction], ...]  # value, share
RIGHT: Samples = ((Fraction(-13, 10), Fraction(49, 130)), (Fraction(39, 100), Fraction(68, 130)), (Fraction(143, 50), Fraction(1, 10)))
LEFT: Samples = ((Fraction(-9, 2), Fraction(1, 10)), (Fraction(3, 10), Fraction(3, 4)), (Fraction(3, 2), Fraction(3, 20)))


class ListedBatches(Limit):
    """Flatten the landscape: the three terms are the first three powers of its height."""

    result = "cumulant-exponent"
    method = "root of the generating function of all batches, by quadrature along the way; flatter and flatter landscapes"
    kept = 2
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """A well left by the right and one left by the left, with batches of two and of three."""
        quartic, sextic = X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5), X**6 / 6 - X**2 / 2 + X**3 / 20 + sp.Rational(4, 5)
        return [*_group(quartic, RIGHT, 0.07, well=1, batch=3), *_group(sextic, LEFT, 0.04, well=0, batch=2)]


def _group(shape: sp.Expr, samples: Samples, eta: float, *, well: int, batch: int) -> Iterator[Trial]:
    moments = [sum(share * value**k for value, share in samples) for k in range(5)]
    sigma = float(moments[2]) ** 0.5
    sample = {"sigma": sigma, "kappa_3": float(moments[3]) / sigma**3, "kappa_4": float(moments[4]) / sigma**4 - 3}
    law = sp.Lambda(P, _batches(samples, batch))
    for height in HEIGHTS:
        loss = Landscape(sp.Rational(str(height)) * shape, [X])
        start, (over,) = loss.minima()[well], loss.saddles()
        exponent = large_deviation_exponent(loss, law, start=start, over=over).value / eta
        climb = {"L_a": float(start.value), "L_b": float(over.value), "A_2": _power(loss, 2, start, over), "A_3": _power(loss, 3, start, over)}
        yield Trial({**climb, **sample, "B": batch, "eta": eta}, exponent, smallness=height, group=str(shape))


def _batches(samples: Samples, size: int) -> sp.Expr:
    """Return ln E exp(-p zeta) of a batch, all its draws listed."""
    total = sp.Integer(0)
    for drawn in combinations_with_replacement(range(len(samples)), size):
        ways = factorial(size) // prod(factorial(drawn.count(k)) for k in range(len(samples)))
        share = prod((samples[k][1] for k in drawn), start=Fraction(ways))
        mean = sum((samples[k][0] for k in drawn), Fraction(0)) / size
        total += sp.Rational(share.numerator, share.denominator) * sp.exp(-P * sp.Rational(mean.numerator, mean.denominator))
    return sp.log(total)


def _power(loss: Landscape, k: int, start: CriticalPoint, over: CriticalPoint) -> float:
    """Return the integral of L'^k from start to over: one Gauss panel, exact for these polynomials."""
    a, b = float(start.position[0]), float(over.position[0])
    panel = Panels(np.array([a, b]))
    slope = sp.lambdify(X, loss.gradient[0], "numpy")
    return float(panel.whole(slope(panel.points) ** k)[0])
