"""Train many replicas of a linear model at once by torch.optim.SGD, each on its own minibatches, and average over time.

Replicas are the batch axis of one parameter tensor (R, d). The loss is summed over replicas, so each row of the gradient is the mean
gradient of that replica's own minibatch.
"""

from collections.abc import Callable

import numpy as np
import torch

from eyring.errors import AccuracyError
from eyring.numerics.exact.regression_law import LeastSquares
from eyring.validation.samplers import Sampler

__all__ = ["Replicas", "time_averages"]

CHUNK = 64  # steps between two looks at the trajectory
RUNAWAY = 1e6  # how far from the minimum, in units of 1 + |w*|, counts as divergence


def time_averages(
    data: LeastSquares,
    *,
    sampler: Sampler,
    learning_rate: float,
    burn_in: int,
    steps: int,
    device: str = "cpu",
    tick: Callable[[int], None] = lambda steps: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Train replicas with torch.optim.SGD from w = 0 and average over time.

    Args:
        data: The data set.
        sampler: Draws the minibatches and fixes the number R of replicas.
        learning_rate: eta.
        burn_in: Steps before the first measured one.
        steps: Measured steps.
        device: "cpu" or "cuda".
        tick: Called with the number of steps just done; may raise to stop.

    Returns:
        The time averages of delta and of delta^2, each of shape (R, d): delta is w - w* in the eigenbasis of the Hessian.

    Raises:
        AccuracyError: If a replica's parameters are no longer finite or run away; the message names replica and step.
    """
    training = Replicas(data, sampler, learning_rate, device)
    means = torch.zeros((sampler.replicas, data.dim), dtype=torch.float64, device=device)
    squares = torch.zeros_like(means)
    done = 0
    while done < burn_in + steps:
        chunk = min(CHUNK, (burn_in if done < burn_in else burn_in + steps) - done)
        path = training.advance(chunk)
        if done >= burn_in:
            means += path.sum(0)
            squares += path.square().sum(0)
        done += chunk
        tick(chunk)
    return (means / steps).cpu().numpy(), (squares / steps).cpu().numpy()


class Replicas:
    """R replicas of one linear model, each on its own minibatches, stepped together by torch.optim.SGD."""

    def __init__(self, data: LeastSquares, sampler: Sampler, learning_rate: float, device: str) -> None:
        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        self.sampler, self.device, self.taken = sampler, device, 0
        self.inputs, self.targets = tensor(data.inputs), tensor(data.targets)
        self.minimum, self.directions = tensor(data.minimum), tensor(data.directions)
        self.bound = RUNAWAY * (1 + float(np.abs(data.minimum).max()))
        R, S, d = sampler.replicas, sampler.batch_size, data.dim
        self.weights = torch.zeros((R, d), dtype=torch.float64, device=device, requires_grad=True)
        self.optimizer = torch.optim.SGD([self.weights], lr=learning_rate, foreach=False)
        self.batch_inputs = torch.empty((R * S, d), dtype=torch.float64, device=device)
        self.batch_targets = torch.empty(R * S, dtype=torch.float64, device=device)
        self.path = torch.empty((CHUNK, R, d), dtype=torch.float64, device=device)

    def advance(self, steps: int) -> torch.Tensor:
        """Take ``steps`` steps and return w - w* in the Hessian's eigenbasis after each, (steps, R, d)."""
        indices = torch.from_numpy(self.sampler.draw(steps)).to(self.device).view(steps, -1)
        path = self.path[:steps]
        for drawn, place in zip(indices.unbind(0), path.unbind(0), strict=True):
            self._step(drawn)
            place.copy_(self.weights.detach())
        self._require_finite(path)
        self.taken += steps
        return (path - self.minimum) @ self.directions

    def _step(self, drawn: torch.Tensor) -> None:
        R, S = self.sampler.replicas, self.sampler.batch_size
        torch.index_select(self.inputs, 0, drawn, out=self.batch_inputs)
        torch.index_select(self.targets, 0, drawn, out=self.batch_targets)
        self.optimizer.zero_grad()
        residuals = torch.baddbmm(self.batch_targets.view(R, S, 1), self.batch_inputs.view(R, S, -1), self.weights.unsqueeze(2), beta=-1)
        loss = residuals.square().sum() / (2 * S)
        loss.backward()
        self.optimizer.step()

    def _require_finite(self, path: torch.Tensor) -> None:
        bad = ~(path.abs() <= self.bound).all(2)
        if bad.any():
            step, replica = (int(i) for i in bad.nonzero()[0])
            raise AccuracyError(
                f"training diverged: replica {replica} left every bound (or is no longer finite) at step {self.taken + step + 1}, learning rate "
                f"{self.optimizer.param_groups[0]['lr']:.6g}, batches of {self.sampler.batch_size} {self.sampler.name}; "
                "take a smaller learning rate or a larger batch"
            )
