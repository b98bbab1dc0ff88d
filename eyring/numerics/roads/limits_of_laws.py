"""Where escape laws end: roots of orbits, of saddles and of chains, had by quadrature and linear algebra."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.polynomial import Polynomial
from numpy.polynomial.laguerre import laggauss
from scipy.optimize import brentq

from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.numerics.roads.contract import Limit, Road, Trial
from eyring.theory.dynamics import WhiteNoiseGD
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["ChainsFeltStep", "EqualLaws"]

ANGLES = math.pi * ((np.arange(4000) + 0.5) / 4000 - 0.5)  # midpoints; x = sin(angle) takes the roots out of both ends of an orbit
COLD = 1e-6  # barrier over temperature at which energy diffusion is timed, inverse
STEPS = (0.7, 1.4, 2.8)  # in units of T: the chain's own expansion is in eta^2/T
X = sp.Symbol("x", real=True)


class EqualLaws(Road):
    """Time the climb in energy by quadrature over the orbits, the crossing by the saddle's eigenvalue, and find where the two are equal."""

    result = "turnover-friction"
    method = "root in the friction: energy diffusion by quadrature over the orbits of a well, crossing by the saddle's eigenvalue"

    def trials(self) -> Sequence[Trial]:
        """Three wells; the action of the orbit is large and small against T over the saddle's frequency."""
        wells = (
            _Orbits((-1.0, 0.2, 1.4), (1.0, 0.0, 0.3)),
            _Orbits((-1.2, -0.25, 1.5), (2.0, -1.0, 1.0)),
            _Orbits((-0.9, 0.4, 1.1), (0.5, 0.2, 0.1)),
        )
        return [_turnover(well, temperature) for well, temperature in zip(wells, (0.31, 0.16, 0.07), strict=True)]


class ChainsFeltStep(Limit):
    """Let eta -> 0 in (tau_chain/tau_SDE - 1)/eta, by three steps; err over its size is the learning rate; then T -> 0."""

    result = "finite-step-rate-limit"
    method = "transfer operator of the chain, eta -> 0 at fixed T by three steps, then T -> 0 by four temperatures"
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Two double wells: one sharper at its minimum than at its saddle, one flatter."""
        sharp = Landscape(X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5), [X])
        flat = Landscape(X**6 / 40 + sp.exp(-3 * (X - sp.Rational(1, 10)) ** 2) / 2, [X], domain=[(-3, 3)])
        (low, high), (left, right) = sharp.minima(), flat.minima()
        return [
            *_felt(sharp, high, low, err=0.03, temperatures=(0.017, 0.0135, 0.011, 0.009)),
            *_felt(flat, left, right, err=0.11, temperatures=(0.021, 0.017, 0.0135, 0.011)),
        ]


@dataclass(frozen=True)
class _Orbits:
    """A well left of a saddle, and its orbits."""

    points: tuple[float, float, float]
    shape: tuple[float, ...]

    @cached_property
    def loss(self) -> Polynomial:
        """L(x), zero at the minimum."""
        plain = (Polynomial.fromroots(self.points) * Polynomial(self.shape)).integ()
        return plain - float(plain(self.points[0]))

    def bend(self, number: int) -> float:
        """L'' at the minimum (0) or the saddle (1)."""
        return float(self.loss.deriv(2)(self.points[number]))

    def action(self, below: float) -> float:
        """Return the integral of the momentum over one orbit, at an energy below the barrier."""
        bottom, top, _ = self.points
        energy = float(self.loss(top)) - below
        left = brentq(lambda x: float(self.loss(x)) - energy, bottom - 9.0, bottom)
        right = brentq(lambda x: float(self.loss(x)) - energy, bottom, top) if below > 0 else top
        x = (left + right) / 2 + (right - left) / 2 * np.sin(ANGLES)
        speed = np.sqrt(2 * np.maximum(energy - self.loss(x), 0))
        return float((right - left) * (speed * np.cos(ANGLES)).mean() * math.pi)

    @cached_property
    def climb(self) -> float:
        """gamma tau/T at temperature COLD: energy diffusion, dE of e^{E/T}/S(E) above the population 2 pi T/omega_a, over transition-state theory."""
        nodes, weights = laggauss(20)
        return float(sum(w / self.action(s * COLD) for s, w in zip(nodes, weights, strict=True)))


def _turnover(well: _Orbits, temperature: float) -> Trial:
    bend = well.bend(1)

    def excess(friction: float) -> float:
        growth = max(np.linalg.eigvals([[0.0, 1.0], [-bend, -friction]]).real)
        return float(temperature * well.climb / friction - math.sqrt(-bend) / growth)

    reference = brentq(excess, 1e-4, 1e3, xtol=1e-13)
    return Trial({"S_1": well.action(0.0), "lambda_b": bend, "T": temperature}, reference, 1e-4)


def _felt(loss: Landscape, start: CriticalPoint, end: CriticalPoint, *, err: float, temperatures: Sequence[float]) -> Iterator[Trial]:
    (saddle,) = loss.saddles()
    local = {"H_a": float(start.hessian[0, 0]), "H_b": float(saddle.hessian[0, 0]), "err": err}
    optimizer = WhiteNoiseGD()
    for t in temperatures:
        continuous = float(exact_escape_time(optimizer.sde(loss), start=start, target=end, values={"T": t}))
        chain = (float(exact_chain_time(optimizer, loss, start=start, target=end, values={"T": t, "eta": s * t}).per_time) for s in STEPS)
        slopes = [(c / continuous - 1) / (s * t) for c, s in zip(chain, STEPS, strict=True)]
        at_zero = float(np.polyfit(STEPS, slopes, len(STEPS) - 1)[-1])
        yield Trial(local, err / abs(at_zero), smallness=t, group=str(err))
