"""Adam: a running average of the gradient, divided by the root of a running average of its square."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace
from eyring.theory.dynamics.rmsprop import AVERAGE, adaptive_phase_space, check_adaptive
from eyring.theory.symbols import average_decay, batch_size, exact_number, learning_rate, momentum_decay, safeguard

__all__ = ["Adam"]

STEPS = sp.Symbol("t", nonnegative=True)
BUFFER = sp.Symbol("m", real=True)


@dataclass(frozen=True, kw_only=True)
class Adam(Dynamics):
    """theta <- theta - eta (m/(1 - beta_1^t))/(sqrt(v/(1 - beta_2^t)) + eps), as ``torch.optim.Adam(lr, betas, eps, weight_decay)``.

    m and v are running averages of g and g^2, t counts the steps.

    Args:
        learning_rate: eta > 0; left out, the symbol eta.
        batch_size: B >= 1; left out, the symbol B.
        beta_1: 0 <= beta_1 < 1; left out, the symbol beta_1.
        beta_2: 0 <= beta_2 < 1; left out, the symbol beta_2.
        eps: At least 0; left out, the symbol eps. At 0 a parameter whose gradient has always been exactly zero becomes 0/0, as in torch.
        weight_decay: lambda, at least 0: the gradient is g + lambda theta. For the decoupled decay see AdamW.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size
    beta_1: sp.Expr | float = momentum_decay
    beta_2: sp.Expr | float = average_decay
    eps: sp.Expr | float = safeguard
    weight_decay: sp.Expr | float = 0

    def __post_init__(self) -> None:
        check_adaptive(self)

    @property
    def gradient(self) -> sp.Expr:
        """What both averages take in."""
        return GRADIENT + exact_number(self.weight_decay) * PARAMETER

    @property
    def shrunk(self) -> sp.Expr:
        """The parameter before the step."""
        return PARAMETER

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """Four lines: the step count, the two running averages, the step with both averages freed from the zeros that they began with."""
        eta, beta_1, beta_2, eps = (exact_number(v) for v in (self.learning_rate, self.beta_1, self.beta_2, self.eps))
        mean, mean_square = BUFFER / (1 - beta_1**STEPS), AVERAGE / (1 - beta_2**STEPS)
        return (
            Assignment(STEPS, STEPS + 1),
            Assignment(BUFFER, beta_1 * BUFFER + (1 - beta_1) * self.gradient),
            Assignment(AVERAGE, beta_2 * AVERAGE + (1 - beta_2) * self.gradient**2),
            Assignment(PARAMETER, self.shrunk - eta * mean / (sp.sqrt(mean_square) + eps)),
        )

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is eta units of time; the place is where the parameter comes to rest once m has been spent."""
        eta, beta_1, eps = (exact_number(v) for v in (self.learning_rate, self.beta_1, self.eps))
        ahead = PARAMETER - eta * beta_1 / (1 - beta_1) * BUFFER / (sp.sqrt(AVERAGE) + eps)
        return adaptive_phase_space(eta, eps, {AVERAGE: self.gradient**2}, counter=STEPS, place=ahead)

    @property
    def optional(self) -> tuple[str, ...]:
        """There is no weight decay unless asked for."""
        return ("weight_decay",)
