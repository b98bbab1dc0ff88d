"""Linear regression as Ziyin et al. have it: Gaussian inputs, fresh for every batch, so that every law of the catalogue is exact for it."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.errors import AccuracyError

if TYPE_CHECKING:
    import torch

__all__ = ["formula", "growth_map", "settled"]

FAR = 1e6


def settled(
    *,
    curvatures: list[float],
    target: list[float],
    label_std: float,
    learning_rate: float,
    batch_size: int,
    momentum: float,
    decay: float,
    replicas: int,
    burn_in: int,
    steps: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Train replicas of y = u.x + e by ``torch.optim.SGD`` on batches drawn afresh, and average over time.

    Args:
        curvatures: Variances of the inputs, (d,): the Hessian's eigenvalues.
        target: u, (d,).
        label_std: sigma_y, the standard deviation of e.
        learning_rate: eta.
        batch_size: B.
        momentum: mu, without dampening.
        decay: Gamma: the loss trained on has + Gamma |w|^2/2; it may be negative, which is why it is written into the loss.
        replicas: R.
        burn_in: Steps before the first one that counts.
        steps: Steps that count.
        seed: Of the data.

    Returns:
        Time averages by replica: "squares" (R, d), of (w - u)^2; "train" (R,), the loss of a batch before its step; "test" (R,), a.(w - u)^2/2.

    Raises:
        AccuracyError: If a replica runs away.
    """
    import torch

    generator, width = torch.Generator().manual_seed(seed), len(curvatures)
    double: dict[str, Any] = {"dtype": torch.float64}
    a, u = torch.tensor(curvatures, **double), torch.tensor(target, **double)
    w = u.repeat(replicas, 1).requires_grad_()
    optimizer = torch.optim.SGD([w], lr=learning_rate, momentum=momentum)
    squares, train = torch.zeros(replicas, width, **double), torch.zeros(replicas, **double)
    for step in range(burn_in + steps):
        loss = _batch_loss(w, a, u, label_std, batch_size, generator)
        optimizer.zero_grad()
        (loss + decay / 2 * w.square().sum(1)).sum().backward()
        if step >= burn_in:
            squares += (w.detach() - u).square()
            train += loss.detach()
        optimizer.step()
    if not bool((w.abs() < FAR).all()):
        raise AccuracyError(f"a replica ran away at eta = {learning_rate}, B = {batch_size}, mu = {momentum}; use a smaller learning rate")
    return {"squares": (squares / steps).numpy(), "train": (train / steps).numpy(), "test": ((squares / steps) @ a / 2).numpy()}


def growth_map(
    *, width: int, learning_rate: float, batch_size: int, momentum: float, decay: float, replicas: int, seed: int
) -> dict[str, np.ndarray]:
    """Measure how one step of ``torch.optim.SGD`` moves second moments, far from the minimum, where labels no longer matter; inputs of variance 1.

    Weight w and buffer m start as (e, 0), (0, e) and (e, e), e in a random direction; E|w|^2, E w.m and E|m|^2 after one step are linear in those
    before. Returns "map": (replicas, 3, 3) samples of the matrix.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    double: dict[str, Any] = {"dtype": torch.float64}
    a, origin = torch.ones(width, **double), torch.zeros(width, **double)
    after, before = [], []
    for weight, buffer in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        direction = torch.nn.functional.normalize(torch.randn(replicas, width, generator=generator, **double), dim=1)
        w = (weight * direction).requires_grad_()
        optimizer = torch.optim.SGD([w], lr=learning_rate, momentum=momentum)
        if momentum:
            optimizer.state[w]["momentum_buffer"] = buffer * direction
        loss = _batch_loss(w, a, origin, 0.0, batch_size, generator) + decay / 2 * w.square().sum(1)
        loss.sum().backward()
        optimizer.step()
        m = optimizer.state[w]["momentum_buffer"] if momentum else torch.zeros_like(w)
        moved = w.detach()
        after.append(torch.stack([(moved**2).sum(1), (moved * m).sum(1), (m**2).sum(1)], 1))
        before.append([weight**2, weight * buffer, buffer**2])
    found = torch.stack(after, 2).numpy() @ np.linalg.inv(np.array(before).T)
    return {"map": found}


def _batch_loss(
    w: "torch.Tensor", a: "torch.Tensor", u: "torch.Tensor", label_std: float, batch_size: int, generator: "torch.Generator"
) -> "torch.Tensor":
    """Return each replica's mean of (y - x.w)^2/2 over a batch of its own, (R,)."""
    import torch

    x = torch.randn(batch_size, *w.shape, generator=generator, dtype=w.dtype) * a.sqrt()
    y = (x * u).sum(2)
    if label_std:
        y = y + label_std * torch.randn(batch_size, len(w), generator=generator, dtype=w.dtype)
    return ((x * w).sum(2) - y).square().mean(0) / 2


@cache
def formula(name: str) -> Callable[..., Any]:
    """Return a result of the catalogue as a function of its symbols' printed names."""
    from eyring.theory.results import result

    return result(name).derive().compile("numpy")
