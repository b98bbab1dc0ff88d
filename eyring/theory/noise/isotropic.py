"""Gradient noise of one variance in every direction and at every point: G = sigma^2 I."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number, gradient_std

__all__ = ["Isotropic"]


@dataclass(frozen=True)
class Isotropic(GradientNoise):
    """C = sigma^2 I / B (Jastrzebski et al. 2017; Dai & Zhu 2018).

    Args:
        std: Standard deviation sigma of one sample's gradient in each direction; left out, it stays a symbol.
    """

    std: sp.Expr = gradient_std

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return sigma^2 I / B."""
        return sp.ImmutableMatrix(sp.eye(landscape.dim) * exact_number(self.std) ** 2 / batch_size)
