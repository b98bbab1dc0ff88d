"""Two wells of unequal width on a line, as a finite sum with isotropic noise: Dai and Zhu's setting, small enough to be solved exactly beside."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.reproduce.intervals import mean_estimate

if TYPE_CHECKING:
    from eyring.theory.sde import SDE

__all__ = ["GROUPS", "LEARNING_RATE", "RANGE", "jackknife", "noise_strength", "populations", "saddle", "settled_share", "slope", "walk"]

LEARNING_RATE = 0.01  # eta/(1 - mu)
ASYMMETRY = 0.6
GROUPS = 32
RANGE = 3.0


def loss(x: Any, depth: float) -> Any:
    """Return (x^2 - 1)^2 (1 - c x + c^2 x^2)/2 + depth (2 + 3 x - x^3)/4: minima at -1 (sharp, loss 0) and +1 (flat, loss ``depth``)."""
    square, cx = x * x, ASYMMETRY * x
    well = square - 1
    return well * well * (1 + cx * (cx - 1)) / 2 + depth * (2 + x * (3 - square)) / 4


def slope(x: Any, depth: float) -> Any:
    """Return the derivative of ``loss``."""
    cx, well = ASYMMETRY * x, x * x - 1
    return 2 * x * well * (1 + cx * (cx - 1)) + well * well * ASYMMETRY * (2 * cx - 1) / 2 - depth * 3 * well / 4


def noise_strength(batch_size: int, sigma: float) -> float:
    """Return n = eta sigma^2/(2 (1 - mu) B), the temperature of the continuous limit; each sample adds +sigma x or -sigma x."""
    return LEARNING_RATE * sigma**2 / (2 * batch_size)


@cache
def walk(depth: float) -> "SDE":
    """Return the continuous limit, D = n a symbol."""
    import sympy as sp

    from eyring.theory.sde import SDE

    x, n = sp.Symbol("x", real=True), sp.Symbol("n", positive=True)
    expression = sp.nsimplify(loss(x, sp.nsimplify(depth)), rational=True)
    return SDE([-sp.diff(expression, x)], [[n]], [x])


@cache
def saddle(depth: float) -> float:
    """Return the place between the wells where the loss is highest; which side of it a walker is on names its well.

    >>> round(saddle(0.0), 6)
    -0.157624
    """
    from scipy.optimize import brentq

    return float(brentq(slope, -0.5, 0.5, args=(depth,), xtol=1e-15))


def populations(
    *, depth: float, top: float, begin: tuple[float, float], sigma: float, batch_size: int, momentum: float, replicas: int, steps: int, looks: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Train replicas by ``torch.optim.SGD``, one half from either place of ``begin``; return how each group's share beyond ``top`` grows."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    x = torch.tensor(begin).repeat(replicas // 2).requires_grad_()
    optimizer = torch.optim.SGD([x], lr=LEARNING_RATE * (1 - momentum), momentum=momentum)
    every, shares = max(steps // looks, 1), []
    tilts = torch.tensor([sigma * (2 * batch.bit_count() / batch_size - 1) for batch in range(2**batch_size)])  # of every batch there is
    for step in range(1, every * looks + 1):
        tilt = tilts[torch.randint(len(tilts), (replicas,), generator=generator)]
        optimizer.zero_grad()
        (loss(x, depth) + tilt * x).sum().backward()
        optimizer.step()
        if step % every == 0:
            shares.append((x.detach() > top).view(GROUPS, -1).float().mean(1).double().numpy())
    return {"shares": np.array(shares), "steps": every * np.arange(1, looks + 1)}


def settled_share(shares: np.ndarray) -> Estimate:
    """Return the share of the flat well over the later half of the looks, its interval from the groups, which know nothing of each other.

    Begun half and half: what the start still adds is less than e^-3 of a small difference.
    """
    return mean_estimate(shares[len(shares) // 2 :].mean(0))


def jackknife(groups: np.ndarray, number: Any, method: str, unit: str) -> Estimate:
    """Return number(mean over groups) with the 99 % interval that leaving out each group (last axis) gives."""
    whole, many = number(groups.mean(-1)), groups.shape[-1]
    without = np.array([number((groups.sum(-1) - groups[..., k]) / (many - 1)) for k in range(many)])
    spread = mean_estimate(many * whole - (many - 1) * without)
    reach = (spread.high - spread.low) / 2
    if not math.isfinite(reach):
        raise ValueError(f"the groups give no interval for {method}")
    return Estimate(whole, whole - reach, whole + reach, many, method, unit, spread.level)
