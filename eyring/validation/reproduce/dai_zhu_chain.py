"""Between two wells, what the optimizer's own steps do: the flat well's share and the relaxation rate of the chain, without a small parameter."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import eigs, splu

from eyring.errors import AccuracyError
from eyring.numerics.exact.chain.survival import Box, sign_batches, transition
from eyring.validation.reproduce.dai_zhu_wells import LEARNING_RATE, saddle, slope

__all__ = ["ChainLaw", "chain_law"]

LEFT, RIGHT = 1.8, 2.4  # from the saddle to where nobody comes
SPACING = 0.03  # between places; half of them lie on either side of the saddle
SPEEDS, FASTEST = 31, 7.0  # grid points, up to so many thermal speeds
LOOSEST = 2e-3


@dataclass(frozen=True)
class ChainLaw:
    """What a chain tends to, and how fast.

    Attributes:
        share: Of the flat well, in the long run.
        rate: Of relaxation, per unit of time: minus the logarithm of the second eigenvalue over eta/(1 - mu).
        error: Relative, of either: the difference from a coarser grid.
    """

    share: float
    rate: float
    error: float


@cache
def chain_law(depth: float, sigma: float, batch_size: int, momentum: float) -> ChainLaw:
    """Return the law of x' = x - v', v' = mu v + eta (L'(x) + sigma m), m the mean of a batch of fair signs.

    Raises:
        AccuracyError: If two grids differ by more than 0.2 %.
    """
    (share, rate), coarse = (_on_grid(depth, sigma, batch_size, momentum, times) for times in (1.0, 1.4))
    error = float(max(abs(share / coarse[0] - 1), abs(rate / coarse[1] - 1)))
    if error > LOOSEST:
        raise AccuracyError(f"the law of the chain changes by {error:.1%} from one grid to the next", rate, error)
    return ChainLaw(share, rate, error)


def _on_grid(depth: float, sigma: float, batch_size: int, mu: float, coarser: float) -> tuple[float, float]:
    eta = LEARNING_RATE * (1 - mu)
    fastest = FASTEST * eta * sigma / math.sqrt(batch_size * (1 - mu**2))
    h = SPACING * coarser
    top = saddle(depth)
    low, high = top - (round(LEFT / h) + 0.5) * h, top + (round(RIGHT / h) + 0.5) * h
    points = round((high - low) / h) + 1, round(SPEEDS / coarser) if mu else 6
    box = Box((low, -fastest), (high, fastest), points)

    def step(x: np.ndarray, v: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        speed = mu * v + eta * (slope(x, depth) + noise[0])
        return x - speed, speed if mu else 0 * speed

    batches = [(sigma * mean, 0.0, chance) for mean, chance in zip(*sign_batches(batch_size), strict=True)]
    chain = transition(step, batches, box, exited=lambda x, y: np.zeros(len(x), dtype=bool))
    decays = eigs(chain, k=2, sigma=1 + 1e-6, return_eigenvectors=False).real
    flat = np.repeat(np.linspace(low, high, points[0]) > top, points[1])
    return float(_settled(csc_array(chain)) @ flat), -math.log(min(decays)) / LEARNING_RATE


def _settled(chain: csc_array) -> np.ndarray:
    """Return the law that a step leaves as it is, by two steps of inverse iteration from the uniform one."""
    factors = splu((chain.T - (1 + 1e-9) * eye_array(chain.shape[0])).tocsc())
    law = factors.solve(factors.solve(np.ones(chain.shape[0])))
    return law / law.sum()
