"""Sensitivities of the escape time with momentum judged by differences of exact spectra: another friction, another curvature at the saddle."""

import math
from collections.abc import Callable, Sequence

import sympy as sp

from eyring.numerics.roads.contract import Limit, Trial
from eyring.numerics.roads.momentum import kinetic_time
from eyring.numerics.roads.well import Well, X

__all__ = ["FrictionDifferences", "SaddleDifferences"]

STEP = 2e-3  # relative; the error of the differences is of its square
RATIOS = (8, 11, 15)
CASES = ((Well.of("-1 1/5 7/5", "1/3 0 1", "3/10"), 1.7), (Well.of("-6/5 -1/4 3/2", "1 -1 2", "-7/10"), 0.9))


class FrictionDifferences(Limit):
    """Change the friction alone."""

    result = "kramers-langer-friction"
    method = "differences in the friction of the slowest rate of the kinetic Fokker-Planck operator; three temperatures to zero"
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Friction below and above the saddle's frequency."""
        return [
            _trial(well, friction, ratio, lambda share, T, well=well, friction=friction: kinetic_time(well, friction * share, T))
            for well, friction in CASES
            for ratio in RATIOS
        ]


class SaddleDifferences(Limit):
    """Change the curvature at the saddle alone: heights, and the curvatures at the minima, stay as they are."""

    result = "kramers-langer-sharpness"
    method = "differences in the saddle's curvature of the slowest rate of the kinetic Fokker-Planck operator; three temperatures to zero"
    tolerance = 2e-2

    def trials(self) -> Sequence[Trial]:
        """Friction below and above the saddle's frequency."""
        return [
            _trial(well, friction, ratio, lambda share, T, well=well, friction=friction: kinetic_time(_bent(well, share), friction, T))
            for well, friction in CASES
            for ratio in RATIOS
        ]


def _trial(well: Well, friction: float, ratio: int, time: Callable[[float, float], float]) -> Trial:
    T = float(well.barrier) / ratio
    slope = math.log(time(1 + STEP, T) / time(1 - STEP, T)) / (2 * STEP)
    return Trial({"gamma": friction, "lambda_b": well.derivative(2, 1)}, slope, smallness=T, group=str(friction))


def _bent(well: Well, share: float) -> Well:
    """Multiply the curvature at the saddle by the share, by a polynomial that vanishes to the fourth order at both minima."""
    a, b, c = well.points
    bump = ((X - a) * (X - c) / ((b - a) * (b - c))) ** 4 * (X - b) ** 2 / 2
    curvature = sp.Rational(well.derivative(2, 1).numerator, well.derivative(2, 1).denominator)
    added = sp.Poly(bump, X) * curvature * (sp.Rational(repr(share)) - 1)
    return Well(sp.expand(well.slope + added.diff(X).as_expr()), well.points, well.lowest)
