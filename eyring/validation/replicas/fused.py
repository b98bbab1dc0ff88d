"""The gradients of all replicas as one straight list of tensor operations, written down once and replayed at every step."""

from collections.abc import Callable

import torch

from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["Gradients", "fused_gradients"]

Gradients = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def fused_gradients(problem: TrainingProblem, thetas: torch.Tensor, indices: torch.Tensor) -> Gradients | None:
    """Return ``problem.batch_gradients`` for these shapes without the bookkeeping of autograd and vmap, which costs as much as a small network.

    Writing the list takes about a second. It is returned only if it gives the same bits here, so that both may be mixed in one run; None where it
    does not, or where a network cannot be written down so. Unlike the method, which lends the one module its parameters, it may run in many threads.

    Args:
        problem: The network and its data.
        thetas: Parameters of the replicas, (R, n).
        indices: A minibatch for each, (R, S).
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    batches = problem.inputs[indices], problem.targets[indices]
    wanted = problem.gradients_on(thetas, *batches)
    try:
        operations = make_fx(lambda *given: problem.gradients_on(*given))(thetas, *batches)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None

    def replay(thetas: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            gradients: torch.Tensor = operations(thetas, problem.inputs[indices], problem.targets[indices])
        return gradients

    return replay if torch.equal(replay(thetas, indices), wanted) else None
