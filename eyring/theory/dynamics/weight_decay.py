"""Stochastic gradient descent with weight decay: a spring that pulls every parameter towards zero."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace, check_hyperparameter
from eyring.theory.symbols import batch_size, exact_number, learning_rate, weight_decay

__all__ = ["WeightDecaySGD"]


@dataclass(frozen=True, kw_only=True)
class WeightDecaySGD(Dynamics):
    """theta <- theta - eta (g + lambda theta), as ``torch.optim.SGD(lr, weight_decay)``: SGD on L + lambda |theta|^2/2.

    Args:
        learning_rate: eta > 0; left out, the symbol eta.
        batch_size: B >= 1; left out, the symbol B.
        weight_decay: lambda, at least 0; left out, the symbol weight_decay.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size
    weight_decay: sp.Expr | float = weight_decay

    def __post_init__(self) -> None:
        check_hyperparameter("learning_rate", self.learning_rate, low=0)
        check_hyperparameter("batch_size", self.batch_size, low=1, closed=True)
        check_hyperparameter("weight_decay", self.weight_decay, low=0, closed=True)

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """One line: the step down the gradient and towards zero."""
        eta, decay = exact_number(self.learning_rate), exact_number(self.weight_decay)
        return (Assignment(PARAMETER, PARAMETER - eta * (GRADIENT + decay * PARAMETER)),)

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is eta units of time."""
        return PhaseSpace(clock=exact_number(self.learning_rate), limit={learning_rate: DT})
