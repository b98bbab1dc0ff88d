"""Escape with momentum: the slowest rate of the kinetic Fokker-Planck operator, at ever lower temperature."""

from collections.abc import Iterator, Sequence

import numpy as np
import sympy as sp

from eyring.numerics.exact.relaxation.kinetic import Hierarchy, lowering_matrix
from eyring.numerics.roads.contract import Limit, Trial
from eyring.numerics.roads.well import Well, X

__all__ = ["KineticSpectrum", "kinetic_time"]

POSITIONS, ORDERS = 80, 40  # Hermite functions of position and of velocity; 120 and 80 change no digit that counts


class KineticSpectrum(Limit):
    """tau = 1/(share of walkers beyond the saddle times the slowest rate), in U(x) + h y^2/2: the direction y relaxes fast and takes no part."""

    result = "kramers-langer"
    method = "slowest rate of the kinetic Fokker-Planck operator, Hermite hierarchy; three temperatures to zero"
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Friction below and above the saddle's frequency."""
        shallow, steep = Well.of("-1 1/5 7/5", "1/3 0 1", "3/10"), Well.of("-6/5 -1/4 3/2", "1 -1 2", "-7/10")
        return [*_fading(shallow, 1.7, 2.3), *_fading(steep, 2.6, 0.6)]


def _fading(well: Well, friction: float, across: float) -> Iterator[Trial]:
    local = {n: float(v) for n, v in well.local().items()}
    values = {"L_a": local["L_a"], "L_b": local["L_b"], "lambda_b": local["H_b"], "gamma": friction}
    values |= {"det_H_a": local["H_a"] * across, "det_H_b": local["H_b"] * across}
    for ratio in (8, 12, 18):
        T = float(well.barrier) / ratio
        yield Trial({**values, "T": T}, kinetic_time(well, friction, T), smallness=T, group=str(friction))


def kinetic_time(well: Well, friction: float, temperature: float) -> float:
    """Return the mean time from the left well to the right one, of a particle of unit mass with friction."""
    x = np.linspace(-3.0, 3.0, 20_001)
    weight = np.exp(-(sp.lambdify(X, well.loss, "numpy")(x) - float(well.lowest)) / temperature)
    beyond = weight[x > float(well.points[1])].sum() / weight.sum()
    lowering = lowering_matrix(sp.lambdify(X, well.slope, "numpy"), temperature, POSITIONS)
    return float(1 / (beyond * Hierarchy.of(lowering, friction, ORDERS).smallest(1)[0]))
