"""Noise near an interpolating minimum: every batch of two out of samples that are all fitted there, ever closer to the minimum."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import mpmath

from eyring.numerics.roads.contract import Limit, Trial

__all__ = ["FittedSamples"]

Loss = Callable[[mpmath.mpf], mpmath.mpf]
DISTANCES = ("0.004", "0.007", "0.011", "0.016")


class FittedSamples(Limit):
    """Five and four non-negative losses, none quadratic, each zero at x = 0."""

    result = "interpolation"
    method = "enumeration of all batches near the minimum, distance -> 0"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Squares of sines and of exponentials."""
        waves = [partial(_wave, c, k) for c, k in ((1.5, 1.2), (0.5, 3.0), (2.5, 0.4), (0.3, 5.0), (1.0, 0.7))]
        growth = [partial(_growth, c, k) for c, k in ((0.4, 1.5), (1.25, -0.6), (0.2, 2.5), (3.0, 0.3))]
        with mpmath.workdps(40):
            return [trial for name, losses, size in (("waves", waves, 2), ("growth", growth, 3)) for trial in _group(name, losses, size)]


def _wave(height: float, number: float, x: mpmath.mpf) -> mpmath.mpf:
    return (height * mpmath.sin(number * x)) ** 2 / 2


def _growth(height: float, rate: float, x: mpmath.mpf) -> mpmath.mpf:
    return height * (mpmath.exp(rate * x) - 1) ** 2


def _group(name: str, losses: Sequence[Loss], size: int) -> list[Trial]:
    curvatures = [mpmath.diff(loss, 0, 2) for loss in losses]
    mean, square = mpmath.fsum(curvatures) / len(losses), mpmath.fsum(h**2 for h in curvatures) / len(losses)
    trials = []
    for x in map(mpmath.mpf, DISTANCES):
        slopes = [mpmath.diff(loss, x) for loss in losses]
        batches = [mpmath.fsum(batch) / size for batch in product(slopes, repeat=size)]
        variance = mpmath.fsum(b**2 for b in batches) / len(batches) - (mpmath.fsum(batches) / len(batches)) ** 2
        values = {"H": mean, "h_sq": square, "L": mpmath.fsum(loss(x) for loss in losses) / len(losses), "B": size}
        trials.append(Trial(values, variance, smallness=float(x), group=name))
    return trials
