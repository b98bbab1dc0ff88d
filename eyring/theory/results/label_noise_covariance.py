"""Minibatch noise of linear regression with noisy labels: at a point, averaged over the weights, and without label noise."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.derivation.wick import WICK
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import DIAGONAL, GRADIENT, HESSIAN, INSERT, SPREAD, WEIGHTS, at_the_point, label_noise
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import label_std, learning_rate, loss_here

__all__ = ["LabelNoiseAveraged", "LabelNoisePointwise", "SmallNoise"]

UNIT = "loss^2/length^2"


class LabelNoisePointwise(Result):
    """C(w) = (2 L H + grad L grad L^T)/B; H is the covariance of the inputs and L holds half the variance of the labels."""

    name = "label-noise-pointwise"
    title = "Minibatch covariance of linear regression on Gaussian inputs, at one point of the plane"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)
    published_note = (
        "Theorem 5 (eq. 14) subtracts the gradient's outer product, which the fourth moments of Gaussian inputs add: it is off by "
        "2 grad L grad L^T/B, 75 percent of the larger variance at the point tried, and its variance may be negative."
    )

    def derive(self) -> Formula:
        """Average the products of one sample's gradient by Wick's theorem, and write them through the loss."""
        derivation = label_noise(sp.ImmutableMatrix(HESSIAN))
        loss = ((WEIGHTS.T * HESSIAN * WEIGHTS)[0] + label_std**2) / 2
        return _formula(at_the_point(derivation, loss, HESSIAN * WEIGHTS, HESSIAN), self.name)

    def published(self) -> Formula:
        """Return 2 L H/B - grad L grad L^T/B."""
        return _formula(Derivation("Theorem 5").cite("in print", _with_minus(), source="ziyin2022"), self.name)


class LabelNoiseAveraged(Result):
    """<C> = (A Sigma A + Tr[A Sigma] A + sigma^2 A)/B over weights of covariance Sigma about those that made the labels."""

    name = "label-noise-averaged"
    title = "Minibatch covariance of linear regression with label noise, averaged over the weights; axes along those of the inputs"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Average C(w) over the weights."""
        A = DIAGONAL
        averaged = sp.ImmutableMatrix((A * SPREAD * A + (A * SPREAD).trace() * A + label_std**2 * A) / B)
        return _formula(_over_weights().claim("in powers of A", averaged), self.name)


class SmallNoise(Result):
    """<C> = (Tr[H Sigma] I + H Sigma) H/B where the labels have no noise: it vanishes with the distance from the minimum."""

    name = "small-noise"
    title = "Minibatch covariance of linear regression without label noise, averaged over the weights; axes along those of the inputs"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)
    published_note = (
        "Eq. 17 prints (Tr[H Sigma] I - H Sigma) H/B; off by 83 percent at the point tried; in one dimension zero instead of 2 H^2 Sigma/B."
    )

    def derive(self) -> Formula:
        """Take the labels' noise out of the averaged covariance."""
        A = DIAGONAL
        averaged = sp.ImmutableMatrix(((A * SPREAD).trace() * A + A * SPREAD * A) / B)
        quiet = _over_weights().apply(INSERT, "labels without noise", values={label_std: sp.Integer(0)})
        return _formula(quiet.claim("in powers of A", averaged), self.name)

    def published(self) -> Formula:
        """Return (Tr[H Sigma] I - H Sigma) H/B."""
        A = DIAGONAL
        printed = sp.ImmutableMatrix(((A * SPREAD).trace() * A - A * SPREAD * A) / B)
        return _formula(Derivation("eq. 17").cite("in print", printed, source="ziyin2022"), self.name)


def _over_weights() -> Derivation:
    return label_noise(sp.ImmutableMatrix(DIAGONAL)).apply(
        WICK,
        "average over the weights",
        variables=list(WEIGHTS),
        covariance=SPREAD,
        needs="the weights' mean is what made the labels; C is quadratic in them, so that no more than their covariance enters",
    )


def _with_minus() -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix((2 * loss_here * HESSIAN - GRADIENT * GRADIENT.T) / B)


def _formula(derivation: Derivation, name: str) -> Formula:
    return Formula(derivation, UNIT, learning_rate, name=name)
