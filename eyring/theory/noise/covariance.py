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
        matrix: A symmetric sympy matrix, or an expression in one dimension. The batch size plays no further part.
    """

    matrix: sp.ImmutableMatrix | sp.Expr

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the matrix.

        Raises:
            EyringError: If its shape is not (n, n) or it is not symmetric.
        """
        given = self.matrix
        matrix = sp.ImmutableMatrix(given) if isinstance(given, sp.MatrixBase | list | tuple) else sp.ImmutableMatrix([[given]])
        matrix = matrix.applyfunc(exact_number)
        if matrix.shape != (landscape.dim, landscape.dim):
            raise EyringError(
                f"the covariance has shape {matrix.shape}, but the loss has {landscape.dim} coordinates; give an {landscape.dim} "
                f"x {landscape.dim} matrix"
            )
        demand_covariance(matrix, "the covariance of the minibatch gradient")
        return matrix
