"""Linear regression with noisy labels: covariance, losses, noise and stability of SGD with momentum, exact at any learning rate."""

from functools import cache

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.discrete.matrix_words import without_common_words
from eyring.theory.discrete.moment_balance import COVARIANCE, HESSIAN, RATE
from eyring.theory.formula import Formula
from eyring.theory.regression import RegressionLaw, label_noise_law
from eyring.theory.regression.averaged_noise import INPUTS, LABEL_VARIANCE, TRACE
from eyring.theory.regression.law import SHIFT, regression_balance
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    input_variance,
    input_variance_1,
    input_variance_2,
    label_std,
    learning_rate,
    momentum,
    parameter_count,
)

__all__ = [
    "LabelNoiseCovariance",
    "LabelNoiseGradientNoise",
    "LabelNoiseStability",
    "LabelNoiseTestLoss",
    "LabelNoiseTrainLoss",
    "LabelNoiseVariance",
    "WidthStability",
]

eta, B, mu, a, n = learning_rate, batch_size, momentum, input_variance, parameter_count
RISE, FALL = 2 * (1 - mu) * B, B * (1 - mu) / (1 + mu)


@cache
def planar_law() -> RegressionLaw:
    """Return the law of two weights, in the eigenbasis of their inputs' covariance."""
    return label_noise_law(input_covariance=sp.diag(input_variance_1, input_variance_2))


class LabelNoiseVariance(Result):
    """Sigma = eta sigma_y^2/(2 (1 - mu) B - (B (1 - mu)/(1 + mu) + 2) eta a), the law of one weight."""

    name = "label-noise-variance"
    title = "Stationary variance of one weight of linear regression with noisy labels"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Take the law of one weight and clear its fractions."""
        general = label_noise_law(input_covariance=a).covariance
        variance = eta * label_std**2 / (RISE - (FALL + 2) * eta * a)
        derivation = general.derivation.claim("its one entry, cleared of fractions", variance, residual=lambda s, m: sp.simplify(s - m[0, 0]))
        return Formula(derivation, "length^2", eta, general.conditions, name=self.name)


class LabelNoiseStability(Result):
    """eta = 2 B (1 - mu^2)/(a (B (1 - mu) + 2 (1 + mu))), where the variance diverges; at mu = 0, eta a = 2 B/(B + 2)."""

    name = "label-noise-stability"
    title = "Learning rate up to which one weight of linear regression has a finite variance"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Look where the inverse of the variance first vanishes."""
        return _pole(LabelNoiseVariance().derive().derivation, 2 * B * (1 - mu**2) / (a * (B * (1 - mu) + 2 * (1 + mu))), self.name)


class WidthStability(Result):
    """eta = 2 B (1 - mu^2)/(a (B (1 - mu) + (n + 1)(1 + mu))) for n weights on isotropic inputs; 2 B/(a n) where n is large against B, at mu = 0."""

    name = "width-stability"
    title = "Learning rate up to which linear regression has a finite variance, against the number of weights"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Solve the balance of second moments with every matrix a multiple of the unit matrix, and look for the pole."""
        spread = eta * label_std**2 / (RISE - (FALL + 1 + n) * eta * a)
        derivation = regression_balance().claim(
            "isotropic inputs, n weights: Sigma = s times the unit matrix, Tr[A Sigma] = n a s, with s",
            spread,
            residual=lambda s, balance: sp.simplify(_isotropic(balance.lhs - balance.rhs, s)),
            rule="insertion",
        )
        return _pole(derivation, 2 * B * (1 - mu**2) / (a * (B * (1 - mu) + (n + 1) * (1 + mu))), self.name)


class LabelNoiseCovariance(Result):
    """Sigma = sigma_y^2/B (1 + kappa/B) Lambda G^-1 with kappa = Tr[Lambda A G^-1]/(1 - Tr[Lambda A G^-1]/B), in the inputs' eigenbasis."""

    name = "label-noise-covariance-2d"
    title = "Stationary covariance of two weights of linear regression with noisy labels"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Solve the balance with the trace open, then close it."""
        return planar_law().covariance


class LabelNoiseGradientNoise(Result):
    """C = sigma_y^2/B A + sigma_y^2/B^2 (1 + kappa/B)(Lambda A G^-1 + Tr[Lambda A G^-1]) A, the noise averaged over where the weights are."""

    name = "label-noise-gradient-noise-2d"
    title = "Average minibatch noise of linear regression with noisy labels, at stationarity"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Insert the covariance in the averaged noise."""
        return planar_law().noise


class LabelNoiseTrainLoss(Result):
    """sigma_y^2/2 (1 + kappa/B): what the noise of the weights adds to the loss on noisy labels."""

    name = "label-noise-train-loss"
    title = "Mean loss on noisy labels of linear regression with two weights"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Take half of Tr[A Sigma] + sigma_y^2."""
        return planar_law().train_loss


class LabelNoiseTestLoss(Result):
    """sigma_y^2 kappa/(2 B): what is lost on clean labels."""

    name = "label-noise-test-loss"
    title = "Mean loss on clean labels of linear regression with two weights"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Take half of Tr[A Sigma]."""
        return planar_law().test_loss


def _pole(derivation: Derivation, edge: sp.Expr, name: str) -> Formula:
    longer = derivation.claim(
        "the variance grows without bound as eta tends to", edge, residual=lambda s, v: sp.simplify((1 / v).subs(eta, s)), rule="pole of the variance"
    )
    return Formula(longer, "length^2/loss", eta, name=name)


def _isotropic(words: sp.Expr, spread: sp.Expr) -> sp.Expr:
    """Give every letter of the balance a multiple of the unit matrix."""
    numbers = {RATE: eta, HESSIAN: a, INPUTS: a, SHIFT: sp.Integer(0), COVARIANCE: spread, TRACE: n * a * spread, LABEL_VARIANCE: label_std**2}
    return without_common_words(words).subs(numbers)
