"""How a walker is trained: learning rate, batch and momentum, and the clock, friction and noise that they make."""

from dataclasses import dataclass
from math import isfinite, sqrt

from eyring.errors import ParameterError
from eyring.validation.samplers import SAMPLERS

__all__ = ["Training"]

INDEPENDENT = "with replacement"


@dataclass(frozen=True)
class Training:
    """SGD as torch does it, m <- mu m + (1 - d) g, theta <- theta - eta m, on minibatches.

    Attributes:
        learning_rate: eta.
        batch_size: B.
        momentum: mu.
        dampening: d; the learning rate counts as eta (1 - d).
        nesterov: Whether the gradient is taken ahead; the noise and the friction are the same to leading order.
        sampler: How a batch is drawn from the data.
        samples: Number N of samples in the data; needed unless batches are drawn with replacement.

    Raises:
        ParameterError: If a number is outside its range.
    """

    learning_rate: float
    batch_size: int
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    sampler: str = "with replacement"
    samples: int | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ParameterError(f"the learning rate must be a positive number, got {self.learning_rate!r}")
        if isinstance(self.batch_size, bool) or not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise ParameterError(f"the batch size must be a whole number from 1, got {self.batch_size!r}")
        for name, value in (("momentum", self.momentum), ("dampening", self.dampening)):
            if not 0 <= value < 1:
                raise ParameterError(f"{name} must be at least 0 and below 1, got {value!r}")
        if self.sampler not in SAMPLERS:
            raise ParameterError(f"unknown sampler {self.sampler!r}; known: {', '.join(map(repr, SAMPLERS))}")
        if self.sampler != INDEPENDENT and (self.samples is None or not self.batch_size < self.samples):
            raise ParameterError(
                f"batches drawn {self.sampler} need data of more samples than the batch, got batch_size = {self.batch_size} and "
                f"samples = {self.samples}; give samples=N, or a smaller batch (one batch of all data has no noise)"
            )

    @property
    def per_sample(self) -> float:
        """What turns the covariance G of one sample's gradient into C of the minibatch's."""
        if self.sampler == INDEPENDENT or self.samples is None:
            return 1 / self.batch_size
        return (self.samples - self.batch_size) / (self.samples - 1) / self.batch_size

    @property
    def rate(self) -> float:
        """eta (1 - d): the learning rate of the heavy ball."""
        return self.learning_rate * (1 - self.dampening) if self.momentum else self.learning_rate

    @property
    def step(self) -> float:
        """eta (1 - d)/(1 - mu): how far an iteration carries a walker down a slope of one, and its time in the overdamped limit."""
        return self.rate / (1 - self.momentum)

    @property
    def friction(self) -> float:
        """gamma = (1 - mu)/sqrt(eta (1 - d)), in the time units sqrt(eta (1 - d)) of phase space."""
        return (1 - self.momentum) / sqrt(self.rate)

    @property
    def temperature_per_covariance(self) -> float:
        """T/C = eta (1 - d)/(2 (1 - mu)): the temperature that a minibatch covariance of one makes."""
        return self.step / 2
