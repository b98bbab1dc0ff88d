"""The gradient noise of a network, exactly: the covariance of the per-sample gradients, whole or projected on a few directions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.validation.probes.memory import gigabytes, require_memory, rows_that_fit
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import make_sampler

__all__ = ["GradientNoise", "gradient_covariance", "gradient_noise", "minibatch_covariance", "projected_gradients"]


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """The covariance G of one sample's gradient in k directions V.

    Attributes:
        mean: V^T grad L, (k,).
        covariance: V^T G V, (k, k), over the N samples (divided by N: drawing one of them at random has exactly this covariance).
        trace: tr G over all n directions.
    """

    mean: np.ndarray
    covariance: np.ndarray
    trace: float

    @property
    def discarded(self) -> float:
        """Share of tr G outside the directions, which are taken as orthonormal."""
        return max(0.0, 1.0 - float(np.trace(self.covariance)) / self.trace) if self.trace > 0 else 0.0


def gradient_covariance(problem: TrainingProblem, theta: torch.Tensor, *, directions: np.ndarray | None = None) -> np.ndarray:
    """Return G = (1/N) sum_i (g_i - g)(g_i - g)^T, (n, n), or V^T G V, (k, k); float64 whatever the problem's type.

    Args:
        problem: The network and its data.
        theta: Parameters, (n,).
        directions: V, (n, k); left out, all n.

    Raises:
        NotApplicable: If G does not fit into memory; with ``directions`` it does.
        AccuracyError: If a sample's gradient is not finite.

    >>> line = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    >>> inputs = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    >>> problem = TrainingProblem(line, torch.nn.MSELoss(), (inputs, 3 * inputs))
    >>> gradient_covariance(problem, torch.tensor([1.0], dtype=torch.float64))  # gradients -4 and -16
    array([[36.]])
    """
    return gradient_noise(problem, theta, directions=directions).covariance


def gradient_noise(problem: TrainingProblem, theta: torch.Tensor, *, directions: np.ndarray | None = None) -> GradientNoise:
    """Return mean, covariance and total variance of the per-sample gradients; see ``gradient_covariance``."""
    n = problem.dimension
    if directions is None:
        require_memory(
            gigabytes(n, n, copies=2), for_what=f"the covariance of {n} gradients' entries", instead="project: pass directions=V with fewer columns"
        )
    elif directions.ndim != 2 or len(directions) != n:
        raise ParameterError(f"directions must be columns of {n} numbers, (n, k); got the shape {directions.shape}")
    centre = problem.gradient(theta).detach().cpu().double().numpy()
    size = n if directions is None else directions.shape[1]
    total, outer, power = np.zeros(size), np.zeros((size, size)), 0.0
    everywhere = np.zeros(n)
    for rows in _gradients(problem, theta):
        around = rows - centre
        everywhere += around.sum(0)
        power += float(np.einsum("ij,ij->", around, around))
        seen = around if directions is None else around @ directions
        total += seen.sum(0)
        outer += seen.T @ seen
    N = problem.samples
    trace = power / N - float(everywhere @ everywhere) / N**2
    shift = centre if directions is None else directions.T @ centre
    return GradientNoise(shift + total / N, outer / N - np.outer(total, total) / N**2, max(trace, 0.0))


def projected_gradients(problem: TrainingProblem, theta: torch.Tensor, directions: np.ndarray) -> np.ndarray:
    """Return every sample's gradient along k directions, (N, k), float64; chunk by chunk, so that (N, n) never stands in memory."""
    k = directions.shape[1]
    require_memory(gigabytes(problem.samples, k), for_what=f"{problem.samples} gradients along {k} directions", instead="take fewer directions")
    return np.concatenate([rows @ directions for rows in _gradients(problem, theta)])


def minibatch_covariance(G: np.ndarray, *, samples: int, batch_size: int, sampler: str) -> np.ndarray:
    """Return C, the covariance of the minibatch gradient: G/B with replacement, (G/B)(N - B)/(N - 1) without.

    Args:
        G: Covariance of one sample's gradient.
        samples: N.
        batch_size: B.
        sampler: "with replacement" or "without replacement".

    Raises:
        NotApplicable: For "epoch shuffling", whose batches depend on one another: no covariance of one step describes it.
        ParameterError: If the batch is larger than the data, or the sampler unknown.

    >>> minibatch_covariance(np.array([[36.0]]), samples=10, batch_size=4, sampler="without replacement")
    array([[6.]])
    """
    factor = make_sampler(sampler, samples=samples, batch_size=batch_size, replicas=1, seed=0).covariance_factor
    if factor is None:
        raise NotApplicable(
            f"the sampler {sampler!r} makes the batches of one epoch depend on one another, so no covariance of a single step describes its noise; "
            "take 'without replacement' or 'with replacement'"
        )
    return G * (factor / batch_size)


def _gradients(problem: TrainingProblem, theta: torch.Tensor) -> Iterator[np.ndarray]:
    """Yield the per-sample gradients as float64 rows, as many at once as make one chunk."""
    size = rows_that_fit(problem.dimension, most=problem.samples)
    for first in range(0, problem.samples, size):
        indices = torch.arange(first, min(first + size, problem.samples), device=problem.device)
        rows = problem.sample_gradients(theta, indices).detach().cpu().double().numpy()
        if not np.all(np.isfinite(rows)):
            sample = first + int(np.argmin(np.isfinite(rows).all(axis=1)))
            raise AccuracyError(f"the gradient of sample {sample} is not finite at these parameters: there is no covariance of the noise")
        yield rows
