"""The decoupling approximation: minibatch noise of a mean-squared error in proportion to the loss (Mori et al. 2021)."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import BATCH, HESSIAN
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import data_size, learning_rate, loss_here

__all__ = ["MoriDecoupling"]

MISS = sp.Symbol("r", real=True)  # prediction minus label of one sample
SENSITIVITY = sp.Matrix(sp.symbols("f_1 f_2", real=True))  # how its prediction answers to the two parameters


class MoriDecoupling(Result):
    """C = 2 L(theta) H(theta_*)/B, residuals taken as independent of the sensitivities, and the gradient's square left out.

    On drawn data it is off by 0.2 percent at the minimum of a tanh unit, by 14 some way beside it.
    """

    name = "mori-decoupling"
    title = "Minibatch covariance of a mean-squared error, residuals decoupled from sensitivities"
    chapter = "Minibatch noise"
    sources = ("mori2021",)
    kind = "approximation"
    published_note = "The copy of 2021 prints a further 1/N in eq. 6 (and 1/(2 B) in eq. 2): misprints, by the factor N."

    def derive(self) -> Formula:
        """Average residuals and sensitivities apart."""
        gradient = MISS * SENSITIVITY
        derivation = (
            Derivation("decoupled covariance of the minibatch gradient")
            .define(
                "products of the components of one sample's gradient r grad f, and the gradient itself (last column)",
                sp.ImmutableMatrix(sp.Matrix.hstack(gradient * gradient.T, gradient)),
            )
            .apply(
                _DECOUPLE,
                "averages over the data, <r^2> = 2 L and <grad f grad f^T> = H",
                needs="residuals have mean zero, do not depend on the sensitivities, and are too small at the minimum to add to H",
            )
            .apply(BATCH, "covariance of the mean of B independent samples")
        )
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)

    def published(self) -> Formula:
        """Return 2 L H/(N B)."""
        printed = sp.ImmutableMatrix(2 * loss_here * HESSIAN / (data_size * B))
        return Formula(Derivation("eq. 6").cite("in print", printed, source="mori2021"), "loss^2/length^2", learning_rate, name=self.name)


def _decouple(matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(matrix).applyfunc(_mean)


def _mean(entry: sp.Expr) -> sp.Expr:
    """Average the residual's power, then what multiplies it."""
    (power, coefficient) = (int(sp.degree(entry, MISS)), entry.coeff(MISS, int(sp.degree(entry, MISS))))
    if power % 2:
        return sp.Integer(0)
    one, two = SENSITIVITY
    products = {one**2: HESSIAN[0, 0], one * two: HESSIAN[0, 1], two**2: HESSIAN[1, 1]}
    return 2 * loss_here * products[coefficient]


def _mean_of_pairs(before: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Pair each of two opposite residuals with each of four sensitivities, all equally likely."""
    size = sp.Symbol("size", positive=True)
    root = HESSIAN.subs({HESSIAN[0, 0]: 2, HESSIAN[0, 1]: sp.Rational(3, 5), HESSIAN[1, 1]: sp.Rational(7, 5)}).cholesky() * sp.sqrt(2)
    sensitivities = [sign * root[:, k] for k in (0, 1) for sign in (1, -1)]
    total = sp.zeros(*before.shape)
    for sensitivity in sensitivities:
        for residual in (size, -size):
            total += before.subs({MISS: residual} | dict(zip(SENSITIVITY, sensitivity, strict=True)))
    values = {HESSIAN[0, 0]: 2, HESSIAN[0, 1]: sp.Rational(3, 5), HESSIAN[1, 1]: sp.Rational(7, 5), loss_here: size**2 / 2}
    return agree_in_numbers(sp.ImmutableMatrix(total / 8), sp.ImmutableMatrix(after.subs(values)))


_DECOUPLE = Rule("average of a product of independent factors", _decouple, _mean_of_pairs)
