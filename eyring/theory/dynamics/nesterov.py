"""Nesterov's accelerated gradient in its own form: a velocity, and a gradient taken where the velocity leads."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace, check_hyperparameter
from eyring.theory.symbols import batch_size, exact_number, friction, learning_rate, momentum

__all__ = ["Nesterov"]

VELOCITY = sp.Symbol("u", real=True)


@dataclass(frozen=True, kw_only=True)
class Nesterov(Dynamics):
    """u <- mu u - eta g, theta <- theta + mu u - eta g: theta is the point looked ahead to, where the gradient is taken.

    At a constant learning rate this is ``torch.optim.SGD(lr, momentum, nesterov=True)``, whose buffer is -u/eta; if the learning rate changes, u
    keeps the steps as they were taken, torch's buffer does not.

    Args:
        learning_rate: eta > 0; left out, the symbol eta.
        batch_size: B >= 1; left out, the symbol B.
        momentum: 0 <= mu < 1; left out, the symbol mu.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size
    momentum: sp.Expr | float = momentum

    def __post_init__(self) -> None:
        check_hyperparameter("learning_rate", self.learning_rate, low=0)
        check_hyperparameter("batch_size", self.batch_size, low=1, closed=True)
        check_hyperparameter("momentum", self.momentum, low=0, below=1, closed=True)

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """Two lines: the velocity, then the step to the next look-ahead point."""
        eta, mu = exact_number(self.learning_rate), exact_number(self.momentum)
        return (
            Assignment(VELOCITY, mu * VELOCITY - eta * GRADIENT),
            Assignment(PARAMETER, PARAMETER + mu * VELOCITY - eta * GRADIENT),
        )

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is sqrt(eta) units of time, in which a walker has unit mass and friction (1 - mu)/sqrt(eta)."""
        eta, mu = exact_number(self.learning_rate), exact_number(self.momentum)
        clock = sp.sqrt(eta)
        return PhaseSpace(
            clock=clock,
            limit={learning_rate: DT**2, momentum: 1 - friction * DT},
            fixed={friction: (1 - mu) / clock},
            velocity=VELOCITY,
            velocity_scale=1 / clock,
        )
