"""AdamW: Adam whose weight decay shrinks the parameter itself and does not enter the averages."""

from dataclasses import dataclass, replace

import sympy as sp

from eyring.theory.dynamics.adam import Adam
from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, PhaseSpace
from eyring.theory.dynamics.rmsprop import HELD_DECAY
from eyring.theory.symbols import exact_number, weight_decay

__all__ = ["AdamW"]


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """theta <- (1 - eta lambda) theta, then the step of Adam, as ``torch.optim.AdamW(lr, betas, eps, weight_decay)``.

    Args: as for Adam, but ``weight_decay`` left out is the symbol weight_decay.
    """

    weight_decay: sp.Expr | float = weight_decay

    @property
    def gradient(self) -> sp.Expr:
        """The averages take in the gradient alone."""
        return GRADIENT

    @property
    def shrunk(self) -> sp.Expr:
        """The parameter decays at a rate of its own."""
        return PARAMETER * (1 - exact_number(self.learning_rate) * exact_number(self.weight_decay))

    @property
    def phase_space(self) -> PhaseSpace:
        """That of Adam, with the decay per unit of time held fixed."""
        space = super().phase_space
        held = exact_number(self.weight_decay) / exact_number(self.learning_rate)
        return replace(space, limit={**space.limit, weight_decay: HELD_DECAY * sp.sqrt(DT)}, fixed={**space.fixed, HELD_DECAY: held})

    @property
    def optional(self) -> tuple[str, ...]:
        """Every hyperparameter is a symbol unless given."""
        return ()
