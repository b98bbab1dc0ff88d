"""Stochastic gradient descent with momentum: heavy ball, PyTorch's dampening, and Nesterov."""

from dataclasses import dataclass

import sympy as sp

from eyring.errors import ParameterError
from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace, check_hyperparameter
from eyring.theory.symbols import batch_size, exact_number, friction, learning_rate, momentum

__all__ = ["MomentumSGD"]

BUFFER = sp.Symbol("m", real=True)


@dataclass(frozen=True, kw_only=True)
class MomentumSGD(Dynamics):
    """m <- mu m + (1 - d) g, theta <- theta - eta m, as ``torch.optim.SGD(lr, momentum, dampening, nesterov)``.

    Args:
        learning_rate: eta > 0; left out, the symbol eta.
        batch_size: B >= 1; left out, the symbol B.
        momentum: 0 <= mu < 1; left out, the symbol mu.
        dampening: 0 <= d < 1.
        nesterov: Step along g + mu m instead of m; needs dampening 0, as in torch.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size
    momentum: sp.Expr | float = momentum
    dampening: sp.Expr | float = 0
    nesterov: bool = False

    def __post_init__(self) -> None:
        check_hyperparameter("learning_rate", self.learning_rate, low=0)
        check_hyperparameter("batch_size", self.batch_size, low=1, closed=True)
        check_hyperparameter("momentum", self.momentum, low=0, below=1, closed=True)
        check_hyperparameter("dampening", self.dampening, low=0, below=1, closed=True)
        if self.nesterov and exact_number(self.dampening) != 0:
            raise ParameterError(f"nesterov needs dampening 0, as in torch.optim.SGD; got dampening {self.dampening}")

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """Two lines: the buffer, then the step along it."""
        eta, mu, d = (exact_number(v) for v in (self.learning_rate, self.momentum, self.dampening))
        direction = GRADIENT + mu * BUFFER if self.nesterov else BUFFER
        return (
            Assignment(BUFFER, mu * BUFFER + (1 - d) * GRADIENT),
            Assignment(PARAMETER, PARAMETER - eta * direction),
        )

    @property
    def first_step(self) -> dict[sp.Symbol, sp.Expr]:
        """Torch starts the buffer at the first gradient, without dampening."""
        return {BUFFER: GRADIENT}

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is sqrt(eta (1 - d)) units of time, in which a walker has unit mass and friction (1 - mu)/clock."""
        eta, mu, d = (exact_number(v) for v in (self.learning_rate, self.momentum, self.dampening))
        clock = sp.sqrt(eta * (1 - d))
        return PhaseSpace(
            clock=clock,
            limit={learning_rate: DT**2 / (1 - d), momentum: 1 - friction * DT},
            fixed={friction: (1 - mu) / clock},
            velocity=BUFFER,
            velocity_scale=-eta / clock,
        )

    @property
    def optional(self) -> tuple[str, ...]:
        """Dampening is none unless asked for."""
        return ("dampening",)
