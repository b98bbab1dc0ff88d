"""Sensitivities of the escape time with momentum judged by differences of exact spectra: another friction, another curvature at the saddle."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial

from eyring.numerics.exact.relaxation.kinetic import Hierarchy, lowering_matrix
from eyring.numerics.roads.contract import Limit, Trial

__all__ = ["FrictionDifferences", "SaddleDifferences"]

POSITIONS, ORDERS = 64, 24  # polynomials of position and of velocity
STEP = 2e-3  # relative; the error of the differences is of its square
RATIOS = (10, 13, 17)


class FrictionDifferences(Limit):
    """Change the friction alone."""

    result = "kramers-langer-friction"
    method = "differences in the friction of the slowest rate of the kinetic Fokker-Planck operator; three temperatures to zero"
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Saddles flat and sharp against the friction."""
        return [_trial(well, ratio, "friction") for well in WELLS for ratio in RATIOS]


class SaddleDifferences(Limit):
    """Change the curvature at the saddle alone: heights, and the curvatures at the minima, stay as they are."""

    result = "kramers-langer-sharpness"
    method = "differences in the saddle's curvature of the slowest rate of the kinetic Fokker-Planck operator; three temperatures to zero"
    tolerance = 2e-2

    def trials(self) -> Sequence[Trial]:
        """Saddles flat and sharp against the friction."""
        return [_trial(well, ratio, "bend") for well in WELLS for ratio in RATIOS]


@dataclass(frozen=True)
class _Well:
    """A loss whose slope vanishes at a, b and c, and a friction."""

    points: tuple[float, float, float]
    shape: tuple[float, ...]
    friction: float

    @property
    def loss(self) -> Polynomial:
        """L(x), lowest power first."""
        return (Polynomial.fromroots(self.points) * Polynomial(self.shape)).integ()

    @property
    def curvature(self) -> float:
        """L'' at the saddle."""
        return float(self.loss.deriv(2)(self.points[1]))

    @property
    def barrier(self) -> float:
        """The lower of the two."""
        a, b, c = (float(self.loss(p)) for p in self.points)
        return b - max(a, c)

    def log_time(self, temperature: float, *, friction: float = 1.0, bend: float = 1.0) -> float:
        """Return ln of the mean time from left to right, friction and the saddle's curvature in units of what they are."""
        a, b, c = self.points
        bump = Polynomial.fromroots((a, c)) ** 4 * Polynomial.fromroots((b, b)) / (2 * ((b - a) * (b - c)) ** 4)
        loss = self.loss + (bend - 1) * self.curvature * bump
        x = np.linspace(-2.5, 2.5, 20_001)
        weight = np.exp((float(loss(a)) - loss(x)) / temperature)
        lowering = lowering_matrix(loss.deriv(), temperature, POSITIONS)
        rate = Hierarchy.of(lowering, friction * self.friction, ORDERS).smallest(1)[0]
        return -math.log(float(rate * weight[x > b].sum() / weight.sum()))


WELLS = (_Well((-1.0, 0.2, 1.4), (1.0, 0, 0, 0, 0, 0, 0.1), 1.7), _Well((-1.2, -0.25, 1.5), (2.0, -1.0, 1.0, 0, 0, 0, 0.1), 3.1))


def _trial(well: _Well, ratio: int, changed: str) -> Trial:
    T = well.barrier / ratio
    above, below = (well.log_time(T, **{changed: share}) for share in (1 + STEP, 1 - STEP))
    return Trial({"gamma": well.friction, "lambda_b": well.curvature}, (above - below) / (2 * STEP), smallness=T, group=str(well.friction))
