"""Gradient descent with injected white noise (stochastic gradient Langevin dynamics)."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, WHITE_NOISE, Assignment, Dynamics, PhaseSpace, check_hyperparameter
from eyring.theory.symbols import batch_size, exact_number, learning_rate, temperature

__all__ = ["WhiteNoiseGD"]


@dataclass(frozen=True, kw_only=True)
class WhiteNoiseGD(Dynamics):
    """theta <- theta - eta g + sqrt(2 eta T) xi, xi a fresh standard normal number.

    Args:
        learning_rate: eta > 0; left out, the symbol eta.
        temperature: T > 0; left out, the symbol T.
        batch_size: B >= 1; left out, the symbol B. Without a noise model the gradient is that of the whole data.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    temperature: sp.Expr | float = temperature
    batch_size: sp.Expr | int = batch_size

    def __post_init__(self) -> None:
        check_hyperparameter("learning_rate", self.learning_rate, low=0)
        check_hyperparameter("temperature", self.temperature, low=0)
        check_hyperparameter("batch_size", self.batch_size, low=1, closed=True)

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """One line: the step down the gradient, and a kick."""
        eta, T = exact_number(self.learning_rate), exact_number(self.temperature)
        return (Assignment(PARAMETER, PARAMETER - eta * GRADIENT + sp.sqrt(2 * eta * T) * WHITE_NOISE),)

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is eta units of time."""
        return PhaseSpace(clock=exact_number(self.learning_rate), limit={learning_rate: DT})
