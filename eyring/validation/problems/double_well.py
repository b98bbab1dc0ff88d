"""The double well L = x^4/4 - x^2/2, trained by torch in three ways until it leaves the well, with the theory of each.

1. Plain minibatch SGD on l_i = L + e_i g with e_i = +-1 equally often, so that C(x) = g'(x)^2/B depends on where the walker is.
2. Minibatch SGD with momentum at friction (1 - mu)/sqrt(eta) = 1, the same loss with g linear: constant C.
3. Gradient descent on the whole data with injected white noise, stepped by the symbolic update rule itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import sympy as sp

from eyring.theory.dynamics import SGD, Dynamics, MomentumSGD, WhiteNoiseGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise.finite_sum import FiniteSum
from eyring.theory.sde import SDE

if TYPE_CHECKING:
    import torch

    from eyring.numerics.simulation import Exits

__all__ = ["EXPERIMENTS", "LOSS", "QUICK", "START", "TARGET", "Experiment", "SampledWell", "train"]

x = sp.Symbol("x", real=True)
LOSS = Landscape(x**4 / 4 - x**2 / 2, [x])
START, SADDLE, TARGET = -1.0, 0.0, 1.0
SAMPLES = 256  # of the finite sum, so that one random byte is one index
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampledWell:
    """Per-sample losses l_i = L + e_i g, i = 1 ... 256, half of the e_i +1 and half -1.

    Args:
        tilt: g(x), a polynomial.
    """

    tilt: sp.Expr

    @property
    def noise(self) -> FiniteSum:
        """The theory's side of these samples, drawn with replacement."""
        return FiniteSum([LOSS.expression + self.tilt, LOSS.expression - self.tilt], copies=[SAMPLES // 2, SAMPLES // 2])

    def minibatch_loss(self) -> "Callable[[torch.Tensor, torch.Tensor], torch.Tensor]":
        """Return the mean of l_i over each replica's batch: (R,) from parameters (R,) and the signs e_i of the samples drawn, (B, R)."""
        mean_loss, tilt = torch_function(LOSS.expression), torch_function(self.tilt)
        return lambda parameters, signs: mean_loss(parameters) + signs.mean(0) * tilt(parameters)

    def sampler(self, *, batch_size: int, replicas: int, device: str = "cpu") -> "Callable[[torch.Generator], torch.Tensor]":
        """Return a function that draws ``batch_size`` of the 256 samples for every replica, with replacement, and gives their e_i, (B, R)."""
        import torch

        data = torch.ones(SAMPLES, device=device)
        data[SAMPLES // 2 :] = -1
        words = torch.empty(-(-batch_size * replicas // 8), dtype=torch.int64, device=device)

        def draw(generator: "torch.Generator") -> "torch.Tensor":
            words.random_(-(2**63), None, generator=generator)  # 64 random bits a word: eight indices
            indices = words.view(torch.uint8)[: batch_size * replicas].to(torch.int32)
            return data.index_select(0, indices).view(batch_size, replicas)

        return draw


@dataclass(frozen=True)
class Experiment:
    """One way of training in the double well.

    Attributes:
        name: Short, as in file names.
        title: For people.
        dynamics: The optimizer with its numbers.
        well: The samples; None where the gradient is that of the whole data.
        replicas: Trained at once.
        iterations: Steps of each.
        transient: Steps after a start that are left out of a quasi-stationary rate.
        resolution: Relative difference that the run is long enough to see.
    """

    name: str
    title: str
    dynamics: Dynamics
    well: SampledWell | None
    replicas: int
    iterations: int
    transient: int
    resolution: float = 0.1

    @cached_property
    def noise(self) -> FiniteSum | None:
        """The gradient noise of the theory."""
        return None if self.well is None else self.well.noise

    @cached_property
    def sde(self) -> SDE:
        """The continuous limit, derived from the update rule."""
        return self.dynamics.sde(LOSS, self.noise)


SLOPING = SampledWell(8 * (x + x**3 / 3))  # C = 64 (1 + x^2)^2/B, so that D = 0.04 (1 + x^2)^2 at eta/B = 1/800
SLOPING_QUICK = SampledWell(4 * (x + x**3 / 3))  # the same D at eta/B = 1/200
LEVEL = SampledWell(4 * x)  # C = 16/B

SLOW_SGD = SGD(learning_rate=0.02, batch_size=16)
FAST_SGD = SGD(learning_rate=0.04, batch_size=32)
HEAVY_BALL = MomentumSGD(learning_rate=0.0025, momentum=0.95, batch_size=8)
WHITE = WhiteNoiseGD(learning_rate=0.05, temperature=0.05)

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("sgd-0.02", "SGD, eta = 0.02, B = 16", SLOW_SGD, SLOPING, 8192, 21_000, 1000),
    Experiment("sgd-0.04", "SGD, eta = 0.04, B = 32", FAST_SGD, SLOPING, 8192, 10_500, 500),
    Experiment("momentum", "momentum SGD, eta = 0.0025, mu = 0.95, B = 8", HEAVY_BALL, LEVEL, 8192, 32_000, 1000),
    Experiment("white-noise", "white-noise gradient descent, eta = 0.05, T = 0.05", WHITE, None, 8192, 36_000, 500),
)
QUICK: tuple[Experiment, ...] = (
    Experiment("sgd-0.02", "SGD, eta = 0.02, B = 4", SGD(learning_rate=0.02, batch_size=4), SLOPING_QUICK, 4096, 5000, 1000, 0.2),
    Experiment("sgd-0.04", "SGD, eta = 0.04, B = 8", SGD(learning_rate=0.04, batch_size=8), SLOPING_QUICK, 4096, 3000, 500, 0.2),
    Experiment("momentum", "momentum SGD, eta = 0.0025, mu = 0.95, B = 8", HEAVY_BALL, LEVEL, 8192, 5000, 1000, 0.2),
    Experiment("white-noise", "white-noise gradient descent, eta = 0.05, T = 0.05", WHITE, None, 8192, 4500, 500, 0.2),
)


def train(experiment: Experiment, *, seed: int, device: str = "cpu", progress: Progress | None = None) -> "Exits":
    """Train all replicas of an experiment from the left minimum to the right one, again and again; return their exits in iterations.

    Plain and momentum SGD are ``torch.optim.SGD`` on minibatches that autograd differentiates; white noise is the ``SymbolicOptimizer``. Parameters
    are float32: a step is at least 1e4 times their rounding, which shifts ln tau by less than 1e-4.

    Args:
        experiment: One of ``EXPERIMENTS``.
        seed: Of batches and noise.
        device: "cpu" or "cuda".
        progress: Called with (steps done, steps in all).
    """
    from eyring.validation.training import train_until_escape

    loss, draw = _batches(experiment, device)
    with _one_thread():
        return train_until_escape(
            loss=loss,
            draw=draw,
            optimizer=lambda parameters: _optimizer(experiment.dynamics, parameters, seed),
            start=START,
            reached=lambda parameters: parameters >= TARGET,
            replicas=experiment.replicas,
            iterations=experiment.iterations,
            seed=seed,
            device=device,
            progress=progress,
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tensors of some thousand replicas are too small to be shared out among threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def torch_function(expression: sp.Expr) -> "Callable[[torch.Tensor], torch.Tensor]":
    """Return a polynomial of x as torch operations that autograd differentiates."""
    return sp.lambdify([x], sp.horner(expression), modules="torch", cse=True)


def _batches(experiment: Experiment, device: str) -> tuple[Callable, Callable]:
    if experiment.well is None:
        whole = torch_function(LOSS.expression)
        return lambda parameters, _: whole(parameters), lambda _: None
    size = int(experiment.dynamics.hyperparameters["batch_size"])
    return experiment.well.minibatch_loss(), experiment.well.sampler(batch_size=size, replicas=experiment.replicas, device=device)


def _optimizer(dynamics: Dynamics, parameters: "list[torch.Tensor]", seed: int) -> "torch.optim.Optimizer":
    import torch

    numbers = {name: float(value) for name, value in dynamics.hyperparameters.items() if value.is_number}
    if isinstance(dynamics, WhiteNoiseGD):
        from eyring.validation.symbolic_optimizer import SymbolicOptimizer

        return SymbolicOptimizer(parameters, dynamics, generator=torch.Generator(parameters[0].device).manual_seed(seed))
    return torch.optim.SGD(parameters, lr=numbers["learning_rate"], momentum=numbers.get("momentum", 0.0))
