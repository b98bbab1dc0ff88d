"""The curvature of a network's loss: the Hessian on all data, dense where it fits, else its products with vectors."""

import numpy as np
import torch

from eyring.errors import ParameterError
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["dense_hessian", "hessian_products"]


def dense_hessian(problem: TrainingProblem, theta: torch.Tensor) -> np.ndarray:
    """Return the Hessian of the loss on all data, (n, n), symmetric, float64.

    Args:
        problem: The network and its data.
        theta: Parameters, (n,).

    Raises:
        NotApplicable: If it does not fit into memory.

    >>> line = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    >>> inputs = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    >>> dense_hessian(TrainingProblem(line, torch.nn.MSELoss(), (inputs, 3 * inputs)), torch.zeros(1))  # 2 <x^2>
    array([[5.]])
    """
    return FullBatch.of(problem).curvature(as_point(problem, theta)[None])[0]


def hessian_products(problem: TrainingProblem, theta: torch.Tensor, vectors: np.ndarray) -> np.ndarray:
    """Return H V, (n, k), for vectors (n, k); the Hessian is never built."""
    if vectors.ndim != 2 or len(vectors) != problem.dimension:
        raise ParameterError(f"vectors must be columns of {problem.dimension} numbers, (n, k); got the shape {vectors.shape}")
    return FullBatch.of(problem).products(as_point(problem, theta), vectors)


def as_point(problem: TrainingProblem, theta: torch.Tensor | np.ndarray) -> np.ndarray:
    """Return parameters as a float64 vector of numpy, (n,).

    Raises:
        ParameterError: If they are not n finite numbers.
    """
    point = theta.detach().cpu().double().numpy() if isinstance(theta, torch.Tensor) else np.asarray(theta, dtype=float)
    if point.shape != (problem.dimension,) or not np.all(np.isfinite(point)):
        raise ParameterError(
            f"parameters must be one vector of {problem.dimension} finite numbers, got the shape {point.shape}; pack a state dict with problem.pack"
        )
    return point
