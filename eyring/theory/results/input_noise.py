"""Minibatch noise of linear regression whose inputs are seen through noise: the covariance at a point, and the loss that no weights can remove."""

import random

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import draw
from eyring.theory.derivation.wick import WICK
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import DIAGONAL, INPUTS, TARGET, WEIGHTS, at_the_point, one_sample
from eyring.theory.results.contract import Result
from eyring.theory.symbols import input_noise_11, input_noise_12, input_noise_22, learning_rate

__all__ = ["InputNoiseCovariance", "InputNoiseResidual"]

ZETA = sp.Matrix(sp.symbols("zeta_1 zeta_2", real=True))
NOISE = sp.Matrix([[input_noise_11, input_noise_12], [input_noise_12, input_noise_22]])
SEEN = INPUTS + ZETA
MISS = (WEIGHTS.T * SEEN - TARGET.T * INPUTS)[0]
LAW = sp.diag(DIAGONAL, NOISE)
K = DIAGONAL + NOISE


class InputNoiseCovariance(Result):
    """C(w) = (2 L K + grad L grad L^T)/B with K = A + B_zeta, the covariance of the inputs as they are seen."""

    name = "input-noise-covariance"
    title = "Minibatch covariance of linear regression on noisy inputs, at one point of the plane; axes along those of the clean inputs"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Average one sample's gradient over inputs and their noise, and write it through the loss."""
        loss = (WEIGHTS.T * K * WEIGHTS)[0] / 2 - (WEIGHTS.T * DIAGONAL * TARGET)[0] + (TARGET.T * DIAGONAL * TARGET)[0] / 2
        gradient = K * WEIGHTS - DIAGONAL * TARGET
        derivation = at_the_point(one_sample(SEEN * MISS, [*INPUTS, *ZETA], LAW, "noisy inputs"), loss, gradient, K)
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


class InputNoiseResidual(Result):
    """2 L_* = Tr[A K^-1 B_zeta u u^T]: to the weights, noise in the inputs is label noise of this variance about w_* = K^-1 A u."""

    name = "input-noise-residual"
    title = "Label variance that noise in the inputs amounts to: twice the least loss; axes along those of the clean inputs"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Average the squared miss and minimise it over the weights."""
        residual = (TARGET.T * DIAGONAL * K.adjugate() * NOISE * TARGET)[0] / K.det()
        derivation = (
            Derivation("residual variance of linear regression on noisy inputs")
            .define("square of what the weights miss of one label", sp.ImmutableMatrix([[sp.expand(MISS**2)]]))
            .apply(WICK, "average over the data", variables=[*INPUTS, *ZETA], covariance=LAW, needs="inputs and their noise are independent")
            .apply(_LEAST, "least over the weights", weights=list(WEIGHTS))
            .claim("as a trace", residual, residual=lambda stated, before: sp.expand(sp.numer(sp.together(stated - before))))
        )
        return Formula(derivation, "loss", learning_rate, name=self.name)


def _least(quadratic: sp.MatrixBase, *, weights: list[sp.Symbol]) -> sp.Expr:
    at_zero = dict.fromkeys(weights, sp.Integer(0))
    slopes, hessian = _slopes(quadratic, weights).subs(at_zero), _slopes(quadratic, weights).jacobian(weights)
    return quadratic[0].subs(at_zero) - (slopes.T * hessian.adjugate() * slopes)[0] / (2 * hessian.det())


def _minimised_in_numbers(quadratic: sp.MatrixBase, least: sp.Expr, *, weights: list[sp.Symbol]) -> bool:
    """Draw numbers for all but the weights, find where the slopes vanish and look at the value there."""
    generator = random.Random(7)
    point = {s: draw(s, generator) for s in sorted(quadratic.free_symbols - set(weights), key=str)}
    concrete = quadratic.subs(point)
    minimum = sp.solve(list(_slopes(concrete, weights)), weights, dict=True)[0]
    return bool(concrete[0].subs(minimum) == least.subs(point))


def _slopes(quadratic: sp.MatrixBase, weights: list[sp.Symbol]) -> sp.Matrix:
    return sp.Matrix([sp.diff(quadratic[0], w) for w in weights])


_LEAST = Rule("minimum of a quadratic form", _least, _minimised_in_numbers)
