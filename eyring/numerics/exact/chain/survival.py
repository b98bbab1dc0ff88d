"""How fast a chain in two variables loses its walkers: the optimizer's own steps, its own batches, no small parameter.

The probability S(z) of still being there after n steps obeys S_{n+1}(z) = sum_j p_j S_n(z_j'), z_j' where batch j leads to, and S = 0 beyond the
exit. On a grid with polynomials of degree five between its points, S_{n+1}/S_n tends to 1 - rate, the rate of the quasi-stationary walkers. The
two variables are position and velocity of one coordinate with momentum, or two coordinates without.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import binom

from eyring.errors import AccuracyError, ParameterError

__all__ = ["Box", "chain_rate", "interpolation", "sign_batches", "transition"]

STENCIL = np.arange(-2, 4)  # six points around a place
FEWEST = len(STENCIL)
SETTLED = 1e-8  # change of the rate in a tenth of the steps so far
LONGEST = 200_000
LOOSEST = 0.05  # what two grids may differ by; the difference is stated as the error

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Box:
    """Where walkers are watched: a grid over a rectangle; they leave by ``exit``, and are held at the other edges.

    Attributes:
        low: Lower corner, (2,).
        high: Upper corner, (2,).
        points: Of the grid in each variable, at least six.

    Raises:
        ParameterError: If a side has fewer than six points.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    points: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.points) < FEWEST:
            raise ParameterError(f"polynomials of degree five need {FEWEST} grid points a side, got {self.points}")

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the grid's points, the second variable running first: two arrays of the same length."""
        axes = [np.linspace(self.low[i], self.high[i], self.points[i]) for i in range(2)]
        x, y = np.meshgrid(*axes, indexing="ij")
        return x.ravel(), y.ravel()

    def coarser(self) -> "Box":
        """Return the same rectangle with two thirds of the points."""
        return Box(self.low, self.high, (max(2 * self.points[0] // 3, FEWEST), max(2 * self.points[1] // 3, FEWEST)))


def sign_batches(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of ``size`` fair signs drawn with replacement, (size + 1,), and its probabilities.

    >>> means, chances = sign_batches(2)
    >>> means.tolist(), chances.tolist()
    ([-1.0, 0.0, 1.0], [0.25, 0.5, 0.25])
    """
    heads = np.arange(size + 1)
    return (2 * heads - size) / size, binom(size, heads) / 2.0**size


def chain_rate(
    step: Step, batches: Sequence[tuple[float, float, float]], box: Box, *, exited: Callable, start: tuple[float, float]
) -> tuple[float, float]:
    """Return the quasi-stationary exit rate per step and its relative error, the difference from a coarser grid.

    Args:
        step: From places (x, y) and a batch's noise (two numbers) to the places after one step; walks all places at once.
        batches: (noise of the first kind, of the second, probability) of every batch.
        box: The grid.
        exited: Says of places (x, y) whether they are beyond the exit.
        start: Where survival is read off.

    Raises:
        AccuracyError: If the rate does not settle, or the two grids differ by more than 5 %.
    """
    fine, coarse = (_rate(step, batches, b, exited, start) for b in (box, box.coarser()))
    error = abs(fine / coarse - 1)
    if error > LOOSEST:
        raise AccuracyError(f"the rate of the chain changes by {error:.1%} from one grid to the next; use more points than {box.points}", fine, error)
    return fine, max(error, SETTLED)


def _rate(step: Step, batches: Sequence[tuple[float, float, float]], box: Box, exited: Callable, start: tuple[float, float]) -> float:
    x, y = box.places()
    inside = ~exited(x, y)
    chain = transition(step, batches, box, exited=exited)
    here = int(np.argmin(np.hypot((x - start[0]) / (box.high[0] - box.low[0]), (y - start[1]) / (box.high[1] - box.low[1]))))
    alive, before, looked = inside.astype(float), 0.0, 50
    for n in range(1, LONGEST):
        after = chain @ alive
        kept = after[here] / alive[here]
        alive = after / after[here]
        if n == looked:
            rate = 1 - kept
            if abs(rate - before) <= SETTLED * abs(rate):
                return float(rate)
            before, looked = rate, int(1.2 * n) + 1
    raise AccuracyError(f"the rate of the chain did not settle in {LONGEST} steps; it is near {1 - kept:.3g} per step", float(1 - kept))


def transition(step: Step, batches: Sequence[tuple[float, float, float]], box: Box, *, exited: Callable) -> csr_array:
    """Return the matrix that takes a function of the grid's places to its expectation one step later, places in the order of ``Box.places``."""
    x, y = box.places()
    row, size = np.flatnonzero(~exited(x, y)), len(x)
    total = csr_array((size, size))
    for first, second, chance in batches:
        there = step(x[row], y[row], np.array([first, second]))
        stays = ~exited(*there)
        (i, u), (j, v) = (interpolation(there[axis][stays], box.low[axis], box.high[axis], box.points[axis]) for axis in range(2))
        columns = (i[:, :, None] * box.points[1] + j[:, None, :]).ravel()
        ends = np.zeros(size + 1, dtype=np.int64)
        ends[row[stays] + 1] = 36
        total = total + csr_array(((chance * u[:, :, None] * v[:, None, :]).ravel(), columns, np.cumsum(ends)), shape=(size, size))
    return total


def interpolation(place: np.ndarray, low: float, high: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the six grid points around every place and their Lagrange weights, which sum to 1."""
    t = (np.clip(place, low, high) - low) / (high - low) * (points - 1)
    first = np.clip(np.floor(t).astype(int), 2, points - 4)
    nodes = first[:, None] + STENCIL
    weights = np.ones(nodes.shape)
    for k in range(6):
        for other in range(6):
            if other != k:
                weights[:, k] *= (t - nodes[:, other]) / (k - other)
    return nodes, weights
