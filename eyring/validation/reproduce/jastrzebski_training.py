"""Train many copies of a small network on scikit-learn's digits under several learning rates and momenta at once, and measure how sharp it gets.

Replicas share their start and their batches from one learning rate to the next (common random numbers): differences are then paired, and intervals
over replicas are honest and narrow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eyring.errors import AccuracyError
from eyring.validation.samplers import make_sampler

if TYPE_CHECKING:
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["Cell", "accuracies", "curvatures", "digits_problem", "digits_split", "starts", "train_cells"]

CHUNK = 128  # steps whose batches are drawn at once
SIDE = 4  # the 8 x 8 pictures, averaged over 2 x 2 pixels


@dataclass(frozen=True)
class Cell:
    """One way to train: torch.optim.SGD with this learning rate (that of a step, if it changes) and momentum."""

    learning_rate: float | Callable[[int], float]
    momentum: float = 0.0

    def at(self, step: int) -> float:
        """Return the learning rate of a step."""
        return self.learning_rate(step) if callable(self.learning_rate) else self.learning_rate


def digits_split(training: int, *, coarse: bool = True) -> "tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]":
    """Return (pictures, digits) for training and for testing, centred, in units of the pixels' spread; the split is fixed."""
    import torch
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures = found.images.reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)) if coarse else found.images
    flat = pictures.reshape(len(pictures), -1)
    order = np.random.default_rng(0).permutation(len(flat))
    inputs = torch.from_numpy((flat - flat.mean(0)) / flat.std())[order].float()
    targets = torch.from_numpy(found.target)[order]
    return (inputs[:training], targets[:training]), (inputs[training:], targets[training:])


def digits_problem(training: int, hidden: int, *, coarse: bool = True, labels: "torch.Tensor | None" = None) -> "TrainingProblem":
    """Return a ReLU network with one hidden layer and cross-entropy on the digits, with other labels if given."""
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

    (inputs, targets), _ = digits_split(training, coarse=coarse)
    network = torch.nn.Sequential(torch.nn.Linear(inputs.shape[1], hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))
    return TrainingProblem(network, torch.nn.CrossEntropyLoss(), (inputs, targets if labels is None else labels))


def starts(problem: "TrainingProblem", replicas: int, seed: int) -> "torch.Tensor":
    """Return fresh parameters, (R, n): normal weights of variance 1/(inputs of the layer), biases 0."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    parts = []
    for shape in problem.shapes.values():
        drawn = torch.randn((replicas, *shape), generator=generator, dtype=problem.dtype)
        parts.append((drawn / shape[-1] ** 0.5 if len(shape) > 1 else 0 * drawn).reshape(replicas, -1))
    return torch.cat(parts, dim=1)


def train_cells(
    problem: "TrainingProblem",
    cells: Sequence[Cell],
    *,
    start: "torch.Tensor",
    batch_size: int,
    steps: int,
    seed: int,
    sampler: str = "with replacement",
    batch_at: "Callable[[int], int] | None" = None,
    look: "Callable[[int, torch.Tensor], None] | None" = None,
    look_every: int = 0,
) -> "torch.Tensor":
    """Train every replica in every cell by torch.optim.SGD; replica r sees the same batches in all cells.

    Args:
        problem: The network and its data.
        cells: M of them.
        start: Where the replicas begin, (R, n), or (M, R, n).
        batch_size: S.
        steps: Of every cell.
        seed: Of the batches.
        sampler: How they are drawn.
        batch_at: Size of the batch of each step, at most S, if it changes: the first so many of what is drawn.
        look: Called with (step, parameters (M, R, n)) after each ``look_every`` steps.
        look_every: Steps between two looks; 0 for none.

    Returns:
        The parameters after the last step, (M, R, n).

    Raises:
        AccuracyError: If a cell has diverged.
    """
    import torch

    thetas = start.expand(len(cells), *start.shape[-2:]).clone()
    M, R, n = thetas.shape
    parameters = list(thetas.unbind(0))
    groups = [{"params": [p], "lr": cell.at(0), "momentum": cell.momentum} for p, cell in zip(parameters, cells, strict=True)]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    changing = [(group, cell) for group, cell in zip(optimizer.param_groups, cells, strict=True) if callable(cell.learning_rate)]
    batches = make_sampler(sampler, samples=problem.samples, batch_size=batch_size, replicas=R, seed=seed)
    for first in range(0, steps, CHUNK):
        drawn = torch.from_numpy(batches.draw(min(CHUNK, steps - first))).unsqueeze(1).expand(-1, M, -1, -1)
        for step, indices in enumerate(drawn.unbind(0), start=first):
            for group, cell in changing:
                group["lr"] = cell.at(step)
            if batch_at is not None:
                indices = indices[..., : batch_at(step)]
            gradients = problem.batch_gradients(thetas.view(-1, n), indices.reshape(M * R, -1)).view(M, R, n)
            for parameter, gradient in zip(parameters, gradients.unbind(0), strict=True):
                parameter.grad = gradient
            optimizer.step()
            if look is not None and look_every and (step + 1) % look_every == 0:
                look(step + 1, thetas)
        _demand_finite(thetas, cells, batch_size, first)
    return thetas


def curvatures(problem: "TrainingProblem", thetas: "torch.Tensor") -> np.ndarray:
    """Return the largest eigenvalue, trace and Frobenius norm of the full Hessian, (3, M, R), at parameters (M, R, n)."""
    import torch

    hessian = torch.func.jacrev(torch.func.grad(problem.loss))
    found = np.empty((3, *thetas.shape[:2]))
    for place in np.ndindex(*thetas.shape[:2]):
        eigenvalues = torch.linalg.eigvalsh(hessian(thetas[place])).double()
        found[(slice(None), *place)] = [eigenvalues[-1], eigenvalues.sum(), eigenvalues.square().sum().sqrt()]
    return found


def accuracies(problem: "TrainingProblem", thetas: "torch.Tensor", data: "tuple[torch.Tensor, torch.Tensor]") -> np.ndarray:
    """Return the share of right answers and the mean cross-entropy on data, (2, M, R), at parameters (M, R, n)."""
    import torch

    inputs, targets = data
    right = np.empty((2, *thetas.shape[:2]))
    for place in np.ndindex(*thetas.shape[:2]):
        outputs = torch.func.functional_call(problem.model, problem.pieces(thetas[place]), (inputs,))
        right[(slice(None), *place)] = (outputs.argmax(1) == targets).double().mean(), torch.nn.functional.cross_entropy(outputs, targets)
    return right


def _demand_finite(thetas: "torch.Tensor", cells: Sequence[Cell], batch_size: int, step: int) -> None:
    finite = thetas.isfinite().all(-1)
    if not bool(finite.all()):
        cell, replica = (int(i) for i in (~finite).nonzero()[0])
        raise AccuracyError(
            f"replica {replica} diverged within {CHUNK} steps of step {step} at learning rate {cells[cell].at(step):.4g}, momentum "
            f"{cells[cell].momentum}, batches of {batch_size}: use a smaller learning rate"
        )
