"""A small network on real data with a barrier: two tanh units that single out one of three iris species, in a shallow minimum beside a deeper one.

The prediction is tanh(w.x + b) - 0.8 tanh(w'.x + b'), the loss (prediction - y)^2/2 with y = +1 for versicolor and -1 for the rest, plus an L2
term; x are the three leading principal components of the 150 flowers, scaled to unit variance. Output weights that are fixed and unequal leave no
symmetry that maps a minimum onto another: a saddle between mirror images lies where the noise across it vanishes, and no minibatch leaves that place.
"""

from typing import NamedTuple

import numpy as np
import torch

from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["SmallNetwork", "small_network"]

COMPONENTS = 3
OUTPUT = (1.0, -0.8)
L2 = 0.01
SPECIES = 1  # versicolor, the one between the other two

# weights of the first unit, of the second, biases; Newton's method makes them exact
MINIMUM = (-0.087274, -0.100276, -0.195274, -0.680976, 0.703173, -0.813257, -0.257759, 0.159600)
BEYOND = (-0.376121, -0.377208, 0.292534, -1.715215, -0.111445, 0.300279, -0.727302, -1.268753)


class SmallNetwork(NamedTuple):
    """A network, a minimum of its loss, and the next one over the lowest saddle.

    Attributes:
        problem: The network and its data, n = 8, N = 150, float64.
        minimum: Where training starts, (n,).
        beyond: The deeper minimum, (n,).
    """

    problem: TrainingProblem
    minimum: torch.Tensor
    beyond: torch.Tensor


def small_network() -> SmallNetwork:
    """Return the iris committee with both its minima, exact to rounding.

    The barrier is 0.00345 on the way out and 0.0219 on the way back, the curvatures at the minimum are 0.030 to 1.13, the saddle's negative one
    is -0.046. The minimum has two further exits, higher by a factor 3 and more. SGD drawn with replacement at eta = 0.2 leaves in about 3.7e3, 8.2e3,
    3.9e4, 4.3e5 iterations at B = 2, 3, 4, 6.

    >>> network = small_network()
    >>> losses = network.problem.losses(torch.stack([network.minimum, network.beyond]))
    >>> [round(float(loss), 8) for loss in losses]
    [0.32423336, 0.30574496]
    """
    from sklearn.datasets import load_iris

    from eyring.numerics.exact.action.flow import fixed_point
    from eyring.validation.probes.full_batch import FullBatch

    features, species = load_iris(return_X_y=True)
    inputs = torch.from_numpy(principal_components(features, COMPONENTS))
    targets = torch.from_numpy(np.where(species == SPECIES, 1.0, -1.0))
    problem = TrainingProblem(Committee(COMPONENTS, OUTPUT, L2), halved_squares, (inputs, targets))
    surface = FullBatch.of(problem)
    exact = [fixed_point(surface, np.array(near)) for near in (MINIMUM, BEYOND)]
    return SmallNetwork(problem, *(torch.from_numpy(point) for point in exact if point is not None))


class Committee(torch.nn.Module):
    """sum_j c_j tanh(w_j.x + b_j) with fixed c; the second column of what it returns is the L2 term, the same for every sample."""

    def __init__(self, inputs: int, output: tuple[float, ...], l2: float) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(inputs, len(output), dtype=torch.float64)
        self.register_buffer("output", torch.tensor(output, dtype=torch.float64))
        self.l2 = l2
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return prediction and L2 term, (batch, 2)."""
        prediction = (torch.tanh(self.hidden(x)) * self.output).sum(-1)
        penalty = self.l2 / 2 * (self.hidden.weight.square().sum() + self.hidden.bias.square().sum())
        return torch.stack([prediction, penalty.expand_as(prediction)], -1)


def halved_squares(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the batch mean of (prediction - target)^2/2 plus the L2 term."""
    return ((prediction[:, 0] - target).square() / 2 + prediction[:, 1]).mean()


def principal_components(features: np.ndarray, count: int) -> np.ndarray:
    """Return the leading principal components of standardised features, (N, count), each of unit variance, with the largest loading positive."""
    scaled = (features - features.mean(0)) / features.std(0)
    scores, _, loadings = np.linalg.svd(scaled, full_matrices=False)
    signs = np.sign(loadings[np.arange(count), np.argmax(np.abs(loadings[:count]), axis=1)])
    return scores[:, :count] * signs * np.sqrt(len(features))
