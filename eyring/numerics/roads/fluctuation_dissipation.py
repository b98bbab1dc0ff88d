"""The stationary law of SGD and heavy ball on a crooked loss under noise that varies, as a density on a grid; its averages, at large steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["HeavyBallLaw", "SGDLaw"]


@dataclass(frozen=True)
class _Run:
    """Heavy ball on the loss h (x - a)^2/2 + c ln cosh(x), noise of standard deviation s sqrt(1 + b tanh(x)^2)."""

    eta: float
    mu: float
    h: float
    a: float
    c: float
    s: float
    b: float

    def slope(self, x: np.ndarray) -> np.ndarray:
        return self.h * (x - self.a) + self.c * np.tanh(x)

    def deviation(self, x: np.ndarray) -> np.ndarray:
        return self.s * np.sqrt(1 + self.b * np.tanh(x) ** 2)


class HeavyBallLaw(Road):
    """The mean square step and the mean of x L'(x), of the density in position and step."""

    result = "fluctuation-dissipation"
    method = "averages over the stationary density of position and step on a grid"

    def trials(self) -> Sequence[Trial]:
        """Weak and strong momentum at learning rates far from small."""
        return [self._trial(_Run(0.7, 0.35, 0.8, 0.6, -0.3, 0.9, 0.4)), self._trial(_Run(0.25, 0.7, 1.7, -0.8, 0.5, 1.3, -0.3))]

    def _trial(self, run: _Run) -> Trial:
        push, square_step, _ = averages(run)
        return Trial({"eta": run.eta, "mu": run.mu, "v_sq": square_step}, push, 1e-12)


class SGDLaw(Road):
    """The mean square of the batch gradient and the mean of x L'(x), of the density in position."""

    result = "fluctuation-dissipation-sgd"
    method = "averages over the stationary density of the steps on a grid"

    def trials(self) -> Sequence[Trial]:
        """Learning rates far from small."""
        return [self._trial(_Run(0.7, 0.0, 0.8, 0.6, -0.3, 0.9, 0.4)), self._trial(_Run(0.4, 0.0, 1.7, -0.8, 0.5, 1.3, -0.3))]

    def _trial(self, run: _Run) -> Trial:
        push, _, square_gradient = averages(run)
        return Trial({"eta": run.eta, "g_sq": square_gradient}, push, 1e-12)


@cache
def averages(run: _Run) -> tuple[float, float, float]:
    """Return <x L'>, <v^2> and <g_B^2> = <L'^2 + C> of the stationary law.

    p(x, v) is the law of the place and of the step that led to it. The next step is drawn from N(mu v - eta L'(x), eta^2 C(x)); place and step have
    grids of the same spacing, so that the next place lies on the grid. Sums over a grid finer than the width of the noise are exact to rounding.
    """
    quietest = run.eta * run.s * min(1.0, (1 + run.b) ** 0.5)
    spacing = 0.75 * quietest
    spread = run.eta**0.5 * run.s * (1 + abs(run.b)) ** 0.5 / (run.h * (1 - run.mu)) ** 0.5
    x = _grid(9 * spread + abs(run.a) + abs(run.c) / run.h, spacing)
    v = _grid(9 * run.eta**0.5 * spread * run.h**0.5 + 9 * quietest, spacing)
    move = _mover(run, x, v)
    density = np.outer(np.exp(-(x**2)), np.exp(-(v**2) / quietest**2))
    for _ in range(4000):
        after = move(density)
        after /= after.sum()
        if np.abs(after - density).sum() < 2e-15:
            break
        density = after
    place = density.sum(axis=1)
    slope, variance = run.slope(x), run.deviation(x) ** 2
    return float(place @ (x * slope)), float(density.sum(axis=0) @ v**2), float(place @ (slope**2 + variance))


def _grid(reach: float, spacing: float) -> np.ndarray:
    count = int(np.ceil(reach / spacing))
    return np.arange(-count, count + 1) * spacing


def _mover(run: _Run, x: np.ndarray, v: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the map of one step on the density."""
    width = run.eta * run.deviation(x)[:, None, None]
    mean = run.mu * v[None, :, None] - run.eta * run.slope(x)[:, None, None]
    kernel = np.exp(-(((v[None, None, :] - mean) / width) ** 2) / 2) / width
    shifts = range(-(v.size // 2), v.size // 2 + 1)

    def move(density: np.ndarray) -> np.ndarray:
        reached = np.einsum("xv,xvw->xw", density, kernel, optimize=True)
        after = np.zeros_like(reached)
        for column, shift in enumerate(shifts):
            rows = slice(max(0, -shift), x.size - max(0, shift))
            after[max(0, shift) : x.size - max(0, -shift), column] = reached[rows, column]
        return after

    return move
