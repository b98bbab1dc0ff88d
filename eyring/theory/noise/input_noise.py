"""The gradient noise of linear regression whose inputs are seen through noise, exact at every point (Ziyin et al. 2022)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.definite import demand_covariance
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.noise.label_noise import LabelNoise, symmetric_matrix
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number

__all__ = ["InputNoise"]


@dataclass(frozen=True)
class InputNoise(GradientNoise):
    """C(w) = (2 L(w) K + grad L grad L^T)/B for labels u.x and seen inputs x + zeta, x ~ N(0, A), zeta ~ N(0, B_zeta), K = A + B_zeta.

    To the weights this is label noise: the best of them are w_* = K^-1 A u, what they miss of a label does not depend on what they see, and its
    variance is u^T A K^-1 B_zeta u, in one dimension a b u^2/(a + b). L(w) = ((w - w_*)^T K (w - w_*) + that)/2.

    Args:
        input_covariance: A, an (n, n) symmetric matrix, or an expression in one dimension.
        noise_covariance: B_zeta, likewise.
        target: u, one expression per coordinate. With u = 0 the labels are zero and nothing is missed.
        label_variance: Variance of further noise in the labels, in units of loss; not negative.
        weight_decay: Gamma, as in LabelNoise.
        published: Take the sign printed in Theorem 5 instead of the exact one.

    Raises:
        EyringError: If the two covariances differ in shape or are none, or K is singular; else as LabelNoise.

    >>> a, b, u = sp.symbols("a b u", positive=True)
    >>> InputNoise(a, b, u).as_label_noise.label_variance
    a*b*u**2/(a + b)
    """

    input_covariance: sp.ImmutableMatrix | sp.Expr
    noise_covariance: sp.ImmutableMatrix | sp.Expr
    target: tuple[sp.Expr, ...] | sp.Expr
    label_variance: sp.Expr = sp.Integer(0)
    weight_decay: sp.ImmutableMatrix | sp.Expr = sp.Integer(0)
    published: bool = False

    def __post_init__(self) -> None:
        A = symmetric_matrix(self.input_covariance, "the covariance of the inputs")
        noise = symmetric_matrix(self.noise_covariance, "the covariance of the inputs' noise")
        if A.shape != noise.shape:
            raise EyringError(f"inputs and their noise have covariances of one shape; the matrices given are {A.shape} and {noise.shape}")
        demand_covariance(A, "the covariance of the inputs")
        demand_covariance(noise, "the covariance of the inputs' noise")
        if sp.simplify((A + noise).det()) == 0:
            raise EyringError("the seen inputs do not vary in some direction (A + B_zeta is singular); leave it out, no data determine its weight")
        target = self.target if isinstance(self.target, sp.MatrixBase | list | tuple) else (self.target,)
        if len(target) != A.rows:
            raise EyringError(f"the target has one entry for each of {A.rows} inputs, got {len(target)}")
        for name, value in {"input_covariance": A, "noise_covariance": noise, "target": tuple(map(exact_number, target))}.items():
            object.__setattr__(self, name, value)
        _ = self.as_label_noise

    @cached_property
    def as_label_noise(self) -> LabelNoise:
        """The label noise that it amounts to: inputs of covariance K, target w_*, the missed variance added to that of the labels."""
        u = sp.Matrix(self.target)
        seen = self.input_covariance + self.noise_covariance
        best = seen.LUsolve(self.input_covariance * u).applyfunc(sp.factor)
        missed = sp.factor((u.T * self.input_covariance * (u - best))[0])
        variance = missed + exact_number(self.label_variance)
        return LabelNoise(seen, variance, tuple(best), published=self.published, weight_decay=self.weight_decay)

    def landscape(self, coordinates: Iterable[sp.Symbol]) -> Landscape:
        """Return the mean loss over fresh inputs, their noise and the labels.

        Raises:
            EyringError: If the number of coordinates is not that of the inputs.
        """
        return self.as_label_noise.landscape(coordinates)

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the covariance of the minibatch gradient, each batch drawn afresh.

        Raises:
            EyringError: If the loss is not the one of this regression.
        """
        return self.as_label_noise.covariance(landscape, batch_size)
