"""RMSprop: each parameter's step is divided by the root of a running average of its squared gradient."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace, check_hyperparameter
from eyring.theory.symbols import average_decay, batch_size, exact_number, learning_rate, safeguard

__all__ = ["AVERAGE", "RMSprop", "adaptive_phase_space", "check_adaptive"]

AVERAGE = sp.Symbol("v", nonnegative=True)
HELD_SAFEGUARD, HELD_DECAY = sp.Symbol("eps_0", nonnegative=True), sp.Symbol("lambda_0", nonnegative=True)


@dataclass(frozen=True, kw_only=True)
class RMSprop(Dynamics):
    """v <- beta_2 v + (1 - beta_2) g^2, theta <- theta - eta g/(sqrt(v) + eps), as ``torch.optim.RMSprop(lr, alpha=beta_2, eps, weight_decay)``.

    Args:
        learning_rate: eta > 0; left out, the symbol eta.
        batch_size: B >= 1; left out, the symbol B.
        beta_2: 0 <= beta_2 < 1, torch's alpha; left out, the symbol beta_2.
        eps: At least 0; left out, the symbol eps. At 0 a parameter whose gradient has always been exactly zero becomes 0/0, as in torch.
        weight_decay: lambda, at least 0: the gradient is g + lambda theta.

    Raises:
        ParameterError: If a number is out of range.
    """

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size
    beta_2: sp.Expr | float = average_decay
    eps: sp.Expr | float = safeguard
    weight_decay: sp.Expr | float = 0

    def __post_init__(self) -> None:
        check_adaptive(self)

    @property
    def rule(self) -> tuple[Assignment, ...]:
        """Two lines: the running average, then the step."""
        eta, beta_2, eps, decay = (exact_number(v) for v in (self.learning_rate, self.beta_2, self.eps, self.weight_decay))
        gradient = GRADIENT + decay * PARAMETER
        return (
            Assignment(AVERAGE, beta_2 * AVERAGE + (1 - beta_2) * gradient**2),
            Assignment(PARAMETER, PARAMETER - eta * gradient / (sp.sqrt(AVERAGE) + eps)),
        )

    @property
    def phase_space(self) -> PhaseSpace:
        """One iteration is eta units of time; the running average stays at its mean."""
        return adaptive_phase_space(self.learning_rate, self.eps, {AVERAGE: (GRADIENT + exact_number(self.weight_decay) * PARAMETER) ** 2})

    @property
    def optional(self) -> tuple[str, ...]:
        """There is no weight decay unless asked for."""
        return ("weight_decay",)


def adaptive_phase_space(learning_rate_: object, eps: object, averages: dict[sp.Symbol, sp.Expr], **more: object) -> PhaseSpace:
    """Return the reading common to steps divided by the root of an average: only eta^2 C, the variance of a step before division, is held fixed."""
    eta = exact_number(learning_rate_)
    return PhaseSpace(
        clock=eta,
        natural_clock=eta**2,
        limit={learning_rate: sp.sqrt(DT), safeguard: HELD_SAFEGUARD / sp.sqrt(DT), average_decay: sp.Integer(1)},
        fixed={HELD_SAFEGUARD: exact_number(eps) * eta},
        averages=averages,
        **more,  # type: ignore[arg-type]
    )


def check_adaptive(dynamics: Dynamics) -> None:
    """Refuse hyperparameters out of the range common to adaptive optimizers.

    Raises:
        ParameterError: If one is.
    """
    for name, value in dynamics.hyperparameters.items():
        low, closed = {"batch_size": (1, True), "learning_rate": (0, False)}.get(name, (0, True))
        check_hyperparameter(name, value, low=low, below=1 if name.startswith("beta") else None, closed=closed)
