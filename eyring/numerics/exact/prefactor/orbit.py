"""The most likely way uphill as an orbit in time, to rounding: Hamilton's equations between well and saddle, by Gauss collocation.

The orbit is cut off where it has come within CLOSE of either end; there it lies on the linear unstable, and stable, manifold. The linear
equations of Newton's method are those of the orbit's neighbours, so how these move over each piece (``transfer``) comes with the solution.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.action.path import Instanton
from eyring.numerics.exact.prefactor.ends import Saddle, Well
from eyring.numerics.exact.prefactor.motion import Motion, turned

__all__ = ["STAGES", "Orbit", "begun", "gauss"]

Course = Callable[[np.ndarray], np.ndarray]
STAGES = 10
CLOSE = 1e-12  # of the way's length, at either end
STIFF = 1.5  # the fastest rate times a piece's duration
SAMPLES = 801
MOST_PIECES = 20_000


@dataclass(frozen=True)
class Orbit:
    """The orbit on pieces of time.

    Attributes:
        ticks: When the pieces begin and end, (pieces + 1,).
        nodes: z = (x, p) there, (pieces + 1, 2n); p in units of 1/noise.
        stages: z at the collocation points inside, (pieces, STAGES, 2n).
        transfer: How a displacement of z at a piece's beginning moves its end, (pieces, 2n, 2n).
        inside: The same at the collocation points, (pieces, STAGES, 2n, 2n).
        moved: The last Newton step, relative to the size of the orbit.
    """

    ticks: np.ndarray
    nodes: np.ndarray
    stages: np.ndarray
    transfer: np.ndarray = field(default_factory=lambda: np.empty(0))
    inside: np.ndarray = field(default_factory=lambda: np.empty(0))
    moved: float = np.inf

    @property
    def durations(self) -> np.ndarray:
        """Of the pieces, (pieces,)."""
        return np.diff(self.ticks)

    def integral(self, integrand: Callable[[np.ndarray], np.ndarray], pieces: slice) -> float:
        """Return the integral over time of a function of z, (k, 2n) -> (k,), over some of the pieces."""
        stages = self.stages[pieces]
        values = integrand(stages.reshape(-1, stages.shape[2])).reshape(stages.shape[:2])
        return float(np.sum(self.durations[pieces, None] * gauss()[1] * values))

    def part(self, first: int, last: int) -> "Orbit":
        """Return the orbit between two of its nodes."""
        pieces = slice(first, last)
        return replace(
            self,
            ticks=self.ticks[first : last + 1],
            nodes=self.nodes[first : last + 1],
            stages=self.stages[pieces],
            transfer=self.transfer[pieces],
            inside=self.inside[pieces],
        )

    def halved(self) -> "Orbit":
        """Return the same orbit on pieces of half the duration."""
        _, _, points = gauss()
        known = np.concatenate([[0.0], points])
        values = np.concatenate([self.nodes[:-1, None], self.stages], axis=1)
        first, second = (_between(known, shift + points / 2) for shift in (0.0, 0.5))
        stages = np.stack([first @ values, second @ values], axis=1).reshape(-1, *self.stages.shape[1:])
        middles = (_between(known, np.array([0.5])) @ values)[:, 0]
        ticks = np.insert(self.ticks, np.arange(1, len(self.ticks)), (self.ticks[1:] + self.ticks[:-1]) / 2)
        return Orbit(ticks, np.insert(self.nodes, np.arange(1, len(self.nodes)), middles, axis=0), stages)


def begun(motion: Motion, well: Well, saddle: Saddle, path: Instanton) -> Orbit:
    """Return a first guess of the orbit from the cheapest path.

    Raises:
        AccuracyError: If well and saddle are too stiff to be followed.
    """
    guess, begin, end = _timed(motion, well, saddle, path)
    ticks = _ticks(motion, guess, begin, end)
    inner = (ticks[:-1, None] + np.diff(ticks)[:, None] * gauss()[2]).ravel()
    return Orbit(ticks, guess(ticks), guess(inner).reshape(len(ticks) - 1, STAGES, -1))


def _timed(motion: Motion, well: Well, saddle: Saddle, path: Instanton) -> tuple[Course, float, float]:
    """Return z(t) along the path, continued linearly into both ends, and when it begins and ends."""
    from scipy.interpolate import CubicSpline

    times, x = path.times, path.points
    reach = float(np.linalg.norm(saddle.place - well.place))
    middle = CubicSpline(times, np.concatenate([x, motion.noise * path.momenta], axis=1), axis=0)
    early, late = (max(float(np.log(np.linalg.norm(x[k] - e.place) / (CLOSE * reach))), 0.0) / e.slowest for k, e in ((0, well), (-1, saddle)))

    def at(when: np.ndarray) -> np.ndarray:
        z = middle(np.clip(when, times[0], times[-1]))
        before, after = when < times[0], when > times[-1]
        z[before] = well.before(x[0], times[0] - when[before])
        z[after] = saddle.after(x[-1], when[after] - times[-1])
        return z

    return at, float(times[0]) - early, float(times[-1]) + late


def _ticks(motion: Motion, guess: Course, begin: float, end: float) -> np.ndarray:
    """Return when pieces begin and end: none lasts longer than the fastest neighbouring motion allows."""
    samples = np.linspace(begin, end, SAMPLES)
    rates = np.max(np.abs(np.linalg.eigvals(turned(motion.curvatures(guess(samples)), axis=1))), axis=1)
    total = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(samples))])
    pieces = int(np.ceil(total[-1] / STIFF))
    if pieces > MOST_PIECES:
        raise AccuracyError(
            f"the way uphill is too stiff to be followed: it takes {pieces} pieces of time, of which {MOST_PIECES} are allowed, because the fastest "
            f"rate on it, {rates.max():.3g}, is so much larger than the slowest at its ends"
        )
    return np.interp(np.linspace(0, total[-1], pieces + 1), total, samples)


@cache
def gauss() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights of Gauss collocation on (0, 1), to its points and to the end, and the points."""
    points, shares = np.polynomial.legendre.leggauss(STAGES)
    integrals = np.stack([np.polynomial.legendre.Legendre.basis(k).integ(lbnd=-1)(points) for k in range(STAGES)], axis=1)
    weights = integrals @ np.linalg.inv(np.polynomial.legendre.legvander(points, STAGES - 1)) / 2
    return weights, shares / 2, (points + 1) / 2


def _between(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the matrix of polynomial interpolation from known points to wanted ones."""
    gaps = known[:, None] - known
    np.fill_diagonal(gaps, 1.0)
    weights = 1 / np.prod(gaps, axis=1)
    off = wanted[:, None] - known
    rows = weights / np.where(off == 0, 1.0, off)
    rows = rows / rows.sum(axis=1, keepdims=True)
    exact = np.any(off == 0, axis=1)
    rows[exact] = (off[exact] == 0).astype(float)
    return rows
