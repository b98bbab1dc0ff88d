"""Where the linear scaling rule breaks: learning rate and batch size grown together change the law by the finite step and the finite data."""

import sympy as sp

from eyring.theory.basins.two_minima import RATIO
from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size, curvature, data_size, gradient_std, gradient_variance, growth, learning_rate, tolerated

__all__ = ["FiniteDataBreakdown", "FiniteStepBreakdown"]

VARIANCE = sp.Symbol("Sigma", positive=True)
PAIR = sp.Symbol("c_pair", real=True)


class FiniteStepBreakdown(Result):
    """Sigma(r eta, r B)/Sigma(eta, B) = (2 - eta H)/(2 - r eta H), the same for the excess loss; 1 in the SDE. It breaks at order eta H."""

    name = "scaling-rule-finite-step"
    title = "Growth of the stationary variance when learning rate and batch size grow together, from the finite step"
    chapter = "What they mean"
    sources = ("jastrzebski2017",)
    published_note = "The SDE is unchanged under the rule, and predicts 1."

    def derive(self) -> Formula:
        """Balance the variance over one step, and divide its values at (r eta, C/r) and (eta, C)."""
        eta, H, C = learning_rate, curvature, gradient_variance
        derivation = (
            Derivation("linear scaling rule at a finite step")
            .define(
                "one step x' = (1 - eta H) x - eta zeta leaves the variance as it is",
                sp.Eq(VARIANCE, (1 - eta * H) ** 2 * VARIANCE + eta**2 * C),
                rule="second moment of the update rule",
            )
            .claim(
                "solve for the variance",
                eta * C / (H * (2 - eta * H)),
                residual=lambda stated, before: sp.simplify(before.lhs.subs(VARIANCE, stated) - before.rhs.subs(VARIANCE, stated)),
                rule="insertion",
            )
            .apply(RATIO, "at r eta and r B, where C is C/r, over that at eta and B", first={eta: growth * eta, C: C / growth}, second={})
            .claim("tidy", (2 - eta * H) / (2 - growth * eta * H))
        )
        stable = Condition(less(growth * eta * H, sp.Integer(2)), "a step does not overshoot the minimum: SGD is stable", hard=True)
        return Formula(derivation, "1", eta, (stable,), name=self.name)

    def published(self) -> Formula:
        """Return what the SDE predicts: the ratio of C eta for the two pairs."""
        strength = Derivation("noise strength of the SDE").define("D = eta C/2", learning_rate * gradient_variance / 2)
        names = {learning_rate: growth * learning_rate, gradient_variance: gradient_variance / growth}
        return Formula(strength.apply(RATIO, "ratio of the noise strengths", first=names, second={}), "1", learning_rate)


class FiniteDataBreakdown(Result):
    """r = 1 + err (N/B - 1): growing eta and B by r takes the fraction err of the noise of batches drawn without replacement.

    D(r eta, r B)/D(eta, B) = (N - r B)/(N - B): none of the noise is left where r B = N: the smaller the data, the earlier the rule breaks.
    """

    name = "scaling-rule-finite-data"
    title = "How far learning rate and batch size may grow together before finite data take a given fraction of the noise"
    chapter = "What they mean"

    def derive(self) -> Formula:
        """Take the variance of the mean of B samples drawn without replacement, divide the noise strengths, and solve for the growth."""
        G, B, N = gradient_std**2, batch_size, data_size
        drawn = G * (N - B) / (B * (N - 1))
        derivation = (
            Derivation("linear scaling rule with finite data")
            .define(
                "variance of the mean of B draws, of which any two have the covariance c",
                (B * G + B * (B - 1) * PAIR) / B**2,
                rule="variance of a sum",
                needs="a batch is drawn without replacement",
            )
            .claim("all N together are no longer random, N G + N (N - 1) c = 0", drawn, residual=_without_pairs, rule="insertion of c")
            .claim(
                "noise strength D = eta C/2",
                learning_rate / 2 * drawn,
                residual=_half_times_rate,
            )
            .apply(RATIO, "at r eta and r B over that at eta and B", first={learning_rate: growth * learning_rate, B: growth * B}, second={})
            .claim("tidy", (N - growth * B) / (N - B))
            .claim(
                "where it is 1 - err",
                1 + tolerated * (N / B - 1),
                residual=lambda stated, before: sp.simplify(before.subs(growth, stated) - (1 - tolerated)),
                rule="insertion",
            )
        )
        fits = Condition(greater(N, B), "the batch is smaller than the data", hard=True)
        return Formula(derivation, "1", learning_rate, (fits,), name=self.name)


def _half_times_rate(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    return sp.simplify(stated - learning_rate / 2 * before)


def _without_pairs(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    everything = before.subs(batch_size, data_size)
    (pair,) = sp.solve(everything, PAIR)
    return sp.simplify(before.subs(PAIR, pair) - stated)
