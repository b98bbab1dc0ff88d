"""Gradient noise given by its minibatch covariance C(theta), any sympy matrix."""

from dataclasses import dataclass

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.definite import demand_covariance
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number

__all__ = ["Covariance"]


@dataclass(frozen=True)
class Covariance(GradientNoise):
    """C(theta) as given: the covariance of the minibatch gradient, already divided by the batch size.

    Args:
        matrix: A symmetric sympy matrix or its rows, or an expression in one dimension. The batch size plays no further part.
    """

    matrix: sp.ImmutableMatrix

    def __post_init__(self) -> None:
        given = self.matrix if isinstance(self.matrix, sp.MatrixBase | list | tuple) else [[self.matrix]]
        object.__setattr__(self, "matrix", sp.ImmutableMatrix(given).applyfunc(exact_number))

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the matrix.

        Raises:
            EyringError: If its shape is not (n, n) or it is not symmetric.
        """
        matrix = self.matrix
        if matrix.shape != (landscape.dim, landscape.dim):
            raise EyringError(
                f"the covariance has shape {matrix.shape}, but the loss has {landscape.dim} coordinates; give an {landscape.dim} "
                f"x {landscape.dim} matrix"
            )
        demand_covariance(matrix, "the covariance of the minibatch gradient")
        return matrix
