"""Plain stochastic gradient descent."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace, check_hyperparameter
from eyring.theory.symbols import batch_size, exact_number, learning_rate

__all__ = ["SGD"]


@dataclass(frozen=True, kw_only=True)
class SGD(Dynamics):
    """theta <- theta - eta g, as ``torch.optim.SGD(lr=eta)``.

    Args:
        learning_rate: eta > 0; left out, it stays the symbol eta.
        batch_size: B >= 1; left out, it stays the symbol B. It plays no part where a covariance is given.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size

    def __post_init__(self) -> None:
        check_hyperparameter("learning_rate", self.learning_rate, low=0)
        check_hyperparameter("batch_size", self.batch_size, low=1, closed=True)

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """One line: the step down the gradient."""
        return (Assignment(PARAMETER, PARAMETER - exact_number(self.learning_rate) * GRADIENT),)

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is eta units of time."""
        return PhaseSpace(clock=exact_number(self.learning_rate), limit={learning_rate: DT})
