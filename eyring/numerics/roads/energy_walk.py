"""Weak friction: the walk in energy, one Gaussian loss an orbit, solved as a linear system on Gauss points."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import ndtr

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["EnergyWalk", "EnergyWalkNoReturn"]

DEEP, HIGH = 48.0, 44.0  # energies over T between which the walk is solved
TOLERANCE = 1e-9
PANEL = 24


class EnergyWalk(Road):
    """Walkers above the barrier cross to the other side and lose energy there."""

    result = "melnikov-meshkov"
    method = "the walk in energy on both sides of the saddle, solved as a linear system on Gauss points"

    def trials(self) -> Sequence[Trial]:
        """Slow and quick loss of energy."""
        cases = [(0.11, 1.7, 2.9, 0.23), (0.9, 2.1, 0.6, 0.7)]
        return [Trial({"gamma": g, "S_1": s, "S_2": r, "T": t}, _two_wells(g * s / t, g * r / t), TOLERANCE) for g, s, r, t in cases]


class EnergyWalkNoReturn(Road):
    """Walkers above the barrier are gone."""

    result = "melnikov-meshkov-single-exit"
    method = "the walk in energy up to the barrier, solved as a linear system on Gauss points"

    def trials(self) -> Sequence[Trial]:
        """Slow and quick loss of energy."""
        cases = [(0.11, 1.7, 0.33), (0.9, 2.1, 0.7)]
        return [Trial({"gamma": g, "S_1": s, "T": t}, _no_return(g * s / t), TOLERANCE) for g, s, t in cases]


def _no_return(lost: float) -> float:
    """Return 1 over the flux above the barrier, in units of that of equilibrium.

    The distribution e^{-x} u(x) arriving at the barrier is that of walkers below it (x < 0) one orbit before; u -> 1 deep in the well.
    """
    (x, w), (high, h) = _below(), _above()
    kernel = _kernel(x[:, None] - x, lost) * w
    u = np.linalg.solve(np.eye(len(x)) - kernel, _from_the_deep(x, lost))
    crossing = (_kernel(high[:, None] - x, lost) * w) @ u + _from_the_deep(high, lost)
    return float(1 / (h * np.exp(-high) @ crossing))


def _two_wells(lost_here: float, lost_beyond: float) -> float:
    """Return the same for two wells: who crosses loses energy on the other side before the next attempt; the far well starts empty."""
    (x, w), (high, h) = _below(), _above()
    n, energies, weights = len(x), np.concatenate([x, high]), np.concatenate([w, h])
    here, beyond = (_kernel(energies[:, None] - energies, lost) * weights for lost in (lost_here, lost_beyond))
    stay, cross = np.arange(n), np.arange(n, len(energies))
    none = np.zeros_like(here)
    stays = [np.where(np.isin(np.arange(len(energies)), stay), k, none) for k in (here, beyond)]
    crosses = [np.where(np.isin(np.arange(len(energies)), cross), k, none) for k in (here, beyond)]
    walk = np.block([[stays[0], crosses[0]], [crosses[1], stays[1]]])
    source = np.concatenate([_from_the_deep(energies, lost_here), np.zeros(len(energies))])
    u = np.linalg.solve(np.eye(2 * len(energies)) - walk, source)
    net = u[: len(energies)] - u[len(energies) :]
    return float(1 / (h * np.exp(-high) @ net[n:]))


def _kernel(rise: np.ndarray, lost: float) -> np.ndarray:
    """Return the density of an energy change, weighed with the Boltzmann factor: its mean is +lost, its variance 2 lost."""
    return np.exp(-((rise - lost) ** 2) / (4 * lost)) / np.sqrt(4 * np.pi * lost)


def _from_the_deep(energy: np.ndarray, lost: float) -> np.ndarray:
    """Return the arrivals from below -DEEP, where u = 1."""
    return ndtr(-(energy + DEEP - lost) / np.sqrt(2 * lost))


@cache
def _below() -> tuple[np.ndarray, np.ndarray]:
    return _points(-DEEP, 0.0)


@cache
def _above() -> tuple[np.ndarray, np.ndarray]:
    return _points(0.0, HIGH)


def _points(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = leggauss(PANEL)
    edges = np.linspace(low, high, 17)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()
