"""Linear regression under damped Newton steps and natural gradient, and the law of any least squares where batches are large."""

import sympy as sp

from eyring.theory.discrete.matrix_words import without_common_words
from eyring.theory.discrete.moment_balance import COVARIANCE, HESSIAN, RATE
from eyring.theory.formula import Formula
from eyring.theory.regression.averaged_noise import ERROR_SQUARE, INPUTS, LABEL_VARIANCE, TRACE, averaged_noise
from eyring.theory.regression.law import SHIFT, regression_balance
from eyring.theory.results.contract import Result
from eyring.theory.results.label_noise_law import LabelNoiseVariance
from eyring.theory.symbols import batch_size, curvature, input_variance, label_std, learning_rate, loss_min, momentum, parameter_count

__all__ = ["DampedNewton", "LeastSquaresVariance", "NaturalGradient"]

eta, B, mu, n = learning_rate, batch_size, momentum, parameter_count
OPEN = sp.Symbol("s", positive=True)


class DampedNewton(Result):
    """Sigma = eta sigma_y^2/(g B - n eta) A^-1, g = 2 (1 - mu) - ((1 - mu)/(1 + mu) + 1/B) eta, for Lambda = eta A^-1 and any A."""

    name = "damped-newton"
    title = "Stationary covariance of damped Newton steps on linear regression, in units of the inverse of the inputs' covariance"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Insert Lambda = eta A^-1 and Sigma = s A^-1 in the balance of second moments, A being left general."""
        g = 2 * (1 - mu) - ((1 - mu) / (1 + mu) + 1 / B) * eta
        derivation = regression_balance().claim(
            "Lambda = eta A^-1 is solved by Sigma = s A^-1, Tr[A Sigma] = n s, with s",
            eta * label_std**2 / (g * B - n * eta),
            residual=lambda s, balance: _left_over(balance, RATE_OF_NEWTON, s, label_std**2),
            rule="insertion",
        )
        return Formula(derivation, "loss", sp.Integer(1), name=self.name)


class NaturalGradient(Result):
    """Sigma = eta/2 (1/((1 + n)(1 + mu)) + 1/((1 - mu) B)) A^-1 for Lambda = (eta/B) C^-1, C the noise's own covariance, and clean labels."""

    name = "natural-gradient"
    title = "Stationary covariance of natural gradient on linear regression, in units of the inverse of the inputs' covariance"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Find the learning rate that belongs to Sigma = s A^-1, insert both in the balance of second moments."""
        rate = eta / (OPEN * (1 + n)) * INPUTS**-1
        noise = averaged_noise().expression.subs({ERROR_SQUARE: OPEN * INPUTS**-1, TRACE: n * OPEN, LABEL_VARIANCE: 0})
        derivation = (
            regression_balance()
            .claim(
                "Lambda = (eta/B) C^-1 at Sigma = s A^-1 and clean labels, where Tr[A Sigma] = n s",
                rate,
                residual=lambda stated, _: without_common_words(sp.expand(stated * noise) - eta / B),
                rule="insertion in the averaged noise",
            )
            .claim(
                "the balance holds for s",
                eta / 2 * (1 / ((1 + n) * (1 + mu)) + 1 / ((1 - mu) * B)),
                residual=lambda s, stated: _left_over(regression_balance().expression, stated.subs(OPEN, s), s, sp.Integer(0)),
                rule="insertion in the balance of second moments",
            )
        )
        return Formula(derivation, "loss", sp.Integer(1), name=self.name)


class LeastSquaresVariance(Result):
    """Sigma = 2 L_a eta/(B (1 - mu)(2 - eta H/(1 + mu))) along each direction in which the loss is curved, L_a > 0 the least loss.

    Where L_a = 0 the noise dies out and so does Sigma; directions in which the loss is flat are not pinned down.
    """

    name = "least-squares-variance"
    title = "Stationary variance of linear regression with Gaussian inputs along a curved direction of the loss, large batches"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Let the batch grow in the exact law of linear regression, at fixed learning rate; the least loss is half the labels' variance."""
        exact = LabelNoiseVariance().derive()
        variance = 2 * loss_min * eta / (B * (1 - mu) * (2 - eta * curvature / (1 + mu)))
        derivation = exact.derivation.claim(
            "leading order in 1/B, with L_a = sigma_y^2/2 and H = a",
            variance,
            residual=lambda s, full: sp.simplify(B * s - _large_batch(full)),
            rule="limit B -> infinity of B Sigma",
            needs="the weights' own spread adds little to the loss: large batches",
        )
        return Formula(derivation, "length^2", eta, name=self.name)


RATE_OF_NEWTON = eta * INPUTS**-1


def _left_over(balance: sp.Basic, rate: sp.Expr, spread: sp.Expr, label_variance: sp.Expr) -> sp.Expr:
    """Return what Sigma = spread A^-1 leaves of the balance, A being left general."""
    letters = {RATE: rate, HESSIAN: INPUTS, SHIFT: sp.Integer(0), COVARIANCE: spread * INPUTS**-1}
    numbers = {TRACE: n * spread, LABEL_VARIANCE: label_variance}
    return without_common_words((balance.lhs - balance.rhs).subs(letters).subs(numbers))


def _large_batch(variance: sp.Expr) -> sp.Expr:
    small = sp.Dummy("small", positive=True)
    scaled = sp.cancel((variance / small).subs(B, 1 / small))
    return scaled.subs(small, 0).subs({label_std: sp.sqrt(2 * loss_min), input_variance: curvature})
