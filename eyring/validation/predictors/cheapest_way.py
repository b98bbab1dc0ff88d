"""The cheapest way out of a minimum in all directions, for the whole law of a batch: what few samples a batch change in the exponent.

Batches of B drawn with replacement have the Hamiltonian H(theta, p) = ln mean_i exp(-p.g_i) at p = q/B, g_i the gradients of the samples; for small
steps ln tau = (B/eta) min int p.d(theta) along H = 0. Keeping two terms of H makes the noise normal, with covariance G(theta).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eyring.errors import AccuracyError, ParameterError

if TYPE_CHECKING:
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["Cheapest", "cheapest_way"]

STEPS = 150
NEWTON, SETTLED = 60, 1e-10


@dataclass(frozen=True, eq=False)
class Cheapest:
    """The cheapest way.

    Attributes:
        exponent: d(ln tau)/d(B/eta).
        points: From minimum to saddle, (m, n).
    """

    exponent: float
    points: np.ndarray


def cheapest_way(problem: "TrainingProblem", guess: np.ndarray, *, whole_law: bool, rounds: int = 3) -> Cheapest:
    """Return the least of int p.d(theta) over ways between the two ends of a guess, p the momentum of zero energy along the way.

    The way is a chain of straight pieces; the exponent's error falls with the square of their length.

    Args:
        problem: The network and its data, small enough for all gradients of samples at all points at once, with noise in every direction.
        guess: From the minimum to the saddle, (m, n), m at least 3.
        whole_law: Whether batches count with their whole law, or as normal numbers of the same covariance.
        rounds: How often the points are laid evenly along the way and moved again.

    Raises:
        ParameterError: If the guess is no way through the network's parameters.
        AccuracyError: If the momentum of zero energy is not found at some piece.

    Source: Heymann & Vanden-Eijnden 2008, the geometric action [recalled].
    """
    import torch
    from scipy.optimize import minimize

    x = np.array(guess, dtype=float)
    if x.ndim != 2 or len(x) < 3 or x.shape[1] != problem.dimension or not np.all(np.isfinite(x)):
        raise ParameterError(f"a way needs three points or more of {problem.dimension} finite parameters each, got the shape {x.shape}")

    def cost(inner: np.ndarray) -> tuple[float, np.ndarray]:
        way = torch.from_numpy(np.vstack([x[:1], inner.reshape(-1, x.shape[1]), x[-1:]])).requires_grad_(True)
        total = _pieces(problem, (way[1:] + way[:-1]) / 2, way[1:] - way[:-1], whole_law).sum()
        (slope,) = torch.autograd.grad(total, way)
        return float(total.detach()), slope[1:-1].numpy().ravel()

    best = np.inf
    for _ in range(rounds):
        found = minimize(cost, x[1:-1].ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "maxcor": 30})
        x[1:-1], best = found.x.reshape(-1, x.shape[1]), float(found.fun)
        x = _even(x)
    return Cheapest(best, x)


def _pieces(problem: "TrainingProblem", at: "torch.Tensor", along: "torch.Tensor", whole_law: bool) -> "torch.Tensor":
    """Return p.d(theta) of each piece, (k,); its derivatives are those of the maximum over p."""
    import torch

    slopes = torch.func.vmap(problem.sample_gradients)(at)
    if not whole_law:
        drift, G = _moments(slopes)
        inverse = torch.linalg.inv(G)
        speed, flow, both = (torch.einsum("ki,kij,kj->k", u, inverse, v) for u, v in ((along, along), (drift, drift), (along, drift)))
        return torch.sqrt(speed * flow) - both
    with torch.no_grad():
        p, rate = _momenta(slopes, along)
    energy = torch.logsumexp(-(slopes @ p[:, :, None])[:, :, 0], 1) - np.log(slopes.shape[1])
    return (p * along).sum(1) - energy / rate


def _moments(slopes: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    drift = -slopes.mean(1)
    centred = slopes + drift[:, None]
    return drift, centred.transpose(1, 2) @ centred / slopes.shape[1]


def _momenta(slopes: "torch.Tensor", along: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Return p with H(p) = 0 and dH/dp = rate * along, and the rate, by Newton's method from those of normal noise."""
    import torch

    drift, G = _moments(slopes)
    inverse = torch.linalg.inv(G)
    rate = torch.sqrt(torch.einsum("ki,kij,kj->k", drift, inverse, drift) / torch.einsum("ki,kij,kj->k", along, inverse, along))
    p = torch.einsum("kij,kj->ki", inverse, rate[:, None] * along - drift)
    for _ in range(NEWTON):
        powers = -(slopes @ p[:, :, None])[:, :, 0]
        energy, weights = torch.logsumexp(powers, 1) - np.log(slopes.shape[1]), torch.softmax(powers, 1)
        speed = -(weights[:, :, None] * slopes).sum(1)
        centred = slopes + speed[:, None]
        inverse = torch.linalg.inv((weights[:, :, None] * centred).transpose(1, 2) @ centred)
        a, q = (torch.einsum("kij,kj->ki", inverse, v) for v in (along, speed - rate[:, None] * along))
        faster = ((speed * q).sum(1) - energy) / (speed * a).sum(1)
        step = a * faster[:, None] - q
        size = step.abs().amax(1) / (1 + p.abs().amax(1))
        damping = torch.clamp(0.5 / size, max=1.0)
        p, rate = p + damping[:, None] * step, torch.clamp(rate + damping * faster, min=1e-12)
        if float(size.max()) < SETTLED:
            return p, rate
    raise AccuracyError(f"the momentum at which a batch climbs was not found: Newton's method still moves it by {float(size.max()):.2g}")


def _even(x: np.ndarray) -> np.ndarray:
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(x, axis=0), axis=1))])
    return np.stack([np.interp(np.linspace(0, lengths[-1], len(x)), lengths, column) for column in x.T], axis=1)
