"""Gradient noise that grows with the loss: C = 2 L(theta) H(theta*) / B (Mori et al. 2021)."""

from dataclasses import dataclass

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.symbols import batch_size as B

__all__ = ["Loss"]


@dataclass(frozen=True)
class Loss(GradientNoise):
    """C = 2 L(theta) H(theta*) / B for mean-squared-error losses, the decoupling form of Mori et al. 2021, eq. 6.

    Args:
        at: The minimum theta* whose Hessian enters; needed only if the loss has several.
    """

    at: CriticalPoint | None = None

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return 2 L(theta) H(theta*) / B.

        Raises:
            EyringError: If the minima have different Hessians and none was chosen.
        """
        hessians = {self.at.hessian} if self.at else {m.hessian for m in landscape.minima()}
        if len(hessians) != 1:
            raise EyringError(
                f"noise in proportion to the loss takes the Hessian of one minimum, and the loss has {len(hessians)}; say which: Loss(at=minimum)"
            )
        return sp.ImmutableMatrix(2 * landscape.expression * hessians.pop() / batch_size)
