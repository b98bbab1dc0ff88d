"""How long minibatch SGD stays in the valley: trained by torch, and expected of the chain along the sharpest direction.

u leaves [-r, r] as the chain u' = u - eta (L'(u) + noise) does, with the law of a batch's noise, as skewed as the data make it at every place; r is
where that walk is 3 standard deviations out. L' and v^T G v are averages over where the other directions stand for a given u. These are slower
than u: what the rate would gain if walkers saw them at rest on their way out is counted as error.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import cumulative_trapezoid

from eyring.numerics.exact.chain.survival import Box, chain_rate
from eyring.validation.reproduce.batch_law import batch_quantiles, normal_weights
from eyring.validation.reproduce.signed_sum import Run
from eyring.validation.reproduce.valley import Network, Valley, valley_of
from eyring.validation.training import train_until_escape

if TYPE_CHECKING:
    import torch

__all__ = ["chain_time", "exponent", "held_still", "line_time", "train", "transient"]


def train(network: Network, run: Run) -> dict[str, np.ndarray]:
    """Train replicas by torch.optim.SGD from the minimum until they are out along the sharpest direction, again and again; iterations."""
    import torch

    valley, root = valley_of(network), run.scale**0.5
    problem = valley.problem
    centre = float(valley.minimum @ valley.direction)

    def loss(theta: "torch.Tensor", indices: "torch.Tensor") -> "torch.Tensor":
        declared = root * problem.batch_gradients((root * theta.detach()).contiguous(), indices)
        return (declared * theta).sum()  # backward() hands the minibatch gradient of L(sqrt(k) theta) to the optimizer

    exits = train_until_escape(
        loss=loss,
        draw=lambda generator: torch.randint(problem.samples, (run.replicas, run.batch_size), generator=generator),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=run.learning_rate, momentum=run.momentum),
        start=(valley.minimum / root).tolist(),
        reached=lambda theta: (root * (theta @ valley.direction) - centre).abs() > valley.radius,
        replicas=run.replicas,
        iterations=run.iterations,
        seed=run.seed,
        dtype=problem.dtype,
    )
    return {"times": exits.times.astype(np.int32), "censored": exits.censored.astype(np.int32)}


def chain_time(network: Network, run: Run, quick: bool) -> dict[str, float]:
    """Return the mean exit time of the chain along the line, iterations, and its relative error: grid and average."""
    valley = valley_of(network)
    eta, mu, r = run.learning_rate * run.scale, run.momentum, valley.radius
    scores, (slope, noise) = np.linspace(-4.2, 4.2, 43), valley.averaged(run)
    kicks = np.array([batch_quantiles(each, run.batch_size, scores) for each in valley.centred])  # (places, scores)
    kicks *= np.sqrt(noise / valley.noise)[:, None]
    reach = 6 * eta * float(np.sqrt(noise.max() / run.batch_size)) / math.sqrt(1 - mu**2)

    def step(x: np.ndarray, v: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = mu * v - eta * (np.interp(x, valley.s, slope) + np.interp(x, valley.s, kicks[:, int(drawn[0])]))
        return x + moved, moved

    batches = [(float(place), 0.0, weight) for place, weight in enumerate(normal_weights(scores))]
    box = Box((-r, -reach), (r, reach), (135 if quick else 270, 36 if mu else 8))  # all inside: survival ends with a jump
    rate, error = chain_rate(step, batches, box, exited=lambda x, v: np.abs(x) > (1 + 1e-12) * r, start=(0.0, 0.0))
    return {"time": 1 / rate, "error": error + abs(held_still(valley, run) - 1)}


def held_still(valley: Valley, run: Run) -> float:
    """Return the average of the rates with the other directions held where they may stand, over the rate in the average landscape."""
    apart = line_time(valley.s, *valley.beside(run), valley.radius, run.effective)
    return float(np.mean(line_time(valley.s, *valley.averaged(run), valley.radius, run.effective) / apart))


def line_time(s: np.ndarray, slope: np.ndarray, noise: np.ndarray, radius: float, effective: float) -> np.ndarray:
    """Return the mean time to leave [-radius, radius] from 0 of du = -slope dt + sqrt(effective noise) dW; slope and noise (..., places).

    With scale density psi' = exp(int 2 slope/(effective noise)) and speed J(x) = int_{-radius}^x 2/(effective noise psi'):
    tau = int_{-radius}^0 psi' (c - J) dx, c such that tau vanishes at both ends.

    >>> s = np.linspace(-1, 1, 31)
    >>> float(line_time(s, 0 * s, 1 + 0 * s, 1.0, 2.0))   # Brownian motion of D = 1: radius^2/(2 D)
    0.5
    """
    x = np.linspace(-radius, radius, 401)
    at = np.clip(np.searchsorted(s, x) - 1, 0, len(s) - 2)
    share = (x - s[at]) / (s[at + 1] - s[at])
    slope, noise = (values[..., at] * (1 - share) + values[..., at + 1] * share for values in (slope, noise))
    scale = np.exp(cumulative_trapezoid(2 * slope / (effective * noise), x, initial=0))
    speed = cumulative_trapezoid(2 / (effective * noise * scale), x, initial=0)
    c = np.trapezoid(scale * speed, x) / np.trapezoid(scale, x)
    half = len(x) // 2 + 1
    return np.asarray(np.trapezoid((scale * (c[..., None] - speed))[..., :half], x[:half]))


def exponent(valley: Valley, run: Run, *, published: bool = False) -> float:
    """Return the cheaper side's integral of 2 L'/(eta k C); ``published``: 2 B dL/(eta k h), the law C = H/B with the measured dL."""
    sides, averaged = [], valley.averaged(run)
    for sign in (-1, 1):
        s = np.linspace(0, sign * valley.radius, 201)
        slope = np.interp(s, valley.s, averaged[0])
        noise = valley.curvature if published else np.interp(s, valley.s, averaged[1])
        sides.append(float(np.trapezoid(2 * slope / noise, s)) / run.effective)
    return min(sides)


def transient(run: Run, valley: Valley) -> int:
    """Return ten relaxation times of the direction, iterations."""
    return math.ceil(10 * (1 - run.momentum) / (valley.curvature * run.scale * run.learning_rate) + 5 / (1 - run.momentum))
