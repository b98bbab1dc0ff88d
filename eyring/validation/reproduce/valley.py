"""The valley of a network's minimum along its sharpest direction: loss and gradient noise there, and how both vary beside it.

On a quadratic loss the coordinate u along an eigenvector of H is a walk of its own, whatever the other directions do. Elsewhere they matter: for a
given u they stand, by the linearised dynamics, in a Gaussian law about a line that leans. L' and v^T G v are measured on that line and at places
drawn beside it, so that what changes with the place counts to the first order in the noise.
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eyring.validation.reproduce.signed_sum import Run
from eyring.validation.reproduce.small_data import small_problem

__all__ = ["BATCH", "MEASURED", "STEP", "Network", "Valley", "gradients_along", "other_directions", "valley_of"]

OUT, STEP = 3.0, 0.08  # r in standard deviations of the stationary walk at the first setting; eta h there
BATCH = 16
PAIRS = 64  # of places beside the line, opposite each other
MEASURED = ("curvature", "lowest", "radius", "unit", "s", "slope", "noise", "slope_beside", "noise_beside", "centred")


@dataclass(frozen=True)
class Network:
    """A network and its data.

    Attributes:
        data: As ``small_data`` names them.
        hidden: Widths of the hidden layers.
        decay: L2 term of the loss, which keeps the minimum finite.
        folder: Of a CSV file, or None.
        exits: How many a setting is to see, roughly, in the whole run.
    """

    data: str
    hidden: tuple[int, ...]
    decay: float
    folder: Path | None = None
    exits: int = 450

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.data}, {len(self.hidden) + 1} layers" if self.hidden else f"{self.data}, logistic"


@dataclass(frozen=True, eq=False)
class Valley:
    """A minimum and its sharpest direction.

    Attributes:
        problem: The network and its data.
        minimum: Parameters, (n,).
        direction: Unit eigenvector of H, (n,).
        curvature: Its eigenvalue h.
        lowest: The smallest eigenvalue of H.
        radius: r.
        unit: eta of the first setting.
        s: Places along the line that leans.
        slope: v^T grad L there.
        noise: v^T G v there.
        slope_beside: What the slope has beyond that at places beside the line, one standard deviation away at eta k/((1 - mu) B) = 1: the
            part that is equal on opposite sides and the one that is not, (2, pairs, places).
        noise_beside: The same of the noise.
        centred: Every sample's gradient along v there, less their mean, (places, N).
    """

    problem: Any
    minimum: Any
    direction: Any
    curvature: float
    lowest: float
    radius: float
    unit: float
    s: np.ndarray
    slope: np.ndarray
    noise: np.ndarray
    slope_beside: np.ndarray
    noise_beside: np.ndarray
    centred: np.ndarray

    def averaged(self, run: Run) -> tuple[np.ndarray, np.ndarray]:
        """Return slope and noise, averaged over the other directions, (places,)."""
        return self.slope + run.effective * self.slope_beside[0].mean(axis=0), self.noise + run.effective * self.noise_beside[0].mean(axis=0)

    def beside(self, run: Run) -> tuple[np.ndarray, np.ndarray]:
        """Return slope and noise with the other directions held at every place beside the line, (2, pairs, places)."""
        side = math.sqrt(run.effective) * np.array([1.0, -1.0])[:, None, None]
        return tuple(on + run.effective * even + side * odd for on, (even, odd) in ((self.slope, self.slope_beside), (self.noise, self.noise_beside)))


@cache
def valley_of(network: Network) -> Valley:
    """Find a minimum and measure loss and noise along its sharpest direction."""
    import torch

    from eyring.validation.probes.gradient_covariance import gradient_noise
    from eyring.validation.probes.hessian import dense_hessian
    from eyring.validation.probes.minimum import polished_minimum
    from eyring.validation.reproduce.jastrzebski_training import starts

    problem = small_problem(network.data, network.hidden, "cross-entropy", network.folder, columns=4, samples=128, decay=network.decay)
    minimum = torch.as_tensor(polished_minimum(problem, starts(problem, 1, seed=5)[0]))
    h, v = np.linalg.eigh(dense_hessian(problem, minimum))
    noise = gradient_noise(problem, minimum, directions=v).covariance
    unit = STEP / h[-1]
    radius = OUT * math.sqrt(unit * noise[-1, -1] / BATCH / (2 * h[-1]))
    s = np.linspace(-1.5 * radius, 1.5 * radius, 31)
    lean, spread = other_directions(h, noise)
    line = minimum.numpy() + s[:, None] * (v[:, -1] + v[:, :-1] @ lean)
    each = gradients_along(problem, line, v[:, -1])
    slope, along_it = each.mean(axis=1), each.var(axis=1)
    away = math.sqrt(unit / BATCH)
    drawn = np.random.default_rng(0).normal(size=(PAIRS, len(spread))) @ (v[:, :-1] @ spread).T * away
    beside = np.array([gradients_along(problem, line + side, v[:, -1]) for side in (*drawn, *-drawn)]).reshape(2, PAIRS, *each.shape)
    return Valley(
        problem, minimum, torch.tensor(v[:, -1], dtype=problem.dtype), float(h[-1]), float(h[0]), radius, unit, s, slope, along_it,
        _even_and_odd(beside.mean(axis=-1) - slope, away), _even_and_odd(beside.var(axis=-1) - along_it, away), each - slope[:, None],
    )  # fmt: skip


def _even_and_odd(beyond: np.ndarray, away: float) -> np.ndarray:
    """Return the even part over the square of the distance and the odd part over it, (2, ...), of numbers on two opposite sides."""
    here, there = beyond
    return np.array([(here + there) / (2 * away**2), (here - there) / (2 * away)])


def other_directions(h: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how the other directions stand for a given u: their mean for u = 1, and a factor of their covariance for eta k/((1 - mu) B) = 1.

    The stationary covariance S of the linearised dynamics obeys H S + S H = G, here in the eigenvectors of H, u the last of them.

    >>> lean, factor = other_directions(np.array([1.0, 3.0]), np.array([[2.0, 1.0], [1.0, 6.0]]))   # S = [[1, 1/4], [1/4, 1]]
    >>> lean.tolist(), round(float(factor[0, 0] ** 2), 6)
    ([0.25], 0.9375)
    """
    stationary = noise / (h[:, None] + h)
    lean = stationary[:-1, -1] / stationary[-1, -1]
    size, axes = np.linalg.eigh(stationary[:-1, :-1] - np.outer(lean, stationary[-1, :-1]))
    return lean, axes * np.sqrt(np.maximum(size, 0.0))


def gradients_along(problem: Any, places: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return every sample's gradient along a direction at places (M, n); (M, N)."""
    import torch

    way = torch.as_tensor(direction, dtype=problem.dtype)
    found = torch.func.vmap(lambda theta: problem.sample_gradients(theta) @ way)(torch.as_tensor(places, dtype=problem.dtype))
    return np.asarray(found.detach())
