"""The stationary variance of SGD on a parabola at finite learning rate."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import curvature, gradient_variance, learning_rate

__all__ = ["SGDVariance"]

VARIANCE = sp.Symbol("Sigma", positive=True)


class SGDVariance(Result):
    """Sigma = eta C/(H (2 - eta H)) for x' = x - eta (H x + zeta), Var zeta = C; nothing is taken as small."""

    name = "sgd-variance"
    title = "Stationary variance of SGD on a parabola, at finite learning rate"
    chapter = "Stationary laws"
    sources = ("liu2021",)

    def derive(self) -> Formula:
        """Balance the variance over one step and solve."""
        eta, H, C = learning_rate, curvature, gradient_variance
        balance = sp.Eq(VARIANCE, (1 - eta * H) ** 2 * VARIANCE + eta**2 * C)
        derivation = (
            Derivation("stationary variance of SGD on a parabola")
            .define("one step x' = (1 - eta H) x - eta zeta leaves the variance as it is", balance, rule="second moment of the update rule")
            .claim(
                "solve for the variance",
                eta * C / (H * (2 - eta * H)),
                residual=lambda stated, before: sp.simplify(before.lhs.subs(VARIANCE, stated) - before.rhs.subs(VARIANCE, stated)),
                rule="insertion",
            )
        )
        stable = Condition(less(eta * H, sp.Integer(2)), "a step does not overshoot the minimum: SGD is stable", hard=True)
        return Formula(derivation, "length^2", learning_rate, (stable,), name=self.name)
