"""Landscapes that are finite sums with declared gradients: l_n = L + sum_i e_ni g_i(theta_i), every pattern of signs e a sample.

With all 2^d patterns among the samples, the mean signs of a minibatch drawn with replacement are independent binomials, one a coordinate: G is
diagonal, G_ii = g_i'(theta_i)^2 exactly, and no sum over data is left to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.errors import ParameterError
from eyring.validation.training import train_until_escape

if TYPE_CHECKING:
    import torch

__all__ = ["Run", "SignedSum", "polynomial", "sign_patterns", "train_exits"]


MOST, LARGEST, BITS = 63, 10, 14


@dataclass(frozen=True)
class SignedSum:
    """A loss and the tilts of its samples, as functions of a module that take torch tensors or numpy arrays.

    Attributes:
        loss: L(theta), (R,) from (R, d).
        tilts: g_i(theta_i), (R, d) from (R, d).
        gradient: grad L, (R, d) from (R, d).
        slopes: g_i'(theta_i), (R, d) from (R, d).
        exited: Says of every replica whether it has left, (R,) from (R, d).
        start: The minimum, (d,).
    """

    loss: Callable[[Any], Any]
    tilts: Callable[[Any], Any]
    gradient: Callable[[Any], Any]
    slopes: Callable[[Any], Any]
    exited: Callable[[Any], Any]
    start: tuple[float, ...]

    def sample_losses(self, theta: Any) -> Any:
        """Return every sample's loss at one place, (2^d,) from (d,); their mean is L."""
        import torch

        signs = torch.tensor(sign_patterns(len(self.start)), dtype=theta.dtype)
        return self.loss(theta[None])[0] + signs @ self.tilts(theta[None])[0]


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        learning_rate: eta.
        batch_size: B, drawn with replacement.
        momentum: mu of torch.optim.SGD, without dampening.
        scale: k: the loss trained on is L(sqrt(k) theta).
        replicas: Trained at once.
        iterations: Steps of each.
        seed: Of the batches.
    """

    learning_rate: float
    batch_size: int
    momentum: float
    scale: float
    replicas: int
    iterations: int
    seed: int

    @property
    def effective(self) -> float:
        """eta k/((1 - mu) B), which together with L and G sets the noise of the continuous limit."""
        return self.learning_rate * self.scale / ((1 - self.momentum) * self.batch_size)

    @property
    def words(self) -> str:
        """The setting in words."""
        return f"eta = {self.learning_rate:g}, B = {self.batch_size}, k = {self.scale:g}"


def sign_patterns(kinds: int) -> np.ndarray:
    """Return all 2^s patterns of s signs, (2^s, s).

    >>> sign_patterns(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    samples = np.arange(2**kinds)[:, None]
    return 2.0 * ((samples >> np.arange(kinds)[::-1]) & 1) - 1


def train_exits(landscape: SignedSum, run: Run) -> dict[str, np.ndarray]:
    """Train replicas by ``torch.optim.SGD`` until they leave, again and again; return times and censored waits in iterations.

    Raises:
        ParameterError: If the batch has more than 63 samples, or there are more than ten coordinates.
    """
    import torch

    if run.batch_size > MOST or len(landscape.start) > LARGEST:
        given = f"got B = {run.batch_size} in {len(landscape.start)} coordinates"
        raise ParameterError(f"signs are counted in six bits: batches of at most {MOST} samples and at most {LARGEST} coordinates, {given}")
    root, dim = run.scale**0.5, len(landscape.start)
    together = max(m for m in range(1, run.batch_size + 1) if run.batch_size % m == 0 and (m == 1 or m * dim <= BITS))
    many, field = run.batch_size // together * run.replicas, 6 * torch.arange(dim)[:, None]
    words = torch.empty(-(-many // 4), dtype=torch.int64)
    # the signs of some samples, counted in fields of six bits, so that one sum over a batch counts all of them
    ups = torch.tensor(sign_patterns(together * dim) > 0).to(torch.int64).view(-1, together, dim).sum(1)
    packed = (ups << field[:, 0]).sum(1)

    def means(counts: "torch.Tensor") -> "torch.Tensor":
        return counts.to(torch.float32).mul_(2 / run.batch_size).sub_(1)

    whole = means(ups.T.contiguous()) if together == run.batch_size else None

    def draw(generator: "torch.Generator") -> "torch.Tensor":
        words.random_(-(2**63), None, generator=generator)  # 64 random bits: four numbers of up to 2^15
        drawn = (words.view(torch.int16)[:many] & (len(packed) - 1)).to(torch.int32)
        if whole is not None:
            return torch.stack([column.index_select(0, drawn) for column in whole]).T
        counts = packed.index_select(0, drawn).view(-1, run.replicas).sum(0)
        return means((counts >> field) & 63).T

    def loss(theta: "torch.Tensor", mean_signs: "torch.Tensor") -> "torch.Tensor":
        place = theta.detach() if root == 1 else root * theta.detach()
        declared = landscape.gradient(place) + mean_signs * landscape.slopes(place)
        return ((declared if root == 1 else root * declared) * theta).sum()  # backward() hands the declared gradient to the optimizer

    exits = train_until_escape(
        loss=loss,
        draw=draw,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=run.learning_rate, momentum=run.momentum),
        start=[place / root for place in landscape.start],
        reached=lambda theta: landscape.exited(theta if root == 1 else root * theta),
        replicas=run.replicas,
        iterations=run.iterations,
        seed=run.seed,
    )
    return {"times": exits.times.astype(np.int32), "censored": exits.censored.astype(np.int32)}


def polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """Return the polynomial with these coefficients, highest power first, by Horner's rule."""
    value = coefficients[0] * x
    for c in coefficients[1:-1]:
        value = (value + c) * x
    return value + coefficients[-1]
