"""Escape over a saddle in the plane: the slowest rate of the Fokker-Planck operator, at ever weaker noise."""

from collections.abc import Iterator, Sequence

import numpy as np
import sympy as sp

from eyring.numerics.roads.contract import Limit, Trial
from eyring.numerics.roads.valley import Profile, Valley
from eyring.numerics.roads.well import Well, X

__all__ = ["PlaneSpectrum"]


class PlaneSpectrum(Limit):
    """tau = 1/(share of walkers beyond the saddle times the slowest rate), in V = U(x) + kappa(x) y^2/2."""

    result = "eyring-kramers"
    method = "slowest Fokker-Planck rate in the plane by spectral elements and Hermite functions; four temperatures to zero"
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Two lopsided wells, the valley narrowing in one and widening in the other on the way up."""
        shallow, steep = Well.of("-1 1/5 7/5", "1/3 0 1", "3/10"), Well.of("-6/5 -1/4 3/2", "1 -1 2", "-7/10")
        widening = (lambda x: 4.1 - 1.1 * x**2 / (1 + x**2), lambda x: -2.2 * x / (1 + x**2) ** 2)
        narrowing = (lambda x: 1.3 + 0.8 * (x + 1) ** 2, lambda x: 1.6 * (x + 1))
        return [*_over(shallow, *narrowing, "narrowing"), *_over(steep, *widening, "widening")]


def _over(well: Well, kappa: Profile, slope: Profile, name: str) -> Iterator[Trial]:
    a, b, _ = (float(p) for p in well.points)
    local = {n: float(v) for n, v in well.local().items()}
    values = {"L_a": local["L_a"], "L_b": local["L_b"], "lambda_b": local["H_b"]}
    values |= {"det_H_a": local["H_a"] * float(kappa(np.array(a))), "det_H_b": local["H_b"] * float(kappa(np.array(b)))}
    for ratio in (8, 11, 15, 20):
        T = float(well.barrier) / ratio
        valley = Valley(sp.lambdify(X, well.loss, "numpy"), kappa, slope, (-2.1, 2.4), b, T)
        yield Trial({**values, "T": T}, valley.escape_time(), smallness=T, group=name)
