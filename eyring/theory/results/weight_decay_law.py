"""Linear regression with weight decay: covariance and test loss, exact, and the weight decay, at times negative, that keeps SGD stable."""

from dataclasses import replace
from functools import cache

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition
from eyring.theory.regression import RegressionLaw, weight_decay_law
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    input_variance,
    input_variance_1,
    input_variance_2,
    learning_rate,
    momentum,
    ridge,
    target,
    target_1,
    target_2,
)

__all__ = ["NegativeWeightDecay", "WeightDecayCovariance", "WeightDecayTestLoss", "WeightDecayTestLossOneWeight", "WeightDecayWindow"]

eta, B, mu, a, gamma, u = learning_rate, batch_size, momentum, input_variance, ridge, target


@cache
def one_weight() -> RegressionLaw:
    """Return the law of one weight with clean labels."""
    return weight_decay_law(input_covariance=a, target=u, label_variance=0)


class WeightDecayTestLoss(Result):
    """Tr[A E]/2 with momentum and noisy labels; clean labels and mu = 0 give the printed eq. 11."""

    name = "weight-decay-test-loss"
    title = "Mean loss on clean labels of linear regression with weight decay, two weights"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Solve the balance of second moments around the shifted minimum."""
        return weight_decay_law(input_covariance=sp.diag(input_variance_1, input_variance_2), target=(target_1, target_2)).test_loss


class WeightDecayTestLossOneWeight(Result):
    """a Gamma^2 u^2 (2 - eta k)/(2 k (2 k - eta k^2 - 2 eta a^2/B)), k = a + Gamma: clean labels, no momentum."""

    name = "weight-decay-test-loss-one-weight"
    title = "Mean loss on clean labels of one weight of linear regression with weight decay"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Take the law of one weight and clear its fractions."""
        general, k = one_weight().test_loss, a + gamma
        loss = a * gamma**2 * u**2 * (2 - eta * k) / (2 * k * (2 * k - eta * k**2 - 2 * eta * a**2 / B))
        derivation = general.derivation.claim(
            "without momentum, cleared of fractions", loss, residual=lambda s, full: _numerator(s - full.subs(mu, 0))
        )
        return Formula(derivation, "loss", eta, _without_momentum(general.conditions), name=self.name)


class WeightDecayCovariance(Result):
    """Sigma_ij = (eta/B)(a_i a_j f_i f_j + Tr[A E] a_i delta_ij)/(k_i + k_j - eta k_i k_j - eta a_i a_j/B), for any direction of the target."""

    name = "weight-decay-covariance-2d"
    title = "Stationary covariance of linear regression with weight decay, two weights and any target"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)
    published_note = (
        "Theorem 4, eq. 12, is stated where the weight decay commutes with u u^T; it needs the inputs' covariance to commute with it as well: "
        "its off-diagonal entries divide by twice the decay of one weight instead of the sum over both. On the trials of the second road it is off "
        "by 7 to 15 % of the largest entry, and it is not symmetric"
    )

    def derive(self) -> Formula:
        """Solve the balance of second moments around the shifted minimum, without momentum."""
        return _planar().covariance

    def published(self) -> Formula:
        """Return eq. 12 as printed, for Gamma a multiple of the unit matrix, which commutes with everything."""
        A, target_square = sp.diag(input_variance_1, input_variance_2), sp.Matrix([target_1, target_2]) * sp.Matrix([[target_1, target_2]])
        K = A + gamma * sp.eye(2)
        G = 2 * sp.eye(2) - eta * (K + K.inv() * A**2 / B)
        offset = A * K**-2 * gamma**2 * target_square
        q, r = (A**2 * K.inv() * G.inv()).trace(), (A**3 * K**-3 * gamma**2 * G.inv() * target_square).trace()
        kappa, rest = q / (1 - eta * q / B), r / (1 - eta * q / B)
        first = offset.trace() * (1 + eta * kappa / B) * A * K.inv() * G.inv()
        second = (A**2 * K**-2 * gamma**2 * target_square + eta * rest / B * A) * K.inv() * G.inv()
        derivation = Derivation("Theorem 4, eq. 12, as printed").cite("eq. 12", sp.ImmutableMatrix(eta / B * (first + second)), source="ziyin2022")
        return Formula(derivation, "length^2", eta, note=self.published_note, name=self.name)


class WeightDecayWindow(Result):
    """Gamma = (1 + mu)/eta (1 -+ sqrt(1 - 2 eta^2 a^2/(B (1 - mu^2)))) - a: between the two, the variance is finite; both may be negative."""

    name = "weight-decay-window"
    title = "The two ends of the weight decay with which one weight of linear regression has a finite variance"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Look where the inverse of the variance vanishes."""
        square = 1 - 2 * eta**2 * a**2 / (B * (1 - mu**2))
        root, letter = sp.sqrt(square), sp.Dummy("root")
        ends = sp.ImmutableMatrix([(1 + mu) / eta * (1 + sign * root) - a for sign in (-1, 1)])
        derivation = one_weight().covariance.derivation.claim(
            "the variance grows without bound as the weight decay tends to",
            ends,
            residual=lambda stated, variance: stated.subs(root, letter).applyfunc(
                lambda end: sp.rem(_numerator(_numerator(1 / variance[0, 0]).subs(gamma, end)), _numerator(letter**2 - square), letter)
            ),
            rule="poles of the variance",
        )
        return Formula(derivation, "loss/length^2", eta, name=self.name)


class NegativeWeightDecay(Result):
    """Learning rates from 2 B (1 - mu^2)/(a (B (1 - mu) + 2 (1 + mu))) to sqrt(B (1 - mu^2)/2)/a: finite variance with some decay, not with none.

    The best weight decay is negative for B > 2 (1 + mu)/(1 - mu), and positive for smaller batches (without momentum, a batch of one).
    Below the first rate, and with clean labels, none is best.
    """

    name = "negative-weight-decay"
    title = "Between which learning rates a finite variance needs weight decay, negative for batches large enough"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Ask when an end of the window of finite variance is at zero, and when its two ends meet."""
        rates = sp.ImmutableMatrix([2 * B * (1 - mu**2) / (a * (B * (1 - mu) + 2 * (1 + mu))), sp.sqrt(B * (1 - mu**2) / 2) / a])
        derivation = (
            Derivation("learning rates that need a weight decay")
            .follow(WeightDecayWindow().derive().derivation)
            .claim(
                "an end of the window is at zero, low * high = 0; the two ends meet, low = high",
                rates,
                residual=lambda stated, ends: sp.Matrix(
                    [_numerator(sp.expand(ends[0] * ends[1]).subs(eta, stated[0])), _numerator(((ends[1] - ends[0]) ** 2).subs(eta, stated[1]))]
                ),
                rule="insertion",
            )
        )
        return Formula(derivation, "length^2/loss", eta, name=self.name)


@cache
def _planar() -> RegressionLaw:
    inputs = sp.diag(input_variance_1, input_variance_2)
    return weight_decay_law(input_covariance=inputs, target=(target_1, target_2), label_variance=0, momentum=0)


def _numerator(expression: sp.Expr) -> sp.Expr:
    return sp.expand(sp.fraction(sp.together(expression))[0])


def _without_momentum(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return tuple(replace(c, relation=c.relation.subs(mu, 0)) for c in conditions)
