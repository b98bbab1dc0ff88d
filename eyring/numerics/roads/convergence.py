"""The law on its way to Gibbs's: the Fokker-Planck operator, with and without momentum, in polynomials orthonormal in Gibbs's weight.

Both wells count in the limit only if their depths differ by no more than the noise, so the landscape leans with it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import Polynomial
from scipy.optimize import brentq

from eyring.numerics.exact.relaxation.kinetic import Hierarchy, lowering_matrix
from eyring.numerics.roads.contract import Limit, Trial

__all__ = ["FadingDistance", "FadingWithMomentum"]

POSITIONS, ORDERS = 80, 32  # polynomials of position and of velocity; more change no digit that counts
SHAPES = {  # coefficients of the loss, lowest power first, and how many noise strengths the left well lies higher than the right one, or so
    "high": ((0.4, 0.0, -0.5, -0.1, 0.25), 0.35),
    "low": ((-0.3, 0.0, -0.8, 0.15, 0.3, 0.0, 0.05), -0.3),
}


class FadingDistance(Limit):
    """Let a law in which walkers lean to one side relax, and look at late times when the distance has shrunk by the factor."""

    result = "convergence-to-gibbs"
    method = "Fokker-Planck equation in 80 orthonormal polynomials: |p - p_inf| in L2(1/p_inf) at two late times; four noise strengths to zero"
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """The well beyond is lower, then higher, by about a third of the noise."""
        return [*_fading("high", eta=0.07, sigma=1.3, err=0.2), *_fading("low", eta=0.013, sigma=0.6, err=0.045)]


class FadingWithMomentum(Limit):
    """Take the slowest mode of the kinetic equation."""

    result = "kinetic-convergence"
    method = "slowest mode of the kinetic Fokker-Planck equation, 80 polynomials of position and 32 of velocity; four temperatures to zero"
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Friction above and below the saddle's frequency."""
        return [*_with_momentum("high", eta=0.07, mu=0.55, sigma=1.3, err=0.2), *_with_momentum("low", eta=0.013, mu=0.87, sigma=0.6, err=0.045)]


@dataclass(frozen=True)
class _Wells:
    """Two wells that lean by a given multiple of the noise strength."""

    loss: Polynomial

    @classmethod
    def of(cls, shape: str, noise: float) -> "_Wells":
        coefficients, lean = SHAPES[shape]
        return cls(Polynomial(coefficients) + noise * lean * Polynomial([0.0, -1.0]))

    @cached_property
    def local(self) -> dict[str, float]:
        """Losses and curvatures at a, b and c."""
        points = sorted(float(r.real) for r in self.loss.deriv().roots() if abs(r.imag) < 1e-9)
        bend = self.loss.deriv(2)
        return {f"{name}_{place}": float(f(u)) for place, u in zip("abc", points, strict=True) for name, f in (("L", self.loss), ("H", bend))}

    def lowering(self, noise: float) -> np.ndarray:
        """Return sqrt(noise) d/dx."""
        return lowering_matrix(self.loss.deriv(), noise, POSITIONS)


def _barrier(shape: str) -> float:
    local = _Wells.of(shape, 0.0).local
    return min(local["L_b"] - local["L_a"], local["L_b"] - local["L_c"])


def _fading(shape: str, *, eta: float, sigma: float, err: float) -> Iterator[Trial]:
    for ratio in (9, 12, 16, 21):
        D = _barrier(shape) / ratio
        wells = _Wells.of(shape, D)
        values = {**wells.local, "eta": eta, "sigma": sigma, "B": eta * sigma**2 / (2 * D), "err": err}
        yield Trial(values, _time_to_shrink(wells.lowering(D), err), smallness=D, group=shape)


def _time_to_shrink(lowering: np.ndarray, factor: float) -> float:
    """Start from p/p_inf - 1 in proportion to x - <x>, wait until the faster modes are gone, then until the distance has shrunk by the factor."""
    _, roots, modes = np.linalg.svd(lowering[:, 1:])
    share, rates = modes[:, 0], roots**2

    def log_distance(t: float) -> float:
        slowest = rates.min()
        return float(np.log(np.linalg.norm(share * np.exp(-(rates - slowest) * t))) - slowest * t)

    late = 30 / float(np.sort(rates)[1])
    guess = -math.log(factor) / float(rates.min())
    return float(brentq(lambda wait: log_distance(late + wait) - log_distance(late) - math.log(factor), guess / 9, 9 * guess, rtol=1e-12))


def _with_momentum(shape: str, *, eta: float, mu: float, sigma: float, err: float) -> Iterator[Trial]:
    for ratio in (8, 11, 15, 20):
        T = _barrier(shape) / ratio
        wells = _Wells.of(shape, T)
        rate = float(Hierarchy.of(wells.lowering(T), (1 - mu) / math.sqrt(eta), ORDERS).smallest(1)[0])
        values = {**wells.local, "eta": eta, "mu": mu, "sigma": sigma, "B": eta * sigma**2 / (2 * T * (1 - mu)), "err": err}
        yield Trial(values, -math.log(err) / (rate * math.sqrt(eta)), smallness=T, group=shape)
