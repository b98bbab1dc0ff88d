"""One step of SGD or Adam for every replica at once, each with its own count of steps, as torch.optim takes it."""

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import torch

from eyring.errors import ParameterError

__all__ = ["AdamRule", "Rule", "SGDRule"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What an optimizer does to the rows of (R, n), with torch's names, defaults and order of operations.

    A replica that begins afresh has rows of zero in the buffers and age 1 at its first step; nothing else is remembered.

    Attributes:
        lr: Learning rate.
        weight_decay: Pull towards zero.
    """

    lr: float
    weight_decay: float = 0.0
    zero_or_more: ClassVar[tuple[str, ...]] = ("lr",)
    below_one: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool):
                continue
            if isinstance(value, str) or not math.isfinite(value):
                raise ParameterError(f"{field.name} must be a finite number, got {value!r}")
            object.__setattr__(self, field.name, float(value))
        for name in (*self.zero_or_more, *self.below_one):
            value = getattr(self, name)
            if value < 0 or (name in self.below_one and value >= 1) or (name == "lr" and value == 0):
                bounds = "positive" if name == "lr" else "at least 0 and below 1" if name in self.below_one else "at least 0"
                raise ParameterError(f"{name} must be {bounds}, got {value:g}")

    @property
    def buffers(self) -> int:
        """How many numbers it remembers for each parameter."""
        raise NotImplementedError

    def step(self, thetas: torch.Tensor, gradients: torch.Tensor, buffers: list[torch.Tensor], age: torch.Tensor) -> None:
        """Move every replica by one step, in place; gradients are overwritten.

        Args:
            thetas: Parameters, (R, n).
            gradients: Gradients of the minibatch losses, (R, n).
            buffers: ``self.buffers`` tensors (R, n).
            age: Which step this is since the replica began, from 1, (R,).
        """
        raise NotImplementedError

    def spectral_radius(self, curvature: float) -> float | None:
        """Return how a deviation grows per step along this curvature of the full loss (below 1: it dies out); None where no number says so."""
        return None


@dataclass(frozen=True, kw_only=True)
class SGDRule(Rule):
    """m <- mu m + (1 - d) g, theta <- theta - lr m; the first step takes m = g. As ``torch.optim.SGD``.

    >>> rule, theta, m = SGDRule(lr=0.1, momentum=0.5, dampening=0.5), torch.zeros(2, 1), torch.zeros(2, 1)
    >>> rule.step(theta, torch.ones(2, 1), [m], age=torch.tensor([1, 7]))  # the first replica has just begun
    >>> theta.flatten().tolist()
    [-0.10000000149011612, -0.05000000074505806]
    """

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    below_one: ClassVar[tuple[str, ...]] = ("momentum",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ParameterError(f"nesterov needs a momentum and no dampening, as in torch; got {self.momentum:g} and {self.dampening:g}")
        if self.dampening >= 1:
            raise ParameterError(f"dampening must be below 1, or nothing moves after the first step; got {self.dampening:g}")

    @property
    def buffers(self) -> int:
        """The momentum, if there is one."""
        return int(self.momentum != 0)

    def step(self, thetas: torch.Tensor, gradients: torch.Tensor, buffers: list[torch.Tensor], age: torch.Tensor) -> None:
        """See ``Rule.step``."""
        if self.weight_decay:
            gradients.add_(thetas, alpha=self.weight_decay)
        for momentum in buffers:
            if not self.dampening:
                momentum.mul_(self.momentum).add_(gradients)
            else:
                damped = torch.where((age == 1).unsqueeze(1), gradients, gradients * (1 - self.dampening))
                momentum.mul_(self.momentum).add_(damped)
            gradients = gradients.add_(momentum, alpha=self.momentum) if self.nesterov else momentum
        thetas.add_(gradients, alpha=-self.lr)

    def spectral_radius(self, curvature: float) -> float:
        """Return the larger root x of the step's matrix on a parabola: x^2 - trace x + determinant = 0."""
        pull, mu = self.lr * (curvature + self.weight_decay), self.momentum
        trace, determinant = 1 + mu - pull * (1 - self.dampening if mu else 1), mu
        if self.nesterov:
            trace, determinant = (1 + mu) * (1 - pull), mu * (1 - pull)
        inside = trace**2 / 4 - determinant
        return math.sqrt(determinant) if inside < 0 else abs(trace) / 2 + math.sqrt(inside)


@dataclass(frozen=True, kw_only=True)
class AdamRule(Rule):
    """Averages m of g and v of g^2, theta <- theta - lr m/(1 - b1^t)/(sqrt(v/(1 - b2^t)) + eps). As ``torch.optim.Adam`` and ``AdamW``.

    Attributes:
        beta1: Of the average of gradients.
        beta2: Of the average of squares.
        eps: Added to the root.
        amsgrad: Whether the root is of the largest v so far.
        decoupled: Whether the weight decay bypasses the averages (AdamW).
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    amsgrad: bool = False
    decoupled: bool = False
    zero_or_more: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay")
    below_one: ClassVar[tuple[str, ...]] = ("beta1", "beta2")

    @property
    def buffers(self) -> int:
        """m, v, and with amsgrad the largest v."""
        return 3 if self.amsgrad else 2

    def step(self, thetas: torch.Tensor, gradients: torch.Tensor, buffers: list[torch.Tensor], age: torch.Tensor) -> None:
        """See ``Rule.step``."""
        if self.weight_decay and self.decoupled:
            thetas.mul_(1 - self.lr * self.weight_decay)
        elif self.weight_decay:
            gradients.add_(thetas, alpha=self.weight_decay)
        mean, square = buffers[:2]
        mean.lerp_(gradients, 1 - self.beta1)
        square.mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        if self.amsgrad:
            square = torch.maximum(buffers[2], square, out=buffers[2])
        first, second = (_bias_correction(beta, age, thetas.dtype) for beta in (self.beta1, self.beta2))
        root = torch.sqrt(square, out=gradients).div_(second.sqrt_()).add_(self.eps)
        thetas.addcdiv_(mean, root.mul_(first), value=-self.lr)


def _bias_correction(beta: float, age: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return 1 - beta^t by replica, (R, 1), in double precision until the end."""
    return (1 - beta ** age.double()).to(dtype).unsqueeze(1)
