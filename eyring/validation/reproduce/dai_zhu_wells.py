"""Two wells of unequal width on a line, as a finite sum with isotropic noise: Dai and Zhu's setting, small enough to be solved exactly beside."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.reproduce.intervals import mean_estimate

if TYPE_CHECKING:
    from eyring.theory.sde import SDE

__all__ = ["GROUPS", "LEARNING_RATE", "RANGE", "TOP", "jackknife", "noise_strength", "population", "populations", "settled_share", "walk"]

LEARNING_RATE = 0.01  # eta/(1 - mu)
TILT = 8.5  # sigma: each sample adds +sigma x or -sigma x
ASYMMETRY = 0.6
GROUPS = 32
TOP = -0.15762360554014695  # the saddle at equal depths; which side of it a walker is on names its well
RANGE = 3.0


def loss(x: Any, depth: float) -> Any:
    """Return (x^2 - 1)^2 (1 - c x + c^2 x^2)/2 + depth (2 + 3 x - x^3)/4: minima at -1 (sharp, loss 0) and +1 (flat, loss ``depth``)."""
    c = ASYMMETRY
    return (x * x - 1) ** 2 * (1 - c * x + c * c * x * x) / 2 + depth * (2 + 3 * x - x**3) / 4


def noise_strength(batch_size: int) -> float:
    """Return n = eta sigma^2/(2 (1 - mu) B), the temperature of the continuous limit."""
    return LEARNING_RATE * TILT**2 / (2 * batch_size)


@cache
def walk(depth: float) -> "SDE":
    """Return the continuous limit, D = n a symbol."""
    import sympy as sp

    from eyring.theory.sde import SDE

    x, n = sp.Symbol("x", real=True), sp.Symbol("n", positive=True)
    expression = sp.nsimplify(loss(x, sp.nsimplify(depth)), rational=True)
    return SDE([-sp.diff(expression, x)], [[n]], [x])


def populations(
    *, depth: float, begin: tuple[float, float], batch_size: int, momentum: float, replicas: int, steps: int, looks: int, seed: int
) -> dict[str, np.ndarray]:
    """Train replicas by ``torch.optim.SGD``, one half from either place of ``begin``; return how each group's share in the flat well grows."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    x = torch.tensor(begin).repeat(replicas // 2).requires_grad_()
    optimizer = torch.optim.SGD([x], lr=LEARNING_RATE * (1 - momentum), momentum=momentum)
    every, shares = max(steps // looks, 1), []
    for step in range(1, every * looks + 1):
        plus = torch.randint(2, (batch_size, replicas), generator=generator, dtype=torch.int8).sum(0)
        signs = (2 * plus - batch_size) / batch_size
        optimizer.zero_grad()
        (loss(x, depth) + TILT * signs * x).sum().backward()
        optimizer.step()
        if step % every == 0:
            shares.append((x.detach() > TOP).view(GROUPS, -1).float().mean(1).double().numpy())
    return {"shares": np.array(shares), "steps": every * np.arange(1, looks + 1)}


def population(time: Any, share: float, rate: float) -> Any:
    """Return share (1 - e^{-rate time})."""
    return -share * np.expm1(-rate * np.asarray(time))


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
